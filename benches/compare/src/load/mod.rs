//! The load generator: what clients do, in one thread.

mod bulk;
mod chat;
mod check;
mod churn;
mod idle;
mod lines;
mod open_loop;
mod ping_pong;
mod slow;

use std::io;
use std::net::{SocketAddr, TcpStream as StdStream};
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

pub(crate) use check::check;

use crate::peers::AnyError;
use crate::plan::{Effort, Load};
use crate::server::{Measured, Meter, Plan, Server};

/// A server that answers nothing for so long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// Plays a load against a server.
pub(crate) fn play(load: Load, server: &mut Server, plan: Plan, effort: &Effort) -> Result<Measured, AnyError> {
    match load {
        Load::PingPong { connections, size } => ping_pong::play(server, plan, connections, size),
        Load::Lines { one_by_one: false } => lines::batches(server, plan),
        Load::Lines { one_by_one: true } => lines::one_by_one(server, plan),
        Load::Sink => bulk::sink(server, plan),
        Load::Churn => churn::play(server, plan),
        Load::Chat => chat::play(server, plan),
        Load::Proxy => bulk::proxy(server, plan),
        Load::Idle => idle::play(server, effort.idle_connections),
        Load::OpenLoop { connections } => open_loop::play(server, plan, connections, effort.rate),
        Load::Slow => slow::play(server, effort),
    }
}

fn address(server: &Server) -> SocketAddr {
    ([127, 0, 0, 1], server.port).into()
}

/// A listener's queue is short, and a connection that finds it full is tried again only after a second.
fn breathe(made: usize) {
    if made % 32 == 31 {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A blocking connection that gives up after a while.
fn patient(server: &Server) -> io::Result<StdStream> {
    let stream = StdStream::connect(address(server))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Many connections under one poll, registered once for both directions, edge-triggered.
struct Crowd {
    poll: Poll,
    events: Events,
    streams: Vec<TcpStream>,
}

impl Crowd {
    fn connect(server: &Server, count: usize) -> io::Result<Self> {
        let mut crowd = Self { poll: Poll::new()?, events: Events::with_capacity(1024), streams: Vec::with_capacity(count) };
        for made in 0..count {
            let stream = StdStream::connect(address(server))?;
            stream.set_nodelay(true)?;
            crowd.add(stream)?;
            breathe(made);
        }
        Ok(crowd)
    }

    fn add(&mut self, stream: StdStream) -> io::Result<()> {
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(self.streams.len()), both)?;
        self.streams.push(stream);
        Ok(())
    }

    /// Waits for events; that none come is an error.
    fn wait(&mut self) -> Result<(), AnyError> {
        self.poll.poll(&mut self.events, Some(PATIENCE))?;
        if self.events.is_empty() { Err(format!("no answer for {PATIENCE:?}").into()) } else { Ok(()) }
    }
}

/// What was moved, or nothing if that would block. The end of a stream is an error: no server ends first here.
fn moved(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(n) => Ok(Some(n)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// Bytes that repeat late, so that one that is lost or comes twice is seen.
fn pattern(length: usize) -> Vec<u8> {
    (0..length as u64).map(|place| (place.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect()
}

fn wrong_bytes() -> AnyError {
    "other bytes than were sent".into()
}
