//! One connected and one listening socket, TCP or local: `uv_tcp_t` and `uv_pipe_t` without their state.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;

use mio::event::Source;
use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use socket2::SockRef;

use super::imp::{self, LocalListener, LocalStream};
use super::tcp::{self, KeepAlive};
use super::{Bell, Watched, faults};
use crate::address::Address;

/// A connected (or connecting) stream socket.
#[derive(Debug)]
pub(crate) enum Transport {
    Tcp(TcpStream),
    Local(LocalStream),
    /// Made elsewhere: TCP or what looks like it (MPTCP, SCTP), perhaps with another layer on top (kTLS).
    Foreign(TcpStream),
}

/// A listening socket.
#[derive(Debug)]
pub(crate) enum Acceptor {
    Tcp(TcpListener),
    Local(LocalListener),
    /// Made elsewhere, and not known to speak TCP.
    Foreign(TcpListener),
}

macro_rules! each {
    ($kind:ident, $value:expr, $socket:ident => $call:expr) => {
        match $value {
            $kind::Tcp($socket) | $kind::Foreign($socket) => $call,
            $kind::Local($socket) => $call,
        }
    };
}

impl Transport {
    #[inline(always)]
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        each!(Self, self, socket => faults::read(socket, buffer, |buffer| { let mut socket = socket; socket.read(buffer) }))
    }

    #[inline(always)]
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let part = |cut: Option<usize>| cut.map_or(bytes, |len| &bytes[..len]);
        match self {
            // std asks for no signal.
            Self::Tcp(socket) | Self::Foreign(socket) => faults::write(socket, bytes.len(), |cut| {
                let mut socket = socket;
                socket.write(part(cut))
            }),
            Self::Local(socket) => faults::write(socket, bytes.len(), |cut| imp::write_local(socket, part(cut))),
        }
    }

    #[inline]
    pub(crate) fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        // A cut one is a part of the first slice that has bytes.
        let cut = |cut: usize| slices.iter().find(|slice| !slice.is_empty()).map(|slice| &slice[..slice.len().min(cut)]);
        let len = || slices.iter().map(|slice| slice.len()).sum();
        let len = if faults::active() { len() } else { 0 };
        match self {
            Self::Tcp(socket) | Self::Foreign(socket) => faults::write(socket, len, |part| match part.and_then(cut) {
                Some(bytes) => {
                    let mut socket = socket;
                    socket.write(bytes)
                }
                None => imp::write_vectored_tcp(socket, slices),
            }),
            Self::Local(socket) => faults::write(socket, len, |part| match part.and_then(cut) {
                Some(bytes) => imp::write_local(socket, bytes),
                None => imp::write_vectored_local(socket, slices),
            }),
        }
    }

    /// Whether a read that does not fill its buffer has read everything, unless there is urgent data.
    ///
    /// A local stream gives no sign of what ends a read too early: a message with a descriptor or by another sender, an urgent
    /// byte. What an adopted stream does with records, and what was done to it before, is not known.
    #[inline]
    pub(crate) fn short_read_is_last(&self) -> bool {
        imp::SHORT_READ_MEANS_EMPTY && matches!(self, Self::Tcp(_)) && !faults::active()
    }

    /// Whether after a write that is not taken whole the selector will tell of room.
    pub(crate) fn short_write_is_full(&self) -> bool {
        imp::SHORT_WRITE_MEANS_FULL && !matches!(self, Self::Foreign(_)) && !faults::active()
    }

    /// Sends FIN.
    pub(crate) fn shutdown(&self) -> io::Result<()> {
        each!(Self, self, socket => socket.shutdown(Shutdown::Write))
    }

    /// Takes `SO_ERROR`. Only connect resolution may: on an established socket it would swallow a reset.
    pub(crate) fn take_error(&self) -> io::Result<Option<io::Error>> {
        each!(Self, self, socket => socket.take_error())
    }

    /// Whether the handshake is over: a socket that still connects has no peer.
    pub(crate) fn is_connected(&self) -> io::Result<bool> {
        let peer = each!(Self, self, socket => socket.peer_addr().map(drop));
        match peer {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotConnected || super::is_in_progress(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn local_address(&self) -> Option<Address> {
        match self {
            Self::Tcp(socket) | Self::Foreign(socket) => socket.local_addr().ok().map(Address::Tcp),
            Self::Local(_) => None,
        }
    }

    pub(crate) fn remote_address(&self) -> Option<Address> {
        match self {
            Self::Tcp(socket) | Self::Foreign(socket) => socket.peer_addr().ok().map(Address::Tcp),
            Self::Local(_) => None,
        }
    }

    #[inline]
    pub(crate) fn is_tcp(&self) -> bool {
        matches!(self, Self::Tcp(_) | Self::Foreign(_))
    }

    pub(crate) fn set_no_delay(&self, on: bool) -> io::Result<()> {
        match self {
            Self::Tcp(socket) | Self::Foreign(socket) => socket.set_nodelay(on),
            Self::Local(_) => Ok(()),
        }
    }

    pub(crate) fn set_keep_alive(&self, keep_alive: Option<&KeepAlive>) -> io::Result<()> {
        match self {
            Self::Tcp(socket) | Self::Foreign(socket) => tcp::set_keep_alive(socket, keep_alive),
            Self::Local(_) => Ok(()),
        }
    }

    /// No effect on local sockets.
    pub(crate) fn set_type_of_service(&self, value: u8) -> io::Result<()> {
        match self {
            Self::Tcp(socket) | Self::Foreign(socket) => tcp::set_type_of_service(socket, value),
            Self::Local(_) => Ok(()),
        }
    }

    /// `None` if the system does not say, or has none to say.
    pub(crate) fn type_of_service(&self) -> Option<u8> {
        match self {
            Self::Tcp(socket) | Self::Foreign(socket) => tcp::type_of_service(socket).ok(),
            Self::Local(_) => None,
        }
    }

    /// Whether a close with unread input would tell the peer of a reset instead of an end.
    pub(crate) fn lingers(&self) -> bool {
        match self {
            Self::Tcp(_) | Self::Foreign(_) => true,
            Self::Local(_) => imp::LOCAL_LINGERS,
        }
    }

    /// Makes the coming close send RST (`uv_tcp_close_reset`).
    pub(crate) fn reset_on_close(&self) -> io::Result<()> {
        match self {
            Self::Tcp(socket) | Self::Foreign(socket) => SockRef::from(socket).set_linger(Some(std::time::Duration::ZERO)),
            Self::Local(_) => Ok(()),
        }
    }
}

impl Acceptor {
    /// Takes one connection; its peer address comes with it, for a later `getpeername` may fail (a peer that reset already).
    pub(crate) fn accept(&self) -> io::Result<(Transport, Option<Address>)> {
        faults::interrupt()?;
        match self {
            Self::Tcp(socket) => socket.accept().map(|(peer, address)| (Transport::Tcp(peer), Some(Address::Tcp(address)))),
            Self::Local(socket) => socket.accept().map(|(peer, _)| (Transport::Local(peer), None)),
            Self::Foreign(socket) => {
                socket.accept().map(|(peer, address)| (Transport::Foreign(peer), Some(Address::Tcp(address))))
            }
        }
    }

    pub(crate) fn local_address(&self) -> io::Result<Option<Address>> {
        match self {
            Self::Tcp(socket) | Self::Foreign(socket) => socket.local_addr().map(|address| Some(Address::Tcp(address))),
            Self::Local(_) => Ok(None),
        }
    }
}

impl Watched for Transport {
    fn attach(&mut self, bell: impl FnOnce() -> Bell) {
        each!(Self, self, socket => { let bell = faults::attach(socket, bell); socket.attach(bell) });
    }
}

impl Watched for Acceptor {
    fn attach(&mut self, bell: impl FnOnce() -> Bell) {
        each!(Self, self, socket => socket.attach(bell));
    }
}

impl Source for Transport {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        each!(Self, self, socket => socket.register(registry, token, interests))
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        each!(Self, self, socket => socket.reregister(registry, token, interests))
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        each!(Self, self, socket => socket.deregister(registry))
    }
}

impl Source for Acceptor {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        each!(Self, self, socket => socket.register(registry, token, interests))
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        each!(Self, self, socket => socket.reregister(registry, token, interests))
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        each!(Self, self, socket => socket.deregister(registry))
    }
}
