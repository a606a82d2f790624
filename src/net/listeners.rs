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

/// The bits of a [`ListenerId`] below its serial number: the events it hears, and whether it goes after its first call.
const MASK_BITS: u32 = 23;
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

    fn serial(self) -> u64 {
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
    inline: [Option<Entry<F>>; INLINE],
    #[expect(clippy::box_collection, reason = "a word in every socket instead of three")]
    more: Option<Box<Vec<Entry<F>>>>,
}

struct Entry<F: ?Sized> {
    id: ListenerId,
    /// Absent while it runs.
    call: Option<Box<F>>,
}

impl<F: ?Sized> Default for Listeners<F> {
    fn default() -> Self {
        Self { inline: [const { None }; INLINE], more: None }
    }
}

impl<F: ?Sized> Listeners<F> {
    /// Adds a listener for the events of a mask, after those that are there.
    pub(crate) fn add(&mut self, serials: &mut Serials, events: u32, once: bool, call: Box<F>) -> ListenerId {
        let id = serials.next(events, once);
        let entry = Entry { id, call: Some(call) };
        match self.inline.iter_mut().find(|slot| slot.is_none()) {
            Some(slot) if self.more.is_none() => *slot = Some(entry),
            _ => self.more.get_or_insert_default().push(entry),
        }
        id
    }

    /// Removes a listener; one that runs is not called again.
    pub(crate) fn remove(&mut self, id: ListenerId) -> bool {
        if let Some(more) = &mut self.more
            && let Some(at) = more.iter().position(|entry| entry.id == id)
        {
            more.remove(at);
            self.drop_empty();
            return true;
        }
        let Some(at) = self.inline.iter().flatten().position(|entry| entry.id == id) else {
            return false;
        };
        // Later ones move up: order is by place.
        self.inline[at] = None;
        self.inline[at..].rotate_left(1);
        if let Some(more) = &mut self.more {
            self.inline[INLINE - 1] = Some(more.remove(0));
            self.drop_empty();
        }
        true
    }

    /// `more` is never empty: else the order would be lost.
    fn drop_empty(&mut self) {
        if self.more.as_ref().is_some_and(|more| more.is_empty()) {
            self.more = None;
        }
    }

    /// Whether anybody hears an event.
    pub(crate) fn has(&self, event: u32) -> bool {
        self.iter().any(|entry| entry.id.hears(event))
    }

    /// The listener added last.
    pub(crate) fn last(&self) -> Option<ListenerId> {
        self.iter().map(|entry| entry.id).max()
    }

    /// Takes the next listener of an emission that has come to serial number `after` and ends at `until`.
    pub(crate) fn take_next(&mut self, event: u32, after: u64, until: u64) -> Option<(ListenerId, u64, Box<F>)> {
        let in_turn = |entry: &Entry<F>| {
            let serial = entry.id.serial();
            entry.id.hears(event) && serial > after && serial <= until && entry.call.is_some()
        };
        let inline = self.inline.iter().position(|slot| slot.as_ref().is_some_and(in_turn));
        let entry = match inline {
            Some(at) => self.inline[at].as_mut()?,
            None => self.more.as_mut()?.iter_mut().find(|entry| in_turn(entry))?,
        };
        let id = entry.id;
        let call = entry.call.take()?;
        if id.is_once() {
            self.remove(id);
        }
        Some((id, id.serial(), call))
    }

    /// Puts a listener back after its call, unless it was removed.
    pub(crate) fn put_back(&mut self, id: ListenerId, call: Box<F>) {
        let same = |entry: &&mut Entry<F>| entry.id == id;
        let entry = match self.inline.iter_mut().flatten().find(same) {
            Some(entry) => Some(entry),
            None => self.more.as_mut().and_then(|more| more.iter_mut().find(same)),
        };
        if let Some(entry) = entry {
            entry.call = Some(call);
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Entry<F>> {
        self.inline.iter().flatten().chain(self.more.iter().flat_map(|more| more.iter()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Numbers = Listeners<dyn FnMut() -> u32>;

    fn emit(listeners: &mut Numbers, serials: &Serials, event: u32) -> Vec<u32> {
        let (mut heard, mut after, until) = (Vec::new(), 0, serials.mark());
        while let Some((id, serial, mut call)) = listeners.take_next(event, after, until) {
            after = serial;
            heard.push(call());
            listeners.put_back(id, call);
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

    #[test]
    fn one_added_during_an_emission_waits_for_the_next() {
        let (mut listeners, mut serials) = (Numbers::default(), Serials::default());
        listeners.add(&mut serials, 1, false, Box::new(|| 1));
        let until = serials.mark();
        listeners.add(&mut serials, 1, false, Box::new(|| 2));
        let (id, serial, call) = listeners.take_next(1, 0, until).expect("the first");
        listeners.put_back(id, call);
        assert!(listeners.take_next(1, serial, until).is_none());
        assert_eq!(emit(&mut listeners, &serials, 1), [1, 2]);
    }
}
