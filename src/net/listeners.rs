//! The listeners of one emitter: who is called for which event, in what order. Mirrors Node's `EventEmitter`.
//!
//! A closure is taken out for its call and put back only if it was not removed meanwhile. A listener added during an
//! emission is first called at the next one.
//!
//! Up to a few dozen are walked. Where there are more, as on a socket that thousands are piped to, they are looked up.

use std::collections::{BTreeMap, BTreeSet};

use crate::event_loop::step;

/// Names a listener, for [`Socket::remove_listener`](crate::Socket::remove_listener) and its like on [`Server`](crate::Server).
///
/// ```
/// let mut reactor = netloop::Reactor::<()>::new()?;
/// let (near, _far) = reactor.socket_pair()?;
/// let mut socket = reactor.socket(near).expect("just made");
/// let listener = socket.on_drain(|_, _| {}).last_listener();
/// assert!(socket.remove_listener(listener));
/// assert!(!socket.remove_listener(listener));
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerId(u64);

/// The bits of a [`ListenerId`] below its serial number: the events it hears, and whether it goes after its first call. The 47
/// bits above last for four years at a million listeners a second.
const MASK_BITS: u32 = 16;
const ONCE: u64 = 1 << MASK_BITS;
const SERIAL_SHIFT: u32 = MASK_BITS + 1;

impl ListenerId {
    /// Serial numbers begin at one, so this names nothing.
    pub(crate) const NONE: Self = Self(0);

    fn hears(self, event: u32) -> bool {
        self.0 & u64::from(event) != 0
    }

    fn is_once(self) -> bool {
        self.0 & ONCE != 0
    }

    fn events(self) -> u32 {
        self.0 as u32 & ((1 << MASK_BITS) - 1)
    }

    /// Each event it hears, alone.
    fn each_event(self) -> impl Iterator<Item = u32> {
        let mut left = self.events();
        std::iter::from_fn(move || {
            let event = left & left.wrapping_neg();
            left &= !event;
            (event != 0).then_some(event)
        })
    }

    /// A bound that lies before all listeners from this serial number on: ids are ordered by it.
    fn before(serial: u64) -> Self {
        Self(serial << SERIAL_SHIFT)
    }

    pub(crate) fn serial(self) -> u64 {
        self.0 >> SERIAL_SHIFT
    }
}

/// Gives listeners their serial numbers; one for a whole reactor, so that ids are never mixed up.
#[derive(Debug, Default)]
pub(crate) struct Serials(u64);

impl Serials {
    fn next(&mut self, events: u32, once: bool) -> ListenerId {
        debug_assert!(events < 1 << MASK_BITS);
        self.0 += 1;
        ListenerId(self.0 << SERIAL_SHIFT | if once { ONCE } else { 0 } | u64::from(events))
    }

    /// What an emission that starts now may call: listeners up to this serial number.
    pub(crate) fn mark(&self) -> u64 {
        self.0
    }
}

/// How many listeners live in the handle itself; more of them cost one allocation.
const INLINE: usize = 4;

/// So many more are kept in a list, and walked.
const FEW: usize = 32;

/// The listeners of one emitter. `F` is the closure type, `dyn FnMut(…)`.
pub(crate) struct Listeners<F: ?Sized> {
    /// The events that somebody hears, and of them those that one listener hears, time and again: what an emission asks first.
    heard: u32,
    single: u32,
    inline: [Entry<F>; INLINE],
    /// In a box: a word in every socket instead of three.
    more: Option<Box<More<F>>>,
}

/// The listeners after the inline ones.
enum More<F: ?Sized> {
    /// In order.
    Few(Vec<Entry<F>>),
    Many(Box<Many<F>>),
}

/// So many that they are looked up.
struct Many<F: ?Sized> {
    /// Absent while it runs.
    calls: BTreeMap<ListenerId, Option<Box<F>>>,
    /// Who hears each event.
    hears: BTreeSet<(u32, ListenerId)>,
}

struct Entry<F: ?Sized> {
    /// `NONE` where nobody is.
    id: ListenerId,
    /// Absent while it runs.
    call: Option<Box<F>>,
}

