//! Idle timeouts. Mirrors `socket.setTimeout` and `Socket.prototype._onTimeout` (`lib/net.js`).
//!
//! Activity costs one store, of the loop's cached time. The timer is looked at when it fires: if something happened meanwhile it
//! is put back to the moment that would be due, so there is at most one heap operation per socket and period. Only then the loop
//! is asked when that was: the cached time may have been old, and a timeout that came too early would cut a connection that was
//! served a moment ago. What a socket writes in its own turn bears the stamp of the read before it.

use std::time::Duration;

use super::SocketId;
use crate::event_loop::{Key, TimerJob, nanos};
use crate::net::Reactor;
use crate::net::emit::Event;
use crate::net::host::Task;

/// The idle timer of a socket.
#[derive(Debug, Default)]
pub(super) struct Idle {
    /// The last value set; zero is off.
    pub(super) timeout: Option<Duration>,
    /// The stamp of the last activity since the timer was started; `NEVER` if there was none.
    last_activity: u64,
    timer: Option<Key>,
    /// It has fired and waits for activity.
    dormant: bool,
    /// Bytes that waited when it last fired during a write; `None` before.
    write_left: Option<u64>,
}

/// No stamp.
const NEVER: u64 = u64::MAX;

impl Idle {
    /// Activity: one store. True if the timer has to be armed anew.
    #[inline]
    pub(super) fn touch(&mut self, stamp: u64) -> bool {
        self.last_activity = stamp;
        self.dormant || (self.timer.is_none() && self.timeout.is_some_and(|timeout| !timeout.is_zero()))
    }
}

/// Node's longest timeout, 2^31 - 1 milliseconds; longer ones are cut to it.
const LONGEST: Duration = Duration::from_millis(i32::MAX as u64);

impl<S> Reactor<S> {
    /// Sets or clears the idle timeout.
    pub(super) fn set_idle_timeout(&mut self, id: SocketId, timeout: Option<Duration>) {
        let timeout = timeout.map(|timeout| timeout.min(LONGEST));
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        if socket.life.is_destroyed() {
            return;
        }
        let idle = socket.idle.get_or_insert_default();
        (idle.timeout, idle.last_activity) = (timeout, NEVER);
        self.arm_idle_timer(id);
    }

    /// Starts the timer anew, or removes it if there is no timeout.
    fn arm_idle_timer(&mut self, id: SocketId) {
        let Some(idle) = self.idle(id) else {
            return;
        };
        let Some(timeout) = idle.timeout.filter(|timeout| !timeout.is_zero()) else {
            self.clear_idle_timer(id);
            return;
        };
        idle.dormant = false;
        let timer = match idle.timer {
            Some(timer) => timer,
            None => {
                self.event_loop.expect_stamps();
                // Never holds the loop, as in Node.
                let timer = self.event_loop.timers.insert(TimerJob::Task(Task::IdleTimeout(id)), None, false);
                if let Some(idle) = self.idle(id) {
                    idle.timer = Some(timer);
                }
                timer
            }
        };
        self.event_loop.timers.start(timer, self.event_loop.deadline(timeout));
    }

    pub(super) fn clear_idle_timer(&mut self, id: SocketId) {
        if let Some(timer) = self.idle(id).and_then(|idle| idle.timer.take()) {
            self.event_loop.timers.remove(timer);
        }
    }

    /// Something happened on the socket: a connect, a read, a write handed over or completed.
    pub(super) fn touch(&mut self, id: SocketId) {
        let stamp = self.event_loop.stamp();
        if self.idle(id).is_some_and(|idle| idle.touch(stamp)) {
            self.arm_idle_timer(id);
        }
    }

    /// A write is complete: what was remembered of its progress is void.
    pub(super) fn forget_write_progress(&mut self, id: SocketId) {
        if let Some(idle) = self.idle(id) {
            idle.write_left = None;
        }
    }

    fn idle(&mut self, id: SocketId) -> Option<&mut Idle> {
        self.socket_entry(id)?.idle.as_deref_mut()
    }

    pub(in crate::net) fn on_idle_timeout(&mut self, id: SocketId, state: &mut S) {
        if self.puts_off_idle_timeout(id) {
            return;
        }
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        let Some(idle) = socket.idle.as_mut().filter(|idle| idle.timer.is_some() && idle.timeout.is_some()) else {
            return;
        };
        // A write that moves counts as activity. At first the whole write is remembered, so after a partial one the first
        // expiry is always put off.
        if socket.life.is_open() && socket.writable.in_flight() {
            let left = socket.writable.flight_left();
            let remembered = idle.write_left.replace(left).unwrap_or_else(|| socket.writable.flight_len());
            if remembered != left {
                self.arm_idle_timer(id);
                return;
            }
        }
        idle.dormant = true;
        self.emit(id, Event::Timeout, state);
    }

    /// Whether there was activity since the timer was started: then it goes on to what is due after that.
    fn puts_off_idle_timeout(&mut self, id: SocketId) -> bool {
        let now = self.event_loop.now();
        let idle = self.idle(id).and_then(|idle| Some((idle.timer?, idle.timeout?, idle.last_activity)));
        let Some((timer, timeout, stamp)) = idle.filter(|&(_, _, stamp)| stamp != NEVER) else {
            return false;
        };
        let due = self.event_loop.latest(stamp).saturating_add(nanos(timeout));
        if due <= now {
            return false;
        }
        // What bears the time of now may still go on: it is looked at again.
        if stamp < now
            && let Some(idle) = self.idle(id)
        {
            idle.last_activity = NEVER;
        }
        self.event_loop.timers.start(timer, due)
    }
}
