//! What a panic of a callback leaves behind. Node ends the process by an uncaught exception; here the panic unwinds out of `run`,
//! and a program that catches it may go on.
//!
//! The object whose callback panicked may be half-way through anything, so it is destroyed. Everything else goes on, and
//! completion callbacks that were due come once each.

use std::any::Any;

use super::Reactor;
use super::emit::events;
use super::host::Handle;
use super::server::ServerId;
use super::socket::SocketId;
use crate::code;
use crate::error::Error;
use crate::event_loop::call_with;

impl<S> Reactor<S> {
    /// Calls a callback of an object, which is noted if the callback panics.
    pub(super) fn call_of<R>(&mut self, object: Handle, call: impl FnOnce(&mut Self) -> R) -> R {
        let note = |reactor: &mut Self, ()| reactor.panicked = Some(object);
        call_with(self, (), |reactor, ()| call(reactor), note).0
    }

    /// Destroys the object whose callback has panicked, if it was a callback of an object.
    pub(super) fn destroy_panicked(&mut self, panic: &(dyn Any + Send)) {
        self.current_listener = None;
        self.close_turn();
        let Some(object) = self.panicked.take() else {
            return;
        };
        let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let message = format!("a callback panicked: {}", text.unwrap_or("no text"));
        log::warn!("{} is destroyed: {message}", self.name_of(object));
        let error = Error::with_code(code::ERR_CALLBACK_PANICKED, message);
        match object {
            Handle::Socket(id) => self.destroy_panicked_socket(id, error),
            Handle::Server(id) => self.close_panicked_server(id, error),
            Handle::Timer(_) | Handle::Watcher(_) => {}
        }
    }

    fn destroy_panicked_socket(&mut self, id: SocketId, error: Error) {
        self.destroy(id, Some(error));
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        let left = socket.interrupted_completions(id);
        left.into_iter().flatten().for_each(|task| self.event_loop.tick_task(task));
    }

    fn close_panicked_server(&mut self, id: ServerId, error: Error) {
        if self.server_entry(id).is_some_and(|server| server.listeners.has(events::ERROR)) {
            self.fail_server(id, error, false);
        }
        self.close_server(id);
    }
}