/// A listener that was taken out to be called.
pub(crate) struct Taken<F: ?Sized> {
    pub(crate) id: ListenerId,
    pub(crate) call: Box<F>,
    /// Nobody else hears the event.
    pub(crate) is_only: bool,
}

impl<F: ?Sized> Entry<F> {
    const EMPTY: Self = Self { id: ListenerId::NONE, call: None };

    fn is_empty(&self) -> bool {
        self.id == ListenerId::NONE
    }

    /// Whether it is to be called in an emission that has come to one serial number and ends at another.
    fn is_in_turn(&self, event: u32, after: u64, until: u64) -> bool {
        step();
        let serial = self.id.serial();
        self.id.hears(event) && serial > after && serial <= until && self.call.is_some()
    }
}

impl<F: ?Sized> Default for Listeners<F> {
    fn default() -> Self {
        Self { heard: 0, single: 0, inline: [const { Entry::EMPTY }; INLINE], more: None }
    }
}

impl<F: ?Sized> Listeners<F> {
    /// Adds a listener for the events of a mask, after those that are there.
    pub(crate) fn add(&mut self, serials: &mut Serials, events: u32, once: bool, call: Box<F>) -> ListenerId {
        let id = serials.next(events, once);
        let entry = Entry { id, call: Some(call) };
        match self.inline.iter_mut().find(|slot| slot.is_empty()) {
            Some(slot) if self.more.is_none() => *slot = entry,
            _ => self.more.get_or_insert_with(|| Box::new(More::Few(Vec::new()))).push(entry),
        }
        let alone = if once { 0 } else { events & !self.heard };
        self.single = self.single & !events | alone;
        self.heard |= events;
        id
    }

    /// Removes a listener; one that runs is not called again.
    pub(crate) fn remove(&mut self, id: ListenerId) -> bool {
        if let Some(at) = self.inline.iter().position(|entry| !entry.is_empty() && entry.id == id) {
            // Later ones move up: order is by place.
            self.inline[at..].rotate_left(1);
            self.inline[INLINE - 1] = self.more.as_mut().and_then(|more| more.take_first()).unwrap_or(Entry::EMPTY);
        } else if !self.more.as_mut().is_some_and(|more| more.remove(id)) {
            return false;
        }
        // Never empty: else the order would be lost.
        self.more.take_if(|more| more.is_empty());
        self.count(id);
        true
    }

    /// Counts who hears the events of a listener that was removed.
    fn count(&mut self, gone: ListenerId) {
        for event in gone.each_event() {
            let inline = self.inline.iter().map(|entry| entry.id);
            let hearers = inline.filter(|id| id.hears(event)).chain(self.more.iter().flat_map(|more| more.hearers(event)));
            let (heard, single) = match alone(hearers) {
                None => (0, 0),
                Some(alone) => (event, if alone { event } else { 0 }),
            };
            (self.heard, self.single) = (self.heard & !event | heard, self.single & !event | single);
        }
    }

    /// Whether anybody hears an event.
    #[inline]
    pub(crate) fn has(&self, event: u32) -> bool {
        self.heard & event != 0
    }

    /// The listener added last.
    pub(crate) fn last(&self) -> Option<ListenerId> {
        let mut inline = self.inline.iter().rev().map(|entry| entry.id).filter(|&id| id != ListenerId::NONE);
        self.more.as_ref().and_then(|more| more.last()).or_else(|| inline.next())
    }

    /// Takes the first listener of an emission that begins now and ends at `until`.
    #[inline]
    pub(crate) fn take_first(&mut self, event: u32, until: u64) -> Option<Taken<F>> {
        match self.take_only(event) {
            None if self.has(event) => self.take_next(event, 0, until),
            only => only,
        }
    }

    /// Takes the listener of an event that is alone with it.
    #[inline(always)]
    pub(crate) fn take_only(&mut self, event: u32) -> Option<Taken<F>> {
        if self.single & event == 0 {
            return None;
        }
        let entry = self.inline.iter_mut().find(|entry| entry.id.hears(event))?;
        entry.call.take().map(|call| Taken { id: entry.id, call, is_only: true })
    }

