//! What a busy socket owns: bytes that have not left, and callbacks that wait for them.

use std::collections::VecDeque;

use super::SocketState;
use super::writable::Writable;
use crate::event_loop::step;
use crate::net::Reactor;
use crate::net::emit::Done;
use crate::stream::ByteQueue;

/// A socket's write queue. Idle sockets have none: an emptied one goes to the next that writes.
pub(crate) struct Outgoing<S> {
    pub(super) bytes: ByteQueue,
    /// Made for the first callback.
    requests: Option<Box<Requests<S>>>,
    /// The last request of the batch in flight.
    pub(super) flight_last: u64,
}

/// Callbacks of writes, in the order of these.
struct Requests<S> {
    /// The kernel took the bytes at once, or gathering says so: ticks complete them.
    ticking: VecDeque<Request<S>>,
    /// The later ones, which events complete.
    waiting: VecDeque<Request<S>>,
    /// Up to here they are those of an earlier life, which had offsets of its own.
    past: u64,
}

/// A write that somebody wants to hear of (`uv_write_t`).
pub(super) struct Request<S> {
    pub(super) number: u64,
    /// Offset behind its last byte.
    pub(super) end: u64,
    pub(super) done: Done<S>,
}

/// Emptied queues, which move between here and the sockets.
pub(crate) type Spares<S> = Vec<Box<Outgoing<S>>>;

impl<S> Default for Outgoing<S> {
    fn default() -> Self {
        Self { bytes: ByteQueue::default(), requests: None, flight_last: 0 }
    }
}

impl<S> Default for Requests<S> {
    fn default() -> Self {
        Self { ticking: VecDeque::new(), waiting: VecDeque::new(), past: 0 }
    }
}

impl<S> Outgoing<S> {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty() && (self.requests.is_none() || self.callbacks() == 0)
    }

    /// How many callbacks wait.
    #[inline(never)]
    pub(super) fn callbacks(&self) -> usize {
        self.requests.as_ref().map_or(0, |requests| requests.ticking.len() + requests.waiting.len())
    }

    /// Adds the newest request.
    pub(super) fn request(&mut self, request: Request<S>, on_tick: bool) {
        let Requests { ticking, waiting, .. } = &mut **self.requests.get_or_insert_default();
        debug_assert!(!on_tick || waiting.is_empty(), "a tick would complete it before its turn");
        if on_tick { ticking.push_back(request) } else { waiting.push_back(request) }
    }

    /// Requests whose bytes the kernel has not all got are completed by events, not by their ticks.
    pub(super) fn detach_ticks(&mut self, sent: u64) {
        let Some(Requests { ticking, waiting, past }) = self.requests.as_deref_mut() else {
            return;
        };
        while ticking.back().is_some_and(|request| request.end > sent && request.number > *past) {
            step();
            ticking.pop_back().into_iter().for_each(|request| waiting.push_front(request));
        }
    }

    /// The oldest request, if it is complete on a tick and numbered no higher.
    pub(super) fn pop_on_tick(&mut self, up_to: u64) -> Option<Done<S>> {
        let ticking = &mut self.requests.as_mut()?.ticking;
        ticking.front().filter(|request| request.number <= up_to)?;
        ticking.pop_front().map(|request| request.done)
    }

    /// The batch has landed: its requests are complete. Returns the number of its last one.
    pub(super) fn attach_ticks(&mut self) -> u64 {
        let last = self.flight_last;
        if let Some(Requests { ticking, waiting, .. }) = self.requests.as_deref_mut() {
            while waiting.front().is_some_and(|request| request.number <= last) {
                step();
                ticking.extend(waiting.pop_front());
            }
        }
        last
    }

    /// Whether there are requests that a tick completes.
    pub(super) fn has_complete(&self) -> bool {
        self.requests.as_ref().is_some_and(|requests| !requests.ticking.is_empty())
    }

    /// How many requests no tick completes.
    pub(super) fn waiting(&self) -> usize {
        self.requests.as_ref().map_or(0, |requests| requests.waiting.len())
    }

    /// The oldest request that no tick completes.
    pub(super) fn pop_waiting(&mut self) -> Option<Request<S>> {
        self.requests.as_mut()?.waiting.pop_front()
    }

    /// Another life begins, whose bytes are counted from zero.
    pub(super) fn begin_life(&mut self) {
        if let Some(requests) = &mut self.requests {
            requests.past = requests.ticking.back().map_or(requests.past, |request| request.number);
        }
    }
}

impl<S> Requests<S> {
    fn is_small(&self) -> bool {
        self.ticking.capacity() <= REQUESTS && self.waiting.capacity() <= REQUESTS
    }

    /// As [`SocketState::accounts_agree`]: a batch is the same by the numbers of its requests and by its bytes.
    fn agree(&self, flight_last: u64, writable: &Writable, is_cut: bool) -> bool {
        let Self { ticking, waiting, past } = self;
        let flying = waiting.partition_point(|request| request.number <= flight_last);
        let (end, submitted) = (writable.dispatched(), writable.submitted());
        let is_one_batch = !writable.in_flight()
            || (flying == 0 || waiting[flying - 1].end <= end) && waiting.get(flying).is_none_or(|behind| behind.end >= end);
        let is_in_order = ticking.back().zip(waiting.front()).is_none_or(|(one, next)| one.number < next.number);
        let newest = waiting.back().or(ticking.back()).filter(|request| request.number > *past);
        is_one_batch && is_in_order && (is_cut || newest.is_none_or(|request| request.end <= submitted))
    }
}

