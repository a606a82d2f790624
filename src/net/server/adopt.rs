//! Listening at a socket that somebody else made. Mirrors `server.listen({ fd })`.

use super::Server;
use crate::address::Address;
use crate::error::Error;
use crate::net::options::ListenOptions;
use crate::stream::Listener;
use crate::sys::{self, Foreign};

/// What [`Server::adopt`] takes: `std`'s `TcpListener` and `UnixListener`, or an `OwnedFd` (`OwnedSocket` on Windows).
///
/// ```
/// use netloop::AdoptedListener;
///
/// let _: AdoptedListener = std::net::TcpListener::bind(("127.0.0.1", 0))?.into();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct AdoptedListener(pub(in crate::net) Foreign);

impl From<std::net::TcpListener> for AdoptedListener {
    fn from(listener: std::net::TcpListener) -> Self {
        Self(Foreign(listener.into()))
    }
}

impl<S> Server<'_, S> {
    /// Listens at a socket that is bound already: from a supervisor, or to know at once whether a port is free. Mirrors
    /// `server.listen({ fd })`.
    ///
    /// It listens when the call returns, and `listening` comes on a tick. What is no stream socket, or is connected, is an
    /// `error` with `EINVAL`; so is a server that listens already, with `ERR_SERVER_ALREADY_LISTEN`. In any case the socket is
    /// the server's from now on, and is closed with it or at once.
    ///
    /// `listen` is asked for once more, as in Node: the backlog becomes 511. As in Node too,
    /// [`address`](Self::address) is `None` for a Unix-domain socket, and its file is left alone.
    ///
    /// ```
    /// use std::net::TcpListener;
    ///
    /// let mut reactor = netloop::Reactor::<()>::new()?;
    /// let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| { eprintln!("the port is taken"); error })?;
    /// let port = listener.local_addr()?.port();
    /// let mut server = reactor.create_server(|socket, _| socket.end_with("hello\n"));
    /// assert_eq!(server.adopt(listener).port(), Some(port));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn adopt(&mut self, listener: impl Into<AdoptedListener>) -> &mut Self {
        let AdoptedListener(foreign) = listener.into();
        if self.reactor.begin_listen(self.id).is_some() {
            let acceptor = sys::adopt_listener(foreign, ListenOptions::new().backlog_or_default());
            let listener = acceptor.map(Listener::new);
            self.reactor.start_listening(self.id, listener.map_err(|error| Error::listen(None::<&Address>, error)));
        }
        self
    }
}