    /// Takes the next listener of an emission that has come to serial number `after` and ends at `until`.
    #[inline(never)]
    pub(crate) fn take_next(&mut self, event: u32, after: u64, until: u64) -> Option<Taken<F>> {
        let entry = self.inline.iter_mut().find(|entry| entry.is_in_turn(event, after, until));
        let (id, call) = match entry {
            Some(entry) => (entry.id, &mut entry.call),
            None => self.more.as_mut()?.next(event, after, until)?,
        };
        let call = call.take()?;
        if id.is_once() {
            self.remove(id);
        }
        Some(Taken { id, call, is_only: false })
    }

    /// Puts a listener back after its call, unless it was removed.
    #[inline(always)]
    pub(crate) fn put_back(&mut self, id: ListenerId, call: Box<F>) {
        let first = &mut self.inline[0];
        let place = if first.id == id { Some(&mut first.call) } else { self.find(id) };
        if let Some(place @ None) = place {
            *place = Some(call);
        }
    }

    #[inline(never)]
    fn find(&mut self, id: ListenerId) -> Option<&mut Option<Box<F>>> {
        match self.inline.iter_mut().find(|entry| entry.id == id) {
            Some(entry) => Some(&mut entry.call),
            None => self.more.as_mut()?.find(id),
        }
    }
}

/// Whether somebody hears an event, and if so, whether it is one listener, time and again.
fn alone(mut hearers: impl Iterator<Item = ListenerId>) -> Option<bool> {
    let first = hearers.next()?;
    Some(hearers.next().is_none() && !first.is_once())
}

impl<F: ?Sized> More<F> {
    fn push(&mut self, Entry { id, call }: Entry<F>) {
        match self {
            Self::Few(entries) if entries.len() < FEW => entries.push(Entry { id, call }),
            Self::Few(entries) => {
                let mut many = Many { calls: BTreeMap::new(), hears: BTreeSet::new() };
                entries.drain(..).for_each(|entry| many.insert(entry.id, entry.call));
                many.insert(id, call);
                *self = Self::Many(Box::new(many));
            }
            Self::Many(many) => many.insert(id, call),
        }
    }

    fn remove(&mut self, id: ListenerId) -> bool {
        match self {
            Self::Few(entries) => {
                let at = entries.iter().inspect(|_| step()).position(|entry| entry.id == id);
                at.map(|at| entries.remove(at)).is_some()
            }
            Self::Many(many) => many.remove(id).is_some(),
        }
    }

    fn take_first(&mut self) -> Option<Entry<F>> {
        match self {
            Self::Few(entries) => (!entries.is_empty()).then(|| entries.remove(0)),
            Self::Many(many) => {
                let (&id, _) = many.calls.first_key_value()?;
                many.remove(id).map(|call| Entry { id, call })
            }
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Few(entries) => entries.is_empty(),
            Self::Many(many) => many.calls.is_empty(),
        }
    }

    fn last(&self) -> Option<ListenerId> {
        match self {
            Self::Few(entries) => entries.last().map(|entry| entry.id),
            Self::Many(many) => many.calls.last_key_value().map(|(&id, _)| id),
        }
    }

    /// As [`Listeners::take_next`]: who it is, and its call.
    fn next(&mut self, event: u32, after: u64, until: u64) -> Option<(ListenerId, &mut Option<Box<F>>)> {
        match self {
            Self::Few(entries) => {
                let entry = entries.iter_mut().find(|entry| entry.is_in_turn(event, after, until))?;
                Some((entry.id, &mut entry.call))
            }
            Self::Many(many) => {
                let turns = (event, ListenerId::before(after + 1))..(event, ListenerId::before(until + 1));
                let mut hearers = many.hears.range(turns).inspect(|_| step()).map(|&(_, id)| id);
                let id = hearers.find(|id| many.calls.get(id).is_some_and(Option::is_some))?;
                many.calls.get_mut(&id).map(|call| (id, call))
            }
        }
    }

