//! The end of a socket: `destroy`, `error`, `close`. Mirrors `lib/internal/streams/destroy.js` and `Socket.prototype._destroy`.

use super::state::{Reading, Writing};
use super::{Deferred, Rare, Settled, SocketId, SocketState};
use crate::code;
use crate::error::Error;
use crate::event_loop::{Job, Key, Slot, prune};
use crate::net::Reactor;
use crate::net::emit::Event;
use crate::net::host::{Entry, Task};
use crate::net::timers::TimerId;
use crate::net::unhandled::name;
use crate::stream::Stream;

impl<S> Reactor<S> {
    /// Drops both directions now; `error` (if there is one) comes on a tick, `close` in the closing phase. A second call is
    /// swallowed with its error.
    pub(in crate::net) fn destroy(&mut self, id: SocketId, error: Option<Error>) {
        self.destroy_as(id, error, false);
    }

    /// The close that the crate decides on itself, after our end: nothing of what was sent is lost by it. To the program it is a
    /// `destroy`; the connection lingers until its peer has ended too.
    pub(super) fn close_after_end(&mut self, id: SocketId) {
        self.destroy_as(id, None, true);
    }

    fn destroy_as(&mut self, id: SocketId, error: Option<Error>, lingers: bool) {
        // In Node these bytes had left already.
        self.flush_socket(id);
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        let connecting = socket.life.is_connecting();
        let had_handle = connecting || socket.life.is_open();
        if !socket.life.destroy() {
            return;
        }
        socket.life_number = socket.life_number.wrapping_add(1);
        let life = socket.life_number;
        socket.closing += 1;
        let (had_error, setup) = (error.is_some(), socket.setup);
        if let Some(error) = &error {
            socket.errored.get_or_insert_with(|| error.clone());
        }
        let cancelled = if connecting { socket.cancel_before_connection() } else { socket.cancel_flight() };
        let buffered = !cancelled && socket.has_waiting_requests();
        socket.freeze();
        if buffered {
            self.event_loop.tick_task(Task::ErrorBuffer(id, life));
        }
        self.clear_idle_timer(id);
        self.close_handle(id, lingers && self.lingers());
        if let Some(error) = error {
            self.queue_error(id, error, setup);
        }
        if had_handle {
            self.event_loop.close(Task::Closed(id, had_error));
            if connecting {
                self.forget_candidates(id, true);
            } else if cancelled {
                self.event_loop.close(Task::Cancelled(id));
            }
        } else {
            self.event_loop.tick_task(Task::CloseWithoutHandle(id));
        }
        self.leave_server(id);
        self.event_loop.handles.hold(id.0, false);
        if let Some(socket) = self.socket_entry(id) {
            socket.settled = Settled::default();
        }
    }

    /// Closes the descriptor. Mirrors `uv_close`, which does it at once too. If it `lingers`, it is left for when the socket is freed.
    fn close_handle(&mut self, id: SocketId, lingers: bool) {
        let Some((slot, mut registrar)) = self.event_loop.slot_and_registrar(id.0) else {
            return;
        };
        let Entry::Socket(socket) = &mut slot.handle else {
            return;
        };
        if let Some(rare) = &mut socket.rare {
            rare.unconnected = None;
        }
        if lingers && socket.peer_may_send() {
            return;
        }
        let Some(stream) = socket.stream.take() else {
            return;
        };
        if std::mem::take(&mut socket.reset_on_close)
            && let Err(error) = stream.transport().reset_on_close()
        {
            log::debug!("SO_LINGER of {}: {error}", name(id, socket.remote.as_ref()));
        }
        stream.close(&mut registrar);
    }

    /// Emits an error on a tick.
    pub(super) fn queue_error(&mut self, id: SocketId, error: Error, setup: bool) {
        let tell = move |reactor: &mut Self, state: &mut S| reactor.emit_error(id, &error, setup, state);
        self.event_loop.tick(Job::Callback(Box::new(tell)));
    }

    /// Requests that were with the handle when it was closed. Mirrors `uv__stream_destroy`.
    pub(in crate::net) fn on_cancelled(&mut self, id: SocketId, state: &mut S) {
        let pop = |socket: &mut SocketState<S>| socket.rare().cancelled.pop_front().map(|(done, error)| (done, Err(error)));
        let count = self.count_rare(id, |rare| rare.cancelled.len());
        self.complete_all(id, count, pop, state);
    }

    /// The last event. What the listeners set up afterwards (a timer, a new connect) keeps the socket; otherwise its slot is
    /// freed when no tick is left.
    pub(in crate::net) fn on_closed(&mut self, id: SocketId, had_error: bool, state: &mut S) {
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        let destroyed = socket.life.is_destroyed();
        // Before the listeners: a panic of one keeps nothing from being freed.
        socket.closing -= 1;
        self.graveyard.push(id.0);
        if destroyed {
            self.clear_bound_timers(id);
        }
        self.emit(id, Event::Close(had_error), state);
        self.on_at_close(id, state);
    }

