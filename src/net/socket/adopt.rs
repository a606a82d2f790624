//! Sockets that somebody else made. Mirrors `new net.Socket({ fd })`.

use std::io;
use std::rc::Rc;

use super::{Socket, SocketId};
use crate::code;
use crate::error::{Error, Result};
use crate::net::Reactor;
use crate::net::options::SocketOptions;
use crate::sys::{self, Bound, Foreign, Refused};

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
    /// A stream without a peer may be bound, or have options of its own: if [`connect`](Socket::connect) is called before the
    /// next tick, it is connected, and of a name the first address is tried. Otherwise, and also if it listens, it fails as a
    /// read of it does: `error` on the tick after, and `close` with true.
    ///
    /// What is no stream socket is told by `error` on a tick, `ERR_INVALID_FD_TYPE`, and `close` with true.
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
    ///
    /// A client from a port that is known before it connects:
    ///
    /// ```
    /// # #[cfg(unix)] {
    /// use std::net::SocketAddr;
    /// use std::os::fd::OwnedFd;
    ///
    /// # let mut reactor = netloop::Reactor::<Option<u16>>::new()?;
    /// # let port = reactor.create_server(|_, _| {}).listen(([127, 0, 0, 1], 0)).unref().port().expect("it is bound");
    /// let bound = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    /// bound.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    /// let from = bound.local_addr()?.as_socket().map(|address| address.port());
    /// reactor.adopt(OwnedFd::from(bound)).connect(([127, 0, 0, 1], port)).on_connect(|socket, from| {
    ///     *from = socket.local_port();
    ///     socket.destroy();
    /// });
    /// let mut seen = None;
    /// reactor.run(&mut seen)?;
    /// assert_eq!(seen, from);
    /// # }
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
        let transport = match sys::adopt_stream(foreign) {
            Ok(transport) => transport,
            Err(Refused::NoPeer(bound, error)) => return Ok(self.adopt_unconnected(bound, error, options)),
            Err(Refused::Kind(kind)) => {
                return Err(Error::with_code(code::ERR_INVALID_FD_TYPE, format!("Unsupported fd type: {kind}")));
            }
            Err(Refused::Open(error)) => return Err(Error::system("open", error)),
        };
        let remote = transport.remote_address();
        let id = self.adopt_transport(transport, remote, options, false)?;
        self.expose(id);
        Ok(id)
    }

    /// A socket that waits a tick for its `connect`.
    fn adopt_unconnected(&mut self, bound: Bound, error: io::Error, options: &Rc<SocketOptions>) -> SocketId {
        let setup = !self.event_loop.is_running();
        let id = self.insert_socket(options);
        if let Some(socket) = self.socket_entry(id) {
            socket.setup = setup;
            socket.rare().unconnected = Some((bound, error));
        }
        self.next_tick(move |reactor, _| reactor.give_up_unconnected(id));
        id
    }

    /// Nothing has connected it: it fails as a read would.
    fn give_up_unconnected(&mut self, id: SocketId) {
        let Some(socket) = self.socket_entry(id).filter(|socket| !socket.life.is_connecting()) else {
            return;
        };
        let unconnected = socket.rare().unconnected.take();
        if let Some((_, error)) = unconnected.filter(|_| !socket.life.is_destroyed()) {
            socket.life.open();
            self.destroy(id, Some(Error::system("read", error)));
        }
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