    fn find(&mut self, id: ListenerId) -> Option<&mut Option<Box<F>>> {
        match self {
            Self::Few(entries) => {
                let entry = entries.iter_mut().inspect(|_| step()).find(|entry| entry.id == id);
                entry.map(|entry| &mut entry.call)
            }
            Self::Many(many) => many.calls.get_mut(&id),
        }
    }

    /// The listeners of an event.
    fn hearers(&self, event: u32) -> impl Iterator<Item = ListenerId> {
        let (few, many) = match self {
            Self::Few(entries) => (&entries[..], None),
            Self::Many(many) => {
                let hearers = (event, ListenerId::NONE)..(event + 1, ListenerId::NONE);
                (&[][..], Some(many.hears.range(hearers)))
            }
        };
        let few = few.iter().inspect(|_| step()).map(|entry| entry.id).filter(move |id| id.hears(event));
        few.chain(many.into_iter().flatten().inspect(|_| step()).map(|&(_, id)| id))
    }
}

impl<F: ?Sized> Many<F> {
    fn insert(&mut self, id: ListenerId, call: Option<Box<F>>) {
        step();
        self.calls.insert(id, call);
        self.hears.extend(id.each_event().map(|event| (event, id)));
    }

    fn remove(&mut self, id: ListenerId) -> Option<Option<Box<F>>> {
        step();
        let call = self.calls.remove(&id)?;
        id.each_event().for_each(|event| _ = self.hears.remove(&(event, id)));
        Some(call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_loop::steps;

    type Numbers = Listeners<dyn FnMut() -> u32>;

    fn emit(listeners: &mut Numbers, serials: &Serials, event: u32) -> Vec<u32> {
        let (mut heard, mut after, until) = (Vec::new(), 0, serials.mark());
        while let Some(mut taken) = listeners.take_next(event, after, until) {
            after = taken.id.serial();
            heard.push((taken.call)());
            listeners.put_back(taken.id, taken.call);
        }
        heard
    }

    #[test]
    fn listeners_are_called_in_order_also_after_removals() {
        let (mut listeners, mut serials) = (Numbers::default(), Serials::default());
        let ids: Vec<_> = (0..7).map(|n| listeners.add(&mut serials, 1, false, Box::new(move || n))).collect();
        assert_eq!(emit(&mut listeners, &serials, 1), [0, 1, 2, 3, 4, 5, 6]);
        for gone in [1, 0, 5] {
            assert!(listeners.remove(ids[gone]));
        }
        assert_eq!(emit(&mut listeners, &serials, 1), [2, 3, 4, 6]);
        listeners.add(&mut serials, 1, false, Box::new(|| 9));
        assert_eq!(emit(&mut listeners, &serials, 1), [2, 3, 4, 6, 9]);
        assert!(!listeners.remove(ids[0]), "gone already");
    }

    #[test]
    fn a_once_listener_goes_with_its_first_call_and_masks_select() {
        let (mut listeners, mut serials) = (Numbers::default(), Serials::default());
        listeners.add(&mut serials, 1, true, Box::new(|| 1));
        listeners.add(&mut serials, 1 | 4, false, Box::new(|| 2));
        assert_eq!(emit(&mut listeners, &serials, 2), [0; 0]);
        assert_eq!(emit(&mut listeners, &serials, 4), [2]);
        assert_eq!(emit(&mut listeners, &serials, 1), [1, 2]);
        assert_eq!(emit(&mut listeners, &serials, 1), [2]);
    }

    /// At a million listeners a second a server comes to these numbers in two weeks.
    #[test]
    fn fault_f_the_listeners_after_a_trillion_others_are_called_in_order() {
        let (mut listeners, mut serials) = (Numbers::default(), Serials((1 << 40) - 3));
        for n in 0..6 {
            listeners.add(&mut serials, 1, false, Box::new(move || n));
        }
        assert_eq!(emit(&mut listeners, &serials, 1), [0, 1, 2, 3, 4, 5]);
    }

    /// Beside a list of who hears what, in order: with a few listeners and with so many that they are looked up.
    #[test]
    fn fault_o_listeners_that_come_and_go_are_called_in_order() {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_nanos() as u64;
        println!("seed {now}");
        let mut seed = now | 1;
        let mut random = move |below: usize| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed % below as u64) as usize
        };
        for most in [3, 5, 12, 40, 150] {
            let (mut listeners, mut serials) = (Numbers::default(), Serials::default());
            let mut model: Vec<(ListenerId, u32)> = Vec::new();
            for number in 0..600 {
                match random(8) {
                    0..4 if model.len() < most => {
                        let (events, once) = (1 + random(15) as u32, random(3) == 0);
                        let id = listeners.add(&mut serials, events, once, Box::new(move || number));
                        model.push((id, number));
                    }
                    0..6 if !model.is_empty() => {
                        let (gone, _) = model.remove(random(model.len()));
                        assert!(listeners.remove(gone) && !listeners.remove(gone));
                    }
                    _ => {
                        let event = 1 << random(4);
                        let (hear, others): (Vec<_>, Vec<_>) = model.iter().partition(|(id, _)| id.hears(event));
                        assert_eq!(listeners.has(event), !hear.is_empty());
                        let only = matches!(&hear[..], [(id, _)] if !id.is_once());
                        assert_eq!(listeners.single & event != 0, only);
                        let expected: Vec<u32> = hear.iter().map(|(_, number)| *number).collect();
                        assert_eq!(emit(&mut listeners, &serials, event), expected, "of {} listeners", model.len());
                        model = hear.into_iter().filter(|(id, _)| !id.is_once()).chain(others).collect();
                        model.sort_unstable();
                    }
                }
                assert_eq!(listeners.last(), model.last().map(|&(id, _)| id));
            }
        }
    }