    /// Requests of a socket that died before it was connected.
    pub(in crate::net) fn on_at_close(&mut self, id: SocketId, state: &mut S) {
        let pop =
            |socket: &mut SocketState<S>| socket.rare.as_mut()?.at_close.pop_front().map(|(done, error)| (done, Err(error)));
        let count = self.count_rare(id, |rare| rare.at_close.len());
        self.complete_all(id, count, pop, state);
    }

    /// How many callbacks wait in a list: one of them may begin a new life, whose callbacks wait for the end of that.
    pub(super) fn count_rare(&mut self, id: SocketId, count: impl FnOnce(&Rare<S>) -> usize) -> usize {
        self.socket_entry(id).and_then(|socket| socket.rare.as_deref().map(count)).unwrap_or(0)
    }

    /// Ties a timer to a socket: it goes with its `close`, and holds a closed socket until it has run.
    pub(super) fn bind_timer(&mut self, id: SocketId, timer: Key) -> TimerId {
        if let Some(Slot { handle: Entry::Socket(socket), .. }) = self.event_loop.handles.slot(id.0) {
            let rare = socket.rare();
            rare.timers.push_back(timer);
            rare.live_timers += 1;
            self.bound_timers.insert(timer, id);
            prune(&mut rare.timers, rare.live_timers, |timer| self.bound_timers.contains_key(&timer));
        } else {
            self.event_loop.timers.remove(timer);
        }
        TimerId(timer)
    }

    /// Removes a timer, whether it is bound or not; a closed socket that waited for it may go.
    pub(in crate::net) fn remove_timer(&mut self, timer: Key) -> bool {
        if let Some(id) = self.bound_timers.remove(&timer)
            && let Some(rare) = self.passing_slot(id).and_then(|(socket, _)| socket.rare.as_mut())
        {
            rare.live_timers -= 1;
            if rare.live_timers == 0 {
                self.graveyard.push(id.0);
            }
        }
        self.event_loop.timers.remove(timer)
    }

    fn clear_bound_timers(&mut self, id: SocketId) {
        let timers = self.socket_entry(id).and_then(|socket| socket.rare.as_mut());
        for timer in timers.map(|rare| std::mem::take(&mut rare.timers)).unwrap_or_default() {
            self.remove_timer(timer);
        }
    }

    /// Node's `destroySoon`: end, and destroy once finished, without waiting for the peer.
    pub(super) fn destroy_soon(&mut self, id: SocketId) {
        if self.socket_entry(id).is_some_and(|socket| socket.is_writable()) {
            self.end(id, &b""[..], None);
        }
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        if socket.life.writing == Writing::Finished {
            self.close_after_end(id);
        } else {
            socket.destroy_on_finish = true;
        }
    }

    /// Node's `resetAndDestroy`: RST instead of FIN.
    pub(super) fn reset_and_destroy(&mut self, id: SocketId) {
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        if socket.life.is_destroyed() {
            return;
        }
        if socket.stream.as_ref().is_some_and(|stream| !stream.transport().is_tcp()) {
            // Node throws; the socket stays as it is.
            let error = Error::with_code(code::ERR_INVALID_HANDLE_TYPE, "This handle type cannot be sent");
            self.queue_error(id, error, false);
        } else if socket.life.is_connecting() {
            self.defer_until_connect(id, Deferred::Reset);
        } else if socket.life.is_open() {
            socket.reset_on_close = true;
            self.destroy(id, None);
        } else {
            self.destroy(id, Some(Error::with_code(code::ERR_SOCKET_CLOSED, "Socket is closed")));
        }
    }
}

impl<S> Reactor<S> {
    /// The stream of a closed socket, if its connection lingers.
    pub(in crate::net) fn take_lingering_stream(&mut self, id: SocketId) -> Option<Stream> {
        self.socket_entry(id).filter(|socket| socket.life.is_destroyed())?.stream.take()
    }

    /// A closed socket stays, or begins another life: its connection lingers without it.
    pub(in crate::net) fn part_from_stream(&mut self, id: SocketId) {
        if let Some(stream) = self.take_lingering_stream(id) {
            self.linger_elsewhere(stream);
        }
    }

    /// A connection that was to be closed unwatched has unread input.
    pub(in crate::net) fn watch_closing(&mut self, id: SocketId) {
        if let Err(error) = self.settle(id) {
            log::debug!("{} cannot linger: {error}", self.socket_name(id));
        }
    }
}

