//! What happens to an unheard `error`, and how a line of the log names its object.

use std::fmt;

use super::Reactor;
use super::host::Handle;
use super::server::ServerId;
use super::socket::SocketId;
use crate::address::Address;
use crate::code;
use crate::error::Error;
use crate::event_loop::call_and_keep;

/// What becomes of an `error` event without a listener.
///
/// ```
/// use netloop::{Reactor, UnhandledErrors};
///
/// let mut reactor = Reactor::<()>::new()?;
/// reactor.set_unhandled_errors(UnhandledErrors::Node);
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnhandledErrors {
    /// What was set up before `run` (a listen, a connect) and fails makes `run` return its error: a program that cannot start
    /// says so. Everything else is logged at warn and closes its socket: no peer gets an off-switch.
    #[default]
    Contain,
    /// Node's rule: every unheard error ends `run`.
    Node,
}

/// The embedder's own policy.
pub(super) type Hook<S> = Box<dyn FnMut(&mut Reactor<S>, Handle, &Error, &mut S)>;

impl<S> Reactor<S> {
    /// Chooses what becomes of errors that nobody hears; Node's is the uncaught exception.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// reactor.set_unhandled_errors(netloop::UnhandledErrors::Node);
    /// reactor.socket(near).expect("just made").destroy_with("bad frame");
    /// assert_eq!(reactor.run(&mut ()).expect_err("nobody hears it").to_string(), "bad frame");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn set_unhandled_errors(&mut self, policy: UnhandledErrors) -> &mut Self {
        self.unhandled = policy;
        self
    }

    /// Calls `hook` for each unheard error, instead of the log and of `run`'s return.
    ///
    /// Mirrors `process.on('uncaughtException')`. A second call replaces the first.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<Vec<String>>::new()?;
    /// reactor.on_unhandled_error(|_, _, error, seen| seen.push(error.to_string()));
    /// reactor.connect(std::path::Path::new("/no/such.sock"));
    /// let mut seen = Vec::new();
    /// reactor.run(&mut seen)?;
    /// assert_eq!(seen.len(), 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_unhandled_error(&mut self, hook: impl FnMut(&mut Self, Handle, &Error, &mut S) + 'static) -> &mut Self {
        self.unhandled_hook = Some(Box::new(hook));
        self
    }

    pub(super) fn unhandled_error(&mut self, handle: Handle, error: &Error, setup: bool, state: &mut S) {
        if error.code() == code::ERR_CALLBACK_PANICKED {
            // The panic itself has come out of `run`, and the log names the object.
            return;
        }
        if let Some(hook) = self.unhandled_hook.take() {
            let put_back = |reactor: &mut Self, hook| {
                reactor.unhandled_hook.get_or_insert(hook);
            };
            return call_and_keep(self, hook, |reactor, hook| hook(reactor, handle, error, state), put_back);
        }
        if setup || self.unhandled == UnhandledErrors::Node {
            self.event_loop.fail(error.clone());
        } else {
            log::warn!("unhandled error of {}: {error}", self.name_of(handle));
        }
    }

    /// Any object.
    pub(super) fn name_of(&mut self, handle: Handle) -> String {
        match handle {
            Handle::Socket(id) => self.socket_name(id),
            Handle::Server(id) => self.server_name(id),
            other => format!("{other:?}"),
        }
    }

    /// A socket with its peer: `SocketId(3.1) (127.0.0.1:50412)`; a local peer has no address, the server that accepted it has.
    pub(super) fn socket_name(&mut self, id: SocketId) -> String {
        let Some(socket) = self.socket_entry(id) else {
            return name(id, None);
        };
        match (socket.remote(), socket.server()) {
            (None, Some(server)) => format!("{id:?} of {}", self.server_name(server)),
            (remote, _) => name(id, remote),
        }
    }

    /// A server with the address it listens at: `ServerId(0.1) (127.0.0.1:4000)`.
    pub(super) fn server_name(&mut self, id: ServerId) -> String {
        let address = self.server(id).and_then(|server| server.address());
        name(id, address.as_ref())
    }
}

/// An object as a line of the log names it.
pub(super) fn name(id: impl fmt::Debug, address: Option<&Address>) -> String {
    match address {
        Some(address) => format!("{id:?} ({address})"),
        None => format!("{id:?}"),
    }
}
