//! Taking over sockets that somebody else made: what `uv_tcp_open`, `uv_pipe_open` and `uv_guess_handle` do.

use std::io;
use std::mem::MaybeUninit;

use mio::net::{TcpListener, TcpStream};
use socket2::{Socket, Type};

use super::imp;
use super::tcp::Bound;
use super::transport::{Acceptor, Transport};

/// A descriptor from outside; nobody knows yet what it is.
#[derive(Debug)]
pub(crate) struct Foreign(pub(crate) Socket);

/// Why a descriptor is not taken.
#[derive(Debug)]
pub(crate) enum Refused {
    /// It is no stream socket, but this.
    Kind(&'static str),
    /// It has no peer: a read of it fails so. It may be connected yet.
    NoPeer(Bound, io::Error),
    /// It cannot be used without blocking.
    Open(io::Error),
}

/// What a stream socket speaks, by its address.
enum Domain {
    /// Or another protocol of the same addresses.
    Tcp,
    Local,
}

/// Takes a stream, in whatever state of its life.
pub(crate) fn adopt_stream(Foreign(socket): Foreign) -> Result<Transport, Refused> {
    let Some(domain) = stream_domain(&socket) else {
        return Err(Refused::Kind(kind(socket)));
    };
    socket.set_nonblocking(true).map_err(Refused::Open)?;
    imp::raise_no_signal(&socket);
    // A listening socket would wait for ever: no read of it is ever tried. One that has a peer is none, and must not be
    // peeked at, for that would swallow its error.
    if socket.peer_addr().is_err()
        && let Err(error) = socket.peek(&mut [MaybeUninit::uninit()])
        && error.kind() != io::ErrorKind::WouldBlock
    {
        return Err(Refused::NoPeer(Bound(socket), error));
    }
    match domain {
        Domain::Tcp => Ok(Transport::Foreign(TcpStream::from_std(socket.into()))),
        Domain::Local => imp::adopt_local(socket).map_err(Refused::Open),
    }
}

/// Takes a socket that is bound, and lets it listen if it does not yet. Anything else is `EINVAL`, as in Node.
pub(crate) fn adopt_listener(Foreign(socket): Foreign, backlog: i32) -> io::Result<Acceptor> {
    let domain = stream_domain(&socket).ok_or(io::ErrorKind::InvalidInput)?;
    socket.set_nonblocking(true)?;
    imp::raise_no_signal(&socket);
    socket.listen(backlog)?;
    match domain {
        Domain::Tcp if imp::is_plain_tcp(&socket) => Ok(Acceptor::Tcp(TcpListener::from_std(socket.into()))),
        Domain::Tcp => Ok(Acceptor::Foreign(TcpListener::from_std(socket.into()))),
        Domain::Local => imp::adopt_local_listener(socket),
    }
}

fn stream_domain(socket: &Socket) -> Option<Domain> {
    if socket.r#type().ok()? != Type::STREAM {
        return None;
    }
    let address = socket.local_addr().ok()?;
    match address.as_socket() {
        Some(_) => Some(Domain::Tcp),
        None => address.is_unix().then_some(Domain::Local),
    }
}

fn kind(socket: Socket) -> &'static str {
    let is_udp = socket.r#type().is_ok_and(|kind| kind == Type::DGRAM)
        && socket.local_addr().is_ok_and(|address| address.as_socket().is_some());
    if is_udp { "UDP" } else { imp::foreign_kind(socket) }
}
