//! The servers on raw mio.

use std::io;
use std::net::{Shutdown, SocketAddr};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use super::by_hand::{Replies, Server, Stream};
use super::{AnyError, announce};
use crate::plan::Kind;

const LISTENER: Token = Token(usize::MAX);

impl Stream for TcpStream {
    fn connect(to: SocketAddr) -> io::Result<Self> {
        Self::connect(to)
    }

    fn set_no_delay(&self) -> io::Result<()> {
        self.set_nodelay(true)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.shutdown(how)
    }
}

pub(super) fn serve(kind: Kind, upstream: Option<SocketAddr>) -> Result<(), AnyError> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    announce(listener.local_addr()?.port())?;
    let mut server = Server::new(kind, Replies::AtOnce, upstream);
    loop {
        let timeout = server.before_wait();
        poll.poll(&mut events, timeout)?;
        server.after_wait();
        for event in &events {
            if event.token() != LISTENER {
                server.ready(event.token().0, event.is_read_closed());
                continue;
            }
            while let Ok((stream, _)) = listener.accept() {
                let both = Interest::READABLE | Interest::WRITABLE;
                let register = |stream: &mut TcpStream, place| poll.registry().register(stream, Token(place), both);
                // An error ends its connection and nothing else.
                server.accepted(stream, register).ok();
            }
        }
        server.after_events();
    }
}
