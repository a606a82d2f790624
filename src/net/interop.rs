//! Descriptors for the outside and from there: embedding the reactor, options by socket2, adopting.

#[cfg(unix)]
mod unix {
    use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
    #[cfg(not(mio_unsupported_force_poll_poll))]
    use std::os::fd::{AsRawFd, RawFd};
    use std::os::unix::net::{UnixListener, UnixStream};

    #[cfg(not(mio_unsupported_force_poll_poll))]
    use crate::net::Reactor;
    use crate::net::socket::SocketState;
    use crate::net::{Adopted, AdoptedListener, Socket};
    use crate::sys::{Foreign, Transport};

    impl From<UnixStream> for Adopted {
        fn from(stream: UnixStream) -> Self {
            Self(Foreign(stream.into()))
        }
    }

    impl From<OwnedFd> for Adopted {
        fn from(descriptor: OwnedFd) -> Self {
            Self(Foreign(descriptor.into()))
        }
    }

    impl From<UnixListener> for AdoptedListener {
        fn from(listener: UnixListener) -> Self {
            Self(Foreign(listener.into()))
        }
    }

    impl From<OwnedFd> for AdoptedListener {
        fn from(descriptor: OwnedFd) -> Self {
            Self(Foreign(descriptor.into()))
        }
    }

    /// The selector's descriptor: readable when the loop has events. Mirrors `uv_backend_fd`.
    ///
    /// An outer loop waits for it at most [`Reactor::backend_timeout`], asked anew each time, then calls
    /// [`Reactor::run_nowait`]. Once the events are taken the descriptor is quiet although work may be left: the timeout of
    /// zero tells. mio's poll(2) backend has no such descriptor.
    #[cfg(not(mio_unsupported_force_poll_poll))]
    impl<S> AsFd for Reactor<S> {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.event_loop.registry().as_fd()
        }
    }

    #[cfg(not(mio_unsupported_force_poll_poll))]
    impl<S> AsRawFd for Reactor<S> {
        fn as_raw_fd(&self) -> RawFd {
            self.event_loop.registry().as_raw_fd()
        }
    }

    /// The socket's descriptor, for options (`socket2::SockRef::from(&socket)`); reading or writing it breaks the socket.
    /// From then on each message costs one read more, for an option may change where a read ends.
    ///
    /// A socket without a handle (never connected, or destroyed) gives a descriptor that is no socket: options fail with
    /// `ENOTSOCK`.
    impl<S> AsFd for Socket<'_, S> {
        fn as_fd(&self) -> BorrowedFd<'_> {
            match self.entry().and_then(SocketState::expose) {
                Some(Transport::Tcp(socket) | Transport::Foreign(socket)) => socket.as_fd(),
                Some(Transport::Local(socket)) => socket.as_fd(),
                None => self.reactor_ref().reserve.as_fd(),
            }
        }
    }
}

#[cfg(windows)]
mod windows {
    use std::os::windows::io::{AsSocket, BorrowedSocket, OwnedSocket};

    use crate::net::socket::SocketState;
    use crate::net::{Adopted, AdoptedListener, Socket};
    use crate::sys::{Foreign, Transport};

    impl From<OwnedSocket> for Adopted {
        fn from(socket: OwnedSocket) -> Self {
            Self(Foreign(socket.into()))
        }
    }

    impl From<OwnedSocket> for AdoptedListener {
        fn from(socket: OwnedSocket) -> Self {
            Self(Foreign(socket.into()))
        }
    }

    /// The socket's handle, for options (`socket2::SockRef::from(&socket)`); reading or writing it breaks the socket.
    ///
    /// A named pipe, and a socket without a connection (never connected, or destroyed), give one that is no stream: options
    /// of TCP fail.
    impl<S> AsSocket for Socket<'_, S> {
        fn as_socket(&self) -> BorrowedSocket<'_> {
            match self.entry().and_then(SocketState::expose) {
                Some(Transport::Tcp(socket) | Transport::Foreign(socket)) => socket.as_socket(),
                Some(Transport::Local(_)) | None => self.reactor_ref().reserve.as_socket(),
            }
        }
    }
}
