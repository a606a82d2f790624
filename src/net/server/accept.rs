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

/// Whether peers come in crowds. An accept that finds nobody costs ten times what it costs to ask the selector again. So a
/// turn takes one peer, as libuv does, and all of them once they came turn after turn.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    /// The last turn that had a peer.
    turn: u64,
    /// The turns in a row before it that had one too, since all were taken. Far beyond what tells of a crowd it may stop.
    streak: u32,
    /// How often in a row there was no crowd after all.
    in_vain: u32,
}

/// The streak that tells of a crowd. Each time in vain doubles it, up to a limit.
const STREAK: u32 = 2;
const IN_VAIN: u32 = 4;
/// So many peers are a crowd: taken one by one they would cost more.
const MANY: usize = 4;

impl Crowd {
    /// A turn has a peer; true if it is to take all that wait.
    fn is_near(&mut self, turn: u64) -> bool {
        if turn > self.turn + 1 {
            *self = Self::default();
        } else {
            self.streak = self.streak.saturating_add(1);
        }
        self.turn = turn;
        self.streak >= STREAK << self.in_vain
    }

    /// A turn has taken so many, and now nobody waits.
    fn is_gone(&mut self, taken: usize) {
        let begun_now = self.streak == STREAK << self.in_vain;
        self.in_vain = if begun_now && taken < MANY { IN_VAIN.min(self.in_vain + 1) } else { 0 };
        self.streak = 0;
    }
}

impl<S> Reactor<S> {
    /// Takes one waiting connection, or with a budget all of them. What the budget leaves is taken in the next iteration: the
    /// selector will not tell again.
    pub(in crate::net) fn on_server_ready(&mut self, id: ServerId, state: &mut S) {
        let (mut taken, mut failures) = (0, 0);
        let budget = self.options.accept_budget.max(1);
        let turn = self.event_loop.counters.iterations;
        let takes_all = self.server_entry(id).is_some_and(|server| server.crowd.is_near(turn));
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
                    taken += 1;
                    self.accept(id, transport, remote, state);
                    after_callback(self, state);
                    if !takes_all {
                        self.ask_for_peers(id);
                        return;
                    }
                }
                Accepted::Blocked => {
                    if let Some(server) = self.server_entry(id).filter(|_| takes_all) {
                        server.crowd.is_gone(taken);
                    }
                    return;
                }
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

    /// The next poll phase tells whether somebody waits.
    fn ask_for_peers(&mut self, id: ServerId) {
        let Some((slot, mut registrar)) = self.event_loop.slot_and_registrar(id.0) else {
            return;
        };
        if let Entry::Server(server) = &mut slot.handle
            && let Some(listener) = &mut server.listener
            && let Err(error) = listener.ask_again(&mut registrar, &mut slot.readiness)
        {
            log::debug!("reregister: {error}");
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
            server.accepted.push_back(socket.0);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of so many turns in a row look for a crowd; each finds so many peers.
    fn looks(crowd: &mut Crowd, turns: std::ops::Range<u64>, peers: usize) -> usize {
        turns
            .filter(|&turn| {
                let near = crowd.is_near(turn);
                if near {
                    crowd.is_gone(peers);
                }
                near
            })
            .count()
    }

    #[test]
    fn who_comes_alone_is_seldom_taken_for_a_crowd() {
        let mut crowd = Crowd::default();
        assert_eq!((0..1000).filter(|turn| crowd.is_near(1 + 2 * turn)).count(), 0, "every other turn");
        assert_eq!(looks(&mut crowd, 10_000..11_000, 1), 1000 / 32 + 3, "every turn");
        assert_eq!(looks(&mut crowd, 20_000..20_003, MANY), 1, "a pause, and all is forgotten");
    }

    #[test]
    fn a_crowd_is_taken_until_nobody_is_left() {
        let mut crowd = Crowd::default();
        let near: Vec<_> = (5..10).map(|turn| crowd.is_near(turn)).collect();
        assert_eq!(near, [false, false, true, true, true]);
        crowd.is_gone(0);
        assert_eq!(looks(&mut crowd, 10..1000, MANY), 990 / 2, "it was one");
    }
}
