//! Sockets that somebody else made. Mirrors `new net.Socket({ fd })`.

use std::rc::Rc;

use super::{Socket, SocketId};
use crate::code;
use crate::error::{Error, Result};
use crate::net::Reactor;
use crate::net::options::SocketOptions;
use crate::sys::{self, Foreign, Refused};

/// What [`Reactor::adopt`] takes: `std`'s `TcpStream` and `UnixStream`, or an `OwnedFd` (`OwnedSocket` on Windows).
///
/// ```
/// use netloop::Adopted;
///
/// let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
/// let _: Adopted = std::net::TcpStream::connect(listener.local_addr()?)?.into();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Adopted(pub(in crate::net) Foreign);

impl From<std::net::TcpStream> for Adopted {
    fn from(stream: std::net::TcpStream) -> Self {
        Self(Foreign(stream.into()))
    }
}

impl<S> Reactor<S> {
    /// Takes over a stream that is connected already, in whatever state it is. Mirrors `new net.Socket({ fd })`.
    ///
    /// It is made non-blocking, and with it every duplicate of the descriptor. Reading starts at once; there is no `connect`
    /// event. The descriptor is the socket's from now on, and is closed with it or at once.
    ///
    /// What cannot be taken is told by `error` on a tick and `close` with true: `ERR_INVALID_FD_TYPE` for what is no stream
    /// socket, and for a stream without a peer, such as a listening one, what a read of it says.
    ///
    /// ```
    /// # use std::io::Write;
    /// let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    /// let mut client = std::net::TcpStream::connect(listener.local_addr()?)?;
    /// client.write_all(b"sent before")?;
    /// drop(client);
    ///
    /// let mut reactor = netloop::Reactor::<Vec<u8>>::new()?;
    /// reactor.adopt(listener.accept()?.0).on_data(|_, chunk, seen| seen.extend_from_slice(chunk));
    /// let mut seen = Vec::new();
    /// reactor.run(&mut seen)?;
    /// assert_eq!(seen, b"sent before");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn adopt(&mut self, stream: impl Into<Adopted>) -> Socket<'_, S> {
        self.adopt_with(stream, SocketOptions::new())
    }

    /// As [`adopt`](Self::adopt), with options.
    ///
    /// ```
    /// # let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    /// # let stream = std::net::TcpStream::connect(listener.local_addr()?)?;
    /// let mut reactor = netloop::Reactor::<()>::new()?;
    /// let options = netloop::SocketOptions::new().allow_half_open(true);
    /// assert!(reactor.adopt_with(stream, options).allow_half_open());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn adopt_with(&mut self, stream: impl Into<Adopted>, options: SocketOptions) -> Socket<'_, S> {
        let id = match self.try_adopt(stream.into(), &Rc::new(options)) {
            Ok(id) => id,
            Err(error) => self.adopt_nothing(error),
        };
        self.bind_socket_signal(id);
        Socket::new(self, id)
    }

    fn try_adopt(&mut self, Adopted(foreign): Adopted, options: &Rc<SocketOptions>) -> Result<SocketId> {
        let transport = sys::adopt_stream(foreign).map_err(|refused| match refused {
            Refused::Kind(kind) => Error::with_code(code::ERR_INVALID_FD_TYPE, format!("Unsupported fd type: {kind}")),
            Refused::Read(error) => Error::system("read", error),
            Refused::Open(error) => Error::system("open", error),
        })?;
        let remote = transport.remote_address();
        let id = self.adopt_transport(transport, remote, options, false)?;
        if let Some(socket) = self.socket_entry(id) {
            // There may be duplicates of the descriptor.
            socket.expose();
        }
        Ok(id)
    }

    /// A socket that fails as if it had been open.
    fn adopt_nothing(&mut self, error: Error) -> SocketId {
        let setup = !self.event_loop.is_running();
        let id = self.insert_socket(&Rc::<SocketOptions>::default());
        if let Some(socket) = self.socket_entry(id) {
            socket.setup = setup;
            socket.life.open();
        }
        self.destroy(id, Some(error));
        id
    }
}