    #[test]
    fn fault_o_a_listener_takes_some_steps_however_many_there_are() {
        const MANY: usize = 10_000;
        let (mut listeners, mut serials) = (Numbers::default(), Serials::default());
        let check = |name: &str, taken: usize, each: usize| assert!(taken <= each * MANY, "{name}: {taken} steps");
        let mut ids = Vec::new();
        let add = |listeners: &mut Numbers, serials: &mut Serials, once| {
            (0..MANY).map(|n| listeners.add(serials, 1 | 4, once, Box::new(move || n as u32))).collect::<Vec<_>>()
        };
        check("add", steps(|| ids = add(&mut listeners, &mut serials, false)), 2);
        check("emit", steps(|| assert_eq!(emit(&mut listeners, &serials, 1).len(), MANY)), 8);
        // Those of other events are not looked at.
        listeners.add(&mut serials, 2, false, Box::new(|| 7));
        let taken = steps(|| assert_eq!(emit(&mut listeners, &serials, 2), [7]));
        assert!(taken < 100, "{taken} steps beside the others");
        check("remove", steps(|| assert!(ids.drain(MANY / 2..).all(|id| listeners.remove(id)))), 8);
        check("remove", steps(|| assert!(ids.drain(..).all(|id| listeners.remove(id)))), 8);
        assert_eq!((listeners.has(1), listeners.more.is_none()), (false, true), "they take no memory");
        add(&mut listeners, &mut serials, true);
        check("once", steps(|| assert_eq!(emit(&mut listeners, &serials, 4).len(), MANY)), 16);
        assert!(!listeners.has(1 | 4) && listeners.has(2));
    }

    #[test]
    fn one_added_during_an_emission_waits_for_the_next() {
        let (mut listeners, mut serials) = (Numbers::default(), Serials::default());
        listeners.add(&mut serials, 1, false, Box::new(|| 1));
        let until = serials.mark();
        listeners.add(&mut serials, 1, false, Box::new(|| 2));
        let Taken { id, call, .. } = listeners.take_next(1, 0, until).expect("the first");
        listeners.put_back(id, call);
        assert!(listeners.take_next(1, id.serial(), until).is_none());
        assert_eq!(emit(&mut listeners, &serials, 1), [1, 2]);
    }
}