impl<S> SocketState<S> {
    /// What is written is counted by offsets, and lies in the queue: whether the two agree, for debug builds.
    pub(super) fn accounts_agree(&self) -> bool {
        let Some(outgoing) = &self.outgoing else {
            return self.writable.queued() == 0;
        };
        // A failure, or the end, takes bytes back whose callbacks wait to hear of it.
        let is_cut = self.errored.is_some() || self.life.is_destroyed();
        let requests = outgoing.requests.as_ref();
        self.writable.queued() == outgoing.bytes.len()
            && requests.is_none_or(|requests| requests.agree(outgoing.flight_last, &self.writable, is_cut))
    }
}

/// How many emptied queues are kept, and how many of them with a large buffer.
const SPARES: usize = 1024;
const LARGE_SPARES: usize = 16;
const SMALL_BUFFER: usize = 4096;
const LARGE_BUFFER: usize = 64 * 1024;
/// Room for so many callbacks is kept.
const REQUESTS: usize = 16;

impl<S> Reactor<S> {
    pub(super) fn take_queue(&mut self) -> Box<Outgoing<S>> {
        self.spare_queues.pop().unwrap_or_default()
    }

    /// Takes an emptied queue back.
    #[inline(always)]
    pub(super) fn spare_queue(&mut self, queue: Box<Outgoing<S>>) {
        debug_assert!(queue.is_empty());
        let is_small = !queue.bytes.keeps_more_than(SMALL_BUFFER) && queue.requests.is_none();
        if is_small && self.spare_queues.len() < SPARES {
            self.spare_queues.push(queue);
        } else {
            self.spare_shrunk(queue);
        }
    }

    #[inline(never)]
    fn spare_shrunk(&mut self, mut queue: Box<Outgoing<S>>) {
        let spares = self.spare_queues.len();
        queue.bytes.shrink(if spares < LARGE_SPARES { LARGE_BUFFER } else { SMALL_BUFFER });
        queue.requests.take_if(|requests| !requests.is_small());
        if spares < SPARES {
            self.spare_queues.push(queue);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_loop::steps;

    const MANY: usize = 10_000;

    /// A request of one byte, which is its number.
    fn request(number: u64) -> Request<()> {
        Request { number, end: number, done: Box::new(|_, _, _| Ok(())) }
    }

    fn numbers(requests: &VecDeque<Request<()>>) -> Vec<u64> {
        requests.iter().map(|request| request.number).collect()
    }

    #[test]
    fn fault_o_a_callback_takes_some_steps_however_many_wait() {
        let mut outgoing = Outgoing::default();
        let last = MANY as u64;
        let taken = steps(|| {
            (1..=last).for_each(|number| outgoing.request(request(number), true));
            // The kernel takes half of what was gathered, then the rest.
            outgoing.flight_last = last;
            outgoing.detach_ticks(last / 2);
            assert_eq!((outgoing.callbacks(), outgoing.waiting()), (MANY, MANY / 2));
            assert_eq!(outgoing.attach_ticks(), last);
            (1..=last).for_each(|_| assert!(outgoing.pop_on_tick(last).is_some()));
        });
        assert!(taken <= 2 * MANY, "sent: {taken} steps");
        let taken = steps(|| {
            (1..=last).for_each(|number| outgoing.request(request(number), number <= last / 2));
            // Behind as many that ticks complete.
            for number in last / 2 + 1..=last {
                assert_eq!(outgoing.pop_waiting().map(|request| request.number), Some(number));
            }
            assert!(outgoing.pop_waiting().is_none());
        });
        assert!(taken <= 2 * MANY, "cancelled: {taken} steps");
    }

    /// Beside a list in which each request says how it is completed.
    #[test]
    fn requests_are_completed_in_order_whatever_the_kernel_takes() {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_nanos() as u64;
        println!("seed {now}");
        let mut seed = now | 1;
        let mut random = move |below: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed % below
        };
        let (mut outgoing, mut model) = (Outgoing::default(), Vec::<(u64, bool)>::new());
        let (mut newest, mut past) = (0, 0);
        for _ in 0..2_000 {
            match random(6) {
                0..3 => {
                    newest += 1;
                    let on_tick = outgoing.waiting() == 0 && random(2) == 0;
                    outgoing.request(request(newest), on_tick);
                    model.push((newest, on_tick));
                }
                3 => {
                    let sent = random(newest + 1);
                    outgoing.detach_ticks(sent);
                    model.iter_mut().filter(|(number, _)| *number > sent.max(past)).for_each(|(_, on_tick)| *on_tick = false);
                }
                4 => {
                    outgoing.flight_last = random(newest + 1);
                    outgoing.attach_ticks();
                    model.iter_mut().filter(|(number, _)| *number <= outgoing.flight_last).for_each(|(_, tick)| *tick = true);
                }
                _ if random(20) == 0 => {
                    outgoing.begin_life();
                    past = model.iter().rfind(|(_, on_tick)| *on_tick).map_or(past, |(number, _)| *number);
                }
                _ => {
                    let (up_to, wanted) = (random(newest + 1), model.first().copied());
                    let due = wanted.is_some_and(|(number, on_tick)| on_tick && number <= up_to);
                    assert_eq!(outgoing.pop_on_tick(up_to).is_some(), due);
                    model.drain(..usize::from(due));
                }
            }
            let of = |kind: bool| model.iter().filter(move |(_, on_tick)| *on_tick == kind).map(|(number, _)| *number);
            let Requests { ticking, waiting, .. } = &**outgoing.requests.get_or_insert_default();
            assert!(numbers(ticking).into_iter().eq(of(true)) && numbers(waiting).into_iter().eq(of(false)));
        }
    }
}