impl<S> SocketState<S> {
    /// The peer has not ended, and what it sends would be answered by a reset once the descriptor is closed.
    fn peer_may_send(&self) -> bool {
        let has_ended = self.life.reading != Reading::Open && self.options.readable;
        let lingers = |stream: &Stream| stream.is_watched() && stream.transport().lingers();
        !has_ended && !self.reset_on_close && self.stream.as_ref().is_some_and(lingers)
    }

    /// One read of a connection that the selector does not report on; how many bytes were there, which are dropped.
    pub(in crate::net) fn look(&self) -> usize {
        self.stream.as_ref().map_or(0, Stream::look)
    }

    /// It will be closed as soon as its FIN is sent, and the selector does not know it: see
    /// [`watch_announced`](Reactor::watch_announced).
    pub(super) fn closes_unwatched(&self) -> bool {
        self.destroy_on_finish
            && self.stream.as_ref().is_some_and(|stream| !stream.is_watched() && stream.transport().lingers())
    }

    /// A batch in flight is cancelled with the handle, and what is buffered behind it fails with it. False if there is none.
    fn cancel_flight(&mut self) -> bool {
        if !self.writable.in_flight() {
            return false;
        }
        let deferred = |rare: &Rare<S>| rare.deferred.iter().any(|&(_, step)| step == Deferred::Writes);
        let never_left = self.rare.as_deref().is_some_and(deferred);
        let cancelled = || match never_left {
            true => Error::with_code(code::ERR_SOCKET_CLOSED, "Socket is closed"),
            false => Error::cancelled("write", code::ECANCELED),
        };
        let behind = self.errored.clone().unwrap_or_else(cancelled);
        let mut requests = Vec::new();
        if let Some(outgoing) = &mut self.outgoing {
            let last = outgoing.flight_last;
            while let Some(request) = outgoing.pop_waiting() {
                let error = if request.number <= last { cancelled() } else { behind.clone() };
                requests.push((request.done, error));
            }
        }
        requests.extend(std::iter::from_fn(|| self.pop_end_done()).map(|done| (done, behind.clone())));
        let any = !requests.is_empty();
        if any {
            self.rare().cancelled.extend(requests);
        }
        any
    }

    /// The first write fails for the want of a connection, when `close` is emitted; the others with what ended the socket.
    fn cancel_before_connection(&mut self) -> bool {
        if !self.writable.in_flight() {
            return false;
        }
        let text = "Socket closed before the connection was established";
        let unconnected = Error::with_code(code::ERR_SOCKET_CLOSED_BEFORE_CONNECTION, text);
        let behind = self.errored.clone().unwrap_or_else(|| unconnected.clone());
        let mut requests = Vec::new();
        if let Some(outgoing) = &mut self.outgoing {
            let last = outgoing.flight_last;
            while let Some(request) = outgoing.pop_waiting() {
                let error = if request.number <= last { unconnected.clone() } else { behind.clone() };
                requests.push((request.done, error));
            }
        }
        requests.extend(std::iter::from_fn(|| self.pop_end_done()).map(|done| (done, behind.clone())));
        let any = !requests.is_empty();
        if any {
            self.rare().at_close.extend(requests);
        }
        any
    }

    /// The steps that call what a panic has kept from being called: callbacks of writes that are complete, of those that will not
    /// happen, of requests that were cancelled with the handle, and of those that come with `close`.
    pub(in crate::net) fn interrupted_completions(&self, id: SocketId) -> [Option<Task>; 4] {
        let complete = self.outgoing.as_ref().is_some_and(|outgoing| outgoing.has_complete());
        let (cancelled, at_close) = match &self.rare {
            Some(rare) => (!rare.cancelled.is_empty(), !rare.at_close.is_empty()),
            None => (false, false),
        };
        [
            complete.then_some(Task::WriteDone(id, u64::MAX)),
            self.has_waiting_requests().then_some(Task::ErrorBuffer(id, self.life_number)),
            cancelled.then_some(Task::Cancelled(id)),
            (at_close && self.is_dead()).then_some(Task::AtClose(id)),
        ]
    }

