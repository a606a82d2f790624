//! Accepting. Mirrors `onconnection` (`lib/net.js`) and `uv__server_io`.

use std::time::Duration;

use super::ServerId;
use crate::address::Address;
use crate::event_loop::{Readiness, TimerJob, after_callback, nanos};
use crate::net::Reactor;
use crate::net::emit::ServerEvent;
use crate::net::host::{Entry, Task};
use crate::stream::{Accepted, Shed};
use crate::sys::Transport;

/// A connection that was closed at once, because there were too many: the argument of `drop`.
///
/// ```
/// # let mut reactor = netloop::Reactor::<()>::new()?;
/// reactor.create_server(|_, _| {}).set_max_connections(100).on_drop(|_, dropped, _| {
///     println!("too busy for {:?}", dropped.remote);
/// });
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dropped {
    /// Our address; `None` for Unix-domain sockets.
    pub local: Option<Address>,
    /// The peer's address; `None` for Unix-domain sockets.
    pub remote: Option<Address>,
}

/// How long to wait before accepting again when there is neither a descriptor nor a reserve.
const RETRY: Duration = Duration::from_millis(100);

impl<S> Reactor<S> {
    /// Takes waiting connections, with a budget. What the budget leaves is taken in the next iteration: the selector will not
    /// tell again.
    pub(in crate::net) fn on_server_ready(&mut self, id: ServerId, state: &mut S) {
        let mut failures = 0;
        let budget = self.options.accept_budget.max(1);
        for _ in 0..budget {
            let Some((server, readiness)) = self.server_slot(id) else {
                return;
            };
            let Some(listener) = server.listener.as_ref().filter(|_| readiness.has_any(Readiness::INPUT)) else {
                return;
            };
            let accepted = listener.accept(readiness);
            self.counters.accepts += 1;
            match accepted {
                Accepted::Peer(transport, remote) => {
                    self.accept(id, transport, remote, state);
                    after_callback(self, state);
                }
                Accepted::Blocked => return,
                Accepted::OutOfDescriptors => {
                    self.shed(id);
                    return;
                }
                // The peer was quicker to go; the next may be there.
                Accepted::Failed(error) => {
                    log::debug!("accept: {error}");
                    failures += 1;
                }
            }
        }
        if failures == budget {
            // It may last: asking again at once would spin.
            self.retry_accept_later(id);
        } else {
            self.event_loop.handles.list(id.0);
        }
    }

    /// One connection: too many, blocked, or a socket and `connection`.
    fn accept(&mut self, id: ServerId, transport: Transport, remote: Option<Address>, state: &mut S) {
        let Some(server) = self.server_entry(id) else {
            return;
        };
        if server.options.max_connections.is_some_and(|max| server.connections >= max) {
            let dropped = Dropped { local: transport.local_address(), remote };
            drop(transport);
            self.emit_server(id, ServerEvent::Drop(&dropped), state);
            return;
        }
        let ip = remote.as_ref().and_then(Address::ip);
        if let (Some(list), Some(ip)) = (&server.options.block_list, ip)
            && list.check(ip)
        {
            return;
        }
        let (options, paused) = (server.options.socket.clone(), server.options.pause_on_connect);
        let socket = self.insert_connected(transport, remote, &options, paused);
        self.set_server(socket, id);
        if let Some(server) = self.server_entry(id) {
            server.connections += 1;
            server.shedding = false;
        }
        self.or_tick(
            move |reactor, _| reactor.watch_announced(socket),
            |reactor| {
                reactor.emit_server(id, ServerEvent::Connection(socket), state);
            },
        );
        // Before the ticks: what these connect is reported after it, as in Node.
        self.watch_announced(socket);
    }

    /// No descriptor is left: with the reserve, waiting peers are accepted and closed; without it, we try again in a while.
    fn shed(&mut self, id: ServerId) {
        let limit = self.options.accept_budget.max(1);
        let Some(slot) = self.event_loop.handles.slot(id.0) else {
            return;
        };
        let Entry::Server(server) = &mut slot.handle else {
            return;
        };
        let Some(listener) = &server.listener else {
            return;
        };
        if !std::mem::replace(&mut server.shedding, true) {
            log::warn!("no descriptor left: waiting connections are closed");
        }
        match listener.shed(&mut slot.readiness, &mut self.reserve, limit) {
            Shed::All => {}
            Shed::More => self.event_loop.handles.list(id.0),
            Shed::Stuck => self.retry_accept_later(id),
        }
    }

    fn retry_accept_later(&mut self, id: ServerId) {
        if self.server_entry(id).is_none_or(|server| server.retry.is_some()) {
            return;
        }
        // Does not hold the loop by itself: the listening server does.
        let timer = self.event_loop.timers.insert(TimerJob::Task(Task::RetryAccept(id)), None, false);
        let now = self.event_loop.now();
        self.event_loop.timers.start(timer, now.saturating_add(nanos(RETRY)));
        if let Some(server) = self.server_entry(id) {
            server.retry = Some(timer);
        }
    }

    pub(in crate::net) fn on_retry_accept(&mut self, id: ServerId) {
        if let Some(timer) = self.server_entry(id).and_then(|server| server.retry.take()) {
            self.event_loop.timers.remove(timer);
        }
        self.event_loop.handles.list(id.0);
    }
}
