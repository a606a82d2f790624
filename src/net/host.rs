//! Where the loop calls in: each readiness and each deferred step finds its method here.

use std::any::Any;

use super::Reactor;
use super::linger::Lingering;
use super::server::{ServerId, ServerState};
use super::socket::{SocketId, SocketState};
use super::timers::{TimerId, WatcherId};
use crate::event_loop::{EventLoop, Host, Key, after_callback, step};

/// Names anything a reactor owns; [`Reactor::handles`] lists them (`uv_walk`).
///
/// ```
/// use netloop::{Handle, Reactor};
///
/// let mut reactor = Reactor::<()>::new()?;
/// let server = reactor.create_server(|_, _| {}).id();
/// assert_eq!(reactor.handles().collect::<Vec<_>>(), [Handle::Server(server)]);
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Handle {
    /// A socket, in whatever state.
    Socket(SocketId),
    /// A server, listening or not.
    Server(ServerId),
    /// A timer.
    Timer(TimerId),
    /// An idle, prepare or check watcher.
    Watcher(WatcherId),
}

/// What a slot of the handle table holds.
#[expect(clippy::large_enum_variant, reason = "sockets are many and lie in the table itself; servers are few")]
pub(crate) enum Entry<S> {
    Socket(SocketState<S>),
    Server(Box<ServerState<S>>),
    Lingering(Box<Lingering>),
}

/// A deferred step. Those with a life number are void once the object has begun another life.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Task {
    // Ticks of a socket.
    Lookup(SocketId, u32),
    Attempt(SocketId, u32),
    ConnectError(SocketId, u32),
    ConnectStarted(SocketId, u32),
    Resume(SocketId),
    Pause(SocketId),
    End(SocketId),
    AutoEnd(SocketId),
    Finish(SocketId),
    /// Writes up to this number were taken at once.
    WriteDone(SocketId, u64),
    WriteFailed(SocketId),
    ErrorBuffer(SocketId, u32),
    Rejected(SocketId),
    CloseWithoutHandle(SocketId),
    // Pending completions of a socket.
    ShutDown(SocketId, u32),
    ConnectFailed(SocketId, u32),
    // Closing notifications of a socket; of one destroy, the cancelled requests come first.
    Cancelled(SocketId),
    AttemptCancelled(SocketId),
    AtClose(SocketId),
    Closed(SocketId, bool),
    // Timers of a socket.
    IdleTimeout(SocketId),
    AttemptTimeout(SocketId, u32),
    LingerTimeout(Key),
    // Ticks and timers of a server.
    Bind(ServerId, u64),
    Listening(ServerId, u64),
    ServerError(ServerId),
    ServerClose(ServerId),
    RetryAccept(ServerId),
}

impl<S> Host for Reactor<S> {
    type State = S;
    type Handle = Entry<S>;
    type Task = Task;

    #[inline]
    fn event_loop(&mut self) -> &mut EventLoop<Self> {
        &mut self.event_loop
    }

    #[inline]
    fn on_ready(&mut self, key: Key, state: &mut S) {
        if let Some(reads) = self.pass_message(SocketId(key), state) {
            self.go_the_long_way(key, reads, state);
        }
    }

    fn on_task(&mut self, task: Task, state: &mut S) {
        match task {
            Task::Lookup(id, life) => self.on_custom_lookup(id, life),
            Task::Attempt(id, life) => self.on_attempt(id, life, state),
            Task::ConnectError(id, life) => self.on_connect_error(id, life),
            Task::ConnectStarted(id, life) => self.on_connect_started(id, life, state),
            Task::Resume(id) => self.on_resume(id, state),
            Task::Pause(id) => drop(self.emit(id, super::emit::Event::Pause, state)),
            Task::End(id) => self.on_end(id, state),
            Task::AutoEnd(id) => self.on_auto_end(id),
            Task::Finish(id) => self.on_finish(id, state),
            Task::WriteDone(id, up_to) => self.on_write_done(id, up_to, state),
            Task::WriteFailed(id) => self.on_write_failed(id, state),
            Task::ErrorBuffer(id, life) => self.on_error_buffer(id, life, state),
            Task::Rejected(id) => self.on_rejected(id, state),
            Task::CloseWithoutHandle(id) => self.on_closed(id, false, state),
            Task::ShutDown(id, life) => self.on_shut_down(id, life),
            Task::ConnectFailed(id, life) => self.on_connect_failed(id, life, state),
            Task::Cancelled(id) => self.on_cancelled(id, state),
            Task::AttemptCancelled(id) => self.on_attempt_cancelled(id, state),
            Task::AtClose(id) => self.on_at_close(id, state),
            Task::Closed(id, had_error) => self.on_closed(id, had_error, state),
            Task::IdleTimeout(id) => self.on_idle_timeout(id, state),
            Task::AttemptTimeout(id, life) => self.on_attempt_timeout(id, life, state),
            Task::LingerTimeout(key) => self.on_linger_timeout(key),
            Task::Bind(id, life) => self.on_bind(id, life),
            Task::Listening(id, life) => self.on_listening(id, life, state),
            Task::ServerError(id) => self.on_server_error(id, state),
            Task::ServerClose(id) => self.on_server_close(id, state),
            Task::RetryAccept(id) => self.on_retry_accept(id),
        }
    }

    #[inline]
    fn flush(&mut self) {
        if !self.gathering.is_empty() {
            self.flush_gathered();
        }
    }

    #[inline]
    fn reap(&mut self) {
        if !self.graveyard.is_empty() {
            self.bury();
        }
    }

    fn after_panic(&mut self, panic: &(dyn Any + Send)) {
        self.destroy_panicked(panic);
    }
}

impl<S> Reactor<S> {
    /// Whatever is more than a message of a steady socket, which may have read some times already.
    #[inline(never)]
    fn go_the_long_way(&mut self, key: Key, reads: usize, state: &mut S) {
        match self.event_loop.handles.get(key) {
            Some(Entry::Socket(_)) if reads > 0 => self.read_on(SocketId(key), reads, state),
            Some(Entry::Socket(_)) => self.on_socket_ready(SocketId(key), state),
            Some(Entry::Server(_)) => self.on_server_ready(ServerId(key), state),
            Some(Entry::Lingering(_)) => self.on_lingering_ready(key),
            None => {}
        }
        after_callback(self, state);
    }

    #[inline(never)]
    fn bury(&mut self) {
        while let Some(key) = self.graveyard.pop() {
            step();
            let is_dead = match self.event_loop.handles.get(key) {
                // The last of its timers brings a closed socket here again.
                Some(Entry::Socket(socket)) if socket.is_dead() && socket.has_timers() => {
                    self.part_from_stream(SocketId(key));
                    false
                }
                Some(Entry::Socket(socket)) => socket.is_dead(),
                Some(Entry::Server(server)) => server.is_dead(),
                Some(Entry::Lingering(_)) | None => false,
            };
            if is_dead {
                self.forget_pipes(SocketId(key));
                match self.take_lingering_stream(SocketId(key)) {
                    Some(stream) => self.linger_here(key, stream),
                    None => drop(self.event_loop.handles.remove(key)),
                }
            }
        }
    }
}