    /// Whether callbacks wait for writes that nobody has begun.
    fn has_waiting_requests(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| !rare.end_done.is_empty()) || self.has_waiting_writes()
    }

    /// Drops the bytes, ours and theirs, and freezes the counters.
    fn freeze(&mut self) {
        self.readable.clear();
        self.forget_partial_text();
        self.writable.cancel();
        if let Some(outgoing) = &mut self.outgoing {
            outgoing.bytes.clear();
            if outgoing.is_empty() {
                self.outgoing = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_loop::steps;
    use std::time::Duration;

    const MANY: usize = 10_000;

    fn keys_of(reactor: &mut Reactor<usize>, id: SocketId) -> (usize, usize) {
        let rare = reactor.socket_entry(id).and_then(|socket| socket.rare.as_ref());
        rare.map_or((0, 0), |rare| (rare.timers.len(), rare.live_timers))
    }

    #[test]
    fn fault_o_a_bound_timer_takes_some_steps_however_many_there_are() {
        let mut reactor = Reactor::<usize>::new().expect("a selector");
        let (id, _) = reactor.socket_pair().expect("a pair");
        let far = Duration::from_secs(1000);
        let cleared = |reactor: &mut Reactor<usize>| {
            let mut socket = reactor.socket(id).expect("open");
            let timers: Vec<TimerId> = (0..MANY).map(|_| socket.after(far, |_, _| {})).collect();
            assert!(timers.into_iter().rev().all(|timer| reactor.clear_timer(timer)));
        };
        let run = |reactor: &mut Reactor<usize>| {
            let mut ran = 0;
            let mut socket = reactor.socket(id).expect("open");
            (0..MANY).for_each(|_| _ = socket.after(Duration::ZERO, |_, ran| *ran += 1));
            reactor.run_nowait(&mut ran).expect("it runs");
            assert_eq!(ran, MANY);
        };
        let one_by_one = |reactor: &mut Reactor<usize>| {
            for _ in 0..MANY {
                let timer = reactor.socket(id).expect("open").after(far, |_, _| {});
                assert!(reactor.clear_timer(timer));
            }
            assert!(keys_of(reactor, id).0 <= 17, "what is over takes no memory");
        };
        for (name, play) in [("cleared", &cleared as &dyn Fn(&mut Reactor<usize>)), ("run", &run), ("in turn", &one_by_one)] {
            let taken = steps(|| play(&mut reactor));
            assert!(taken <= 3 * MANY, "{name}: {taken} steps");
            assert_eq!(keys_of(&mut reactor, id).1, 0, "{name}");
            assert!(reactor.bound_timers.is_empty(), "{name}");
        }
    }

    #[test]
    fn fault_o_closed_sockets_that_wait_for_timers_go_one_by_one() {
        let mut reactor = Reactor::<Vec<TimerId>>::new().expect("a selector");
        let mut timers = Vec::new();
        const SOCKETS: usize = 500;
        for _ in 0..SOCKETS {
            let mut socket = reactor.new_socket(crate::SocketOptions::new());
            socket.on_close(|socket, _, timers: &mut Vec<TimerId>| {
                for _ in 0..2 {
                    timers.push(socket.after(Duration::from_secs(1000), |_, _| {}));
                }
            });
            socket.destroy();
        }
        reactor.run_nowait(&mut timers).expect("it runs");
        assert_eq!((timers.len(), reactor.sockets().count()), (2 * SOCKETS, SOCKETS));
        let taken = steps(|| {
            for (at, timer) in timers.clone().into_iter().enumerate() {
                assert!(reactor.clear_timer(timer));
                reactor.run_nowait(&mut timers).expect("it runs");
                assert_eq!(reactor.sockets().count(), SOCKETS - (at + 1).div_euclid(2));
            }
        });
        assert!(taken <= 4 * SOCKETS, "{taken} steps");
    }

    #[test]
    fn bound_timers_that_come_and_go_leave_the_right_ones() {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_nanos() as u64;
        println!("seed {now}");
        let mut seed = now | 1;
        let mut random = move |below: usize| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed % below as u64) as usize
        };
        let mut reactor = Reactor::<Vec<usize>>::new().expect("a selector");
        let (id, _) = reactor.socket_pair().expect("a pair");
        let mut live: Vec<(usize, TimerId)> = Vec::new();
        for number in 0..3000 {
            if random(5) < 3 {
                let mut socket = reactor.socket(id).expect("open");
                live.push((number, socket.after(Duration::ZERO, move |_, ran: &mut Vec<usize>| ran.push(number))));
            } else if !live.is_empty() {
                let (_, timer) = live.remove(random(live.len()));
                assert!(reactor.clear_timer(timer) && !reactor.clear_timer(timer));
            }
            if random(200) == 0 {
                let mut ran = Vec::new();
                reactor.run_nowait(&mut ran).expect("it runs");
                assert_eq!(ran, live.drain(..).map(|(number, _)| number).collect::<Vec<_>>());
            }
        }
        reactor.socket(id).expect("open").destroy();
        let mut ran = Vec::new();
        reactor.run_nowait(&mut ran).expect("it runs");
        assert!(reactor.bound_timers.is_empty() && reactor.event_loop.timers.len() == 0, "close clears them");
        assert!(reactor.socket(id).is_none(), "it is gone");
    }
}
