//! The listeners of one emitter: who is called for which event, in what order. Mirrors Node's `EventEmitter`.
//!
//! A closure is taken out for its call and put back only if it was not removed meanwhile. A listener added during an
//! emission is first called at the next one.

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

/// The listeners of one emitter. `F` is the closure type, `dyn FnMut(…)`.
pub(crate) struct Listeners<F: ?Sized> {
    /// The events that somebody hears, and of them those that one listener hears, time and again: what an emission asks first.
    heard: u32,
    single: u32,
    inline: [Entry<F>; INLINE],
    #[expect(clippy::box_collection, reason = "a word in every socket instead of three")]
    more: Option<Box<Vec<Entry<F>>>>,
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
            _ => self.more.get_or_insert_default().push(entry),
        }
        self.count();
        id
    }

    fn count(&mut self) {
        let (mut heard, mut apart) = (0, 0);
        for entry in self.iter() {
            let events = entry.id.events();
            apart |= if entry.id.is_once() { events } else { heard & events };
            heard |= events;
        }
        (self.heard, self.single) = (heard, heard & !apart);
    }

    /// Removes a listener; one that runs is not called again.
    pub(crate) fn remove(&mut self, id: ListenerId) -> bool {
        if let Some(at) = self.inline.iter().position(|entry| !entry.is_empty() && entry.id == id) {
            // Later ones move up: order is by place.
            self.inline[at..].rotate_left(1);
            self.inline[INLINE - 1] = self.more.as_mut().map_or(Entry::EMPTY, |more| more.remove(0));
        } else if let Some(more) = &mut self.more
            && let Some(at) = more.iter().position(|entry| entry.id == id)
        {
            more.remove(at);
        } else {
            return false;
        }
        // Never empty: else the order would be lost.
        self.more.take_if(|more| more.is_empty());
        self.count();
        true
    }

    /// Whether anybody hears an event.
    #[inline]
    pub(crate) fn has(&self, event: u32) -> bool {
        self.heard & event != 0
    }

    /// The listener added last.
    pub(crate) fn last(&self) -> Option<ListenerId> {
        self.iter().map(|entry| entry.id).max()
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
        let in_turn = |entry: &&mut Entry<F>| {
            let serial = entry.id.serial();
            entry.id.hears(event) && serial > after && serial <= until && entry.call.is_some()
        };
        let entry = match self.inline.iter_mut().find(in_turn) {
            Some(entry) => entry,
            None => self.more.as_mut()?.iter_mut().find(in_turn)?,
        };
        let (id, call) = (entry.id, entry.call.take()?);
        if id.is_once() {
            self.remove(id);
        }
        Some(Taken { id, call, is_only: false })
    }

    /// Puts a listener back after its call, unless it was removed.
    #[inline(always)]
    pub(crate) fn put_back(&mut self, id: ListenerId, call: Box<F>) {
        let first = &mut self.inline[0];
        let entry = if first.id == id { Some(first) } else { self.find(id) };
        if let Some(entry) = entry
            && entry.call.is_none()
        {
            entry.call = Some(call);
        }
    }

    #[inline(never)]
    fn find(&mut self, id: ListenerId) -> Option<&mut Entry<F>> {
        let more = self.more.iter_mut().flat_map(|more| more.iter_mut());
        self.inline.iter_mut().chain(more).find(|entry| entry.id == id)
    }

    fn iter(&self) -> impl Iterator<Item = &Entry<F>> {
        let inline = self.inline.iter().filter(|entry| !entry.is_empty());
        inline.chain(self.more.iter().flat_map(|more| more.iter()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
