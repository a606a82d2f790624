//! The servers on epoll itself: the least there is.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::net::{SocketFlags, accept_with};
use rustix::time::Timespec;

use super::by_hand::{Replies, Server, Stream};
use super::{AnyError, announce};
use crate::plan::Kind;

const LISTENER: u64 = u64::MAX;

impl Stream for TcpStream {
    fn connect(to: SocketAddr) -> io::Result<Self> {
        let stream = Self::connect(to)?;
        stream.set_nonblocking(true)?;
        Ok(stream)
    }

    fn set_no_delay(&self) -> io::Result<()> {
        self.set_nodelay(true)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.shutdown(how)
    }
}

pub(super) fn serve(kind: Kind, upstream: Option<SocketAddr>) -> Result<(), AnyError> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    announce(listener.local_addr()?.port())?;
    let register = |stream: &mut TcpStream, place: usize| {
        let both = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        Ok(epoll::add(&epoll, stream, EventData::new_u64(place as u64), both)?)
    };
    let mut server = Server::new(kind, Replies::Gathered, upstream);
    let mut events = Vec::with_capacity(1024);
    loop {
        let timeout = server.before_wait().and_then(|time| Timespec::try_from(time).ok());
        epoll::wait(&epoll, spare_capacity(&mut events), timeout.as_ref())?;
        server.after_wait();
        for event in events.drain(..) {
            if event.data.u64() != LISTENER {
                let flags = event.flags;
                let ended = flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
                server.ready(event.data.u64() as usize, ended);
                continue;
            }
            // Level-triggered: who is left calls again.
            while let Ok(stream) = accept_with(&listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
                // An error ends its connection and nothing else.
                server.accepted(stream.into(), register).ok();
            }
        }
        server.after_events();
    }
}
