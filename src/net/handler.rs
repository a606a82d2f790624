//! One value a connection, called for all its events.

use crate::error::{Error, Result};

use super::emit::{Event, events};
use super::socket::Socket;

/// The listeners of one connection as one value: they share `&mut self`, without `Rc<RefCell<…>>` and without a map.
///
/// [`Socket::attach`] adds it as a listener of all seven events. An `Err` destroys the socket with that error.
///
/// ```
/// use netloop::{Handler, Reactor, Socket};
///
/// #[derive(Default)]
/// struct Session { bytes: u64 }
///
/// impl Handler<u64> for Session {
///     fn on_data(&mut self, socket: &mut Socket<'_, u64>, chunk: &[u8], _total: &mut u64) -> netloop::Result {
///         self.bytes += chunk.len() as u64;
///         socket.write(chunk);
///         Ok(())
///     }
///     fn on_close(&mut self, _: &mut Socket<'_, u64>, _had_error: bool, total: &mut u64) {
///         *total += self.bytes;
///     }
/// }
///
/// let mut reactor = Reactor::new()?;
/// reactor.create_server(|socket, _| { socket.attach(Session::default()); }).listen(0);
/// # Ok::<(), netloop::Error>(())
/// ```
pub trait Handler<S = ()> {
    /// Bytes were read; `chunk` is lent for the call.
    ///
    /// # Errors
    ///
    /// Whatever you return destroys the socket.
    fn on_data(&mut self, socket: &mut Socket<'_, S>, chunk: &[u8], state: &mut S) -> Result;

    /// The connection stands.
    ///
    /// # Errors
    ///
    /// Whatever you return destroys the socket.
    fn on_connect(&mut self, socket: &mut Socket<'_, S>, state: &mut S) -> Result {
        let _ = (socket, state);
        Ok(())
    }

    /// The peer has ended its half.
    ///
    /// # Errors
    ///
    /// Whatever you return destroys the socket.
    fn on_end(&mut self, socket: &mut Socket<'_, S>, state: &mut S) -> Result {
        let _ = (socket, state);
        Ok(())
    }

    /// All queued bytes have left, after a `write` that returned false.
    ///
    /// # Errors
    ///
    /// Whatever you return destroys the socket.
    fn on_drain(&mut self, socket: &mut Socket<'_, S>, state: &mut S) -> Result {
        let _ = (socket, state);
        Ok(())
    }

    /// The socket was idle for its timeout.
    ///
    /// # Errors
    ///
    /// Whatever you return destroys the socket.
    fn on_timeout(&mut self, socket: &mut Socket<'_, S>, state: &mut S) -> Result {
        let _ = (socket, state);
        Ok(())
    }

    /// The socket failed; `on_close` follows. Not overridden, it leaves the error unheard: then it is logged, or whatever
    /// [`UnhandledErrors`](crate::UnhandledErrors) says.
    fn on_error(&mut self, socket: &mut Socket<'_, S>, error: &Error, state: &mut S) {
        let _ = (error, state);
        socket.leave_error_unheard();
    }

    /// The last event.
    fn on_close(&mut self, socket: &mut Socket<'_, S>, had_error: bool, state: &mut S) {
        let _ = (socket, had_error, state);
    }
}

/// The events of a handler, as a mask.
pub(super) const HANDLER_EVENTS: u32 =
    events::CONNECT | events::DATA | events::END | events::DRAIN | events::TIMEOUT | events::ERROR | events::CLOSE;

/// Calls the method of an event.
pub(super) fn call<S>(handler: &mut impl Handler<S>, socket: &mut Socket<'_, S>, event: Event<'_>, state: &mut S) -> Result {
    match event {
        Event::Data(chunk) => handler.on_data(socket, chunk, state),
        Event::Connect => handler.on_connect(socket, state),
        Event::End => handler.on_end(socket, state),
        Event::Drain => handler.on_drain(socket, state),
        Event::Timeout => handler.on_timeout(socket, state),
        Event::Error(error) => {
            handler.on_error(socket, error, state);
            Ok(())
        }
        Event::Close(had_error) => {
            handler.on_close(socket, had_error, state);
            Ok(())
        }
        _ => Ok(()),
    }
}
