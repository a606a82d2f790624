//! Accepting. Mirrors `onconnection` (`lib/net.js`) and `uv__server_io`.

use std::time::Duration;

use super::{ServerId, ServerState};
use crate::address::Address;
use crate::event_loop::{Readiness, TimerJob, after_callback, nanos};
use crate::net::Reactor;
use crate::net::emit::ServerEvent;
use crate::net::host::{Entry, Task};
use crate::stream::{Accepted, Shed};
use crate::sys::{self, Transport};

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

/// What was logged of accepts that fail: once when they begin to, once when they succeed again. Peers can have it change as often
/// as they like, so it is not told again within a while.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    told: bool,
    last: Option<u64>,
}

/// That while.
const QUIET: Duration = Duration::from_secs(1);

impl Trouble {
    /// An accept has failed; true if that is to be told.
    fn begins(&mut self, now: u64) -> bool {
        let begins = !self.told && self.last.is_none_or(|last| now.saturating_sub(last) >= nanos(QUIET));
        if begins {
            (self.told, self.last) = (true, Some(now));
        }
        begins
    }

    /// One has succeeded; true if that is to be told.
    fn ends(&mut self) -> bool {
        std::mem::take(&mut self.told)
    }
}

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

impl<S> ServerState<S> {
    fn tell_end_of_trouble(&mut self, id: ServerId) {
        if self.trouble.ends() {
            log::warn!("{} accepts connections again", self.name(id));
        }
    }
}

impl<S> Reactor<S> {
    /// Takes one waiting connection, or with a budget all of them. What the budget leaves is taken in the next iteration: the
    /// selector will not tell again.
    pub(in crate::net) fn on_server_ready(&mut self, id: ServerId, state: &mut S) {
        let (mut taken, mut failures, mut lasting) = (0, 0, None);
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
                    self.reserve.refill();
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
                    self.accepts_again(id, taken);
                    return;
                }
                Accepted::OutOfDescriptors => {
                    self.shed(id);
                    return;
                }
                // The next peer may be there.
                Accepted::Failed(error) => {
                    log::debug!("accept: {error}");
                    failures += 1;
                    lasting = Some(error).filter(|error| !sys::peer_has_gone(error));
                }
            }
        }
        if failures < budget {
            self.accepts_again(id, taken);
            self.event_loop.handles.list(id.0);
            return;
        }
        if let Some(error) = lasting {
            self.tell_trouble(id, |server| format!("{server} cannot accept connections and tries again: {error}"));
        }
        // Asking again at once would spin.
        self.retry_accept_later(id);
    }

    /// Tells once that a server takes no connections: without a line in the log it would look like a server without visitors.
    fn tell_trouble(&mut self, id: ServerId, text: impl FnOnce(String) -> String) {
        let now = self.event_loop.now();
        if let Some(server) = self.server_entry(id)
            && server.trouble.begins(now)
        {
            log::warn!("{}", text(server.name(id)));
        }
    }

    /// A turn has taken so many peers; if none could be taken before, that is over.
    fn accepts_again(&mut self, id: ServerId, taken: usize) {
        if taken > 0
            && let Some(server) = self.server_entry(id)
        {
            server.tell_end_of_trouble(id);
        }
    }

    /// The next poll phase tells whether somebody waits.
    fn ask_for_peers(&mut self, id: ServerId) {
        let Some((slot, mut registrar)) = self.event_loop.slot_and_registrar(id.0) else {
            return;
        };
        let Entry::Server(server) = &mut slot.handle else {
            return;
        };
        let Some(listener) = &mut server.listener else {
            return;
        };
        match listener.ask_again(&mut registrar, &mut slot.readiness) {
            Ok(()) => server.tell_end_of_trouble(id),
            Err(error) => {
                self.event_loop.handles.list(id.0);
                self.tell_trouble(id, |server| format!("{server} cannot be watched and is asked each turn: {error}"));
            }
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
        }
        self.emit_server(id, ServerEvent::Connection(socket), state);
        // Before the ticks: what these connect is reported after it, as in Node.
        self.watch_announced(socket);
    }

    /// No descriptor is left: with the reserve, waiting peers are accepted and closed; without it, we try again in a while.
    fn shed(&mut self, id: ServerId) {
        if self.end_all_lingering() {
            // Their descriptors are of better use for those that wait.
            self.event_loop.handles.list(id.0);
            return;
        }
        let limit = self.options.accept_budget.max(1);
        self.tell_trouble(id, |server| format!("no descriptor is left for {server}: waiting connections are closed"));
        let Some(slot) = self.event_loop.handles.slot(id.0) else {
            return;
        };
        let Entry::Server(server) = &mut slot.handle else {
            return;
        };
        let Some(listener) = &server.listener else {
            return;
        };
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
        let deadline = self.event_loop.deadline(RETRY);
        self.event_loop.timers.start(timer, deadline);
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
    fn fault_p_trouble_is_told_once_and_not_too_often() {
        let (mut trouble, quiet) = (Trouble::default(), nanos(QUIET));
        assert!(!trouble.ends(), "there was none");
        assert!(trouble.begins(5) && !trouble.begins(6) && !trouble.begins(9 * quiet), "once, however long");
        assert!(trouble.ends() && !trouble.ends());
        assert!(trouble.begins(10 * quiet) && trouble.ends());
        assert!(!trouble.begins(11 * quiet - 1) && !trouble.ends(), "it comes and goes");
        assert!(trouble.begins(11 * quiet) && trouble.ends());
        assert!(!trouble.begins(0), "a clock that was set back");
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
