//! A socket as `io::Write`, for serialisers.

use std::io;

use super::{Socket, SocketId};
use crate::net::Reactor;

/// A socket as [`io::Write`]: each write is taken whole or fails, as with [`Socket::try_write`].
///
/// ```
/// use std::io::Write;
///
/// let mut reactor = netloop::Reactor::<()>::new()?;
/// let (near, _) = reactor.socket_pair()?;
/// let mut socket = reactor.socket(near).expect("just made");
/// socket.writer().write_all(b"from a serialiser")?;
/// assert_eq!(socket.bytes_written(), 17);
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Debug)]
pub struct Writer<'w, S = ()> {
    reactor: &'w mut Reactor<S>,
    id: SocketId,
}

impl<S> Socket<'_, S> {
    /// A view for code that writes to an [`io::Write`].
    ///
    /// ```
    /// # use std::io::Write;
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// write!(socket.writer(), "{} bottles", 99)?;
    /// assert_eq!(socket.bytes_written(), 10);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn writer(&mut self) -> Writer<'_, S> {
        Writer { reactor: self.reactor, id: self.id }
    }
}

impl<S> io::Write for Writer<'_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Socket::new(self.reactor, self.id).try_write(bytes)?;
        Ok(bytes.len())
    }

    /// Nothing to do: the socket flushes itself.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
