//! The life of a socket: phase × reading half × writing half. Pure: no I/O, no callback.
//!
//! ```text
//!            connect            connected
//!   New ───────────► Connecting ─────────► Open
//!    │                   │                  │         any ── destroy ──► Destroyed ── connect ──► Connecting
//!    └── adopted, accepted ─────────────────┘
//!
//!   reading:  Open ── EOF ──► Eof ── buffer empty, `end` ──► Ended
//!   writing:  Open ── end ──► Ending ── all written ──► ShuttingDown ── FIN sent, `finish` ──► Finished
//! ```
//!
//! Each event is a method; it moves the state and tells what is to be done. When both halves are over the socket destroys
//! itself (`autoDestroy` of Node's streams).

/// Whether there is a handle, and how far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    New,
    Connecting,
    Open,
    Destroyed,
}

/// The reading half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    Open,
    /// The peer's FIN was read; `end` waits until the buffer is empty.
    Eof,
    /// `end` was emitted, or the socket was made not to read.
    Ended,
}

/// The writing half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writing {
    Open,
    /// `end` was called; bytes still wait.
    Ending,
    /// All is written; the FIN is under way.
    ShuttingDown,
    /// `finish` was emitted, or the socket was made not to write.
    Finished,
}

/// What is to be done after an event.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Nothing,
    /// Send the FIN in the pending phase.
    Shutdown,
    /// There is no handle to shut down: emit `finish` on a tick.
    Finish,
    /// The peer has ended and half-open is not allowed: call `end` on a tick.
    AutoEnd,
    /// Both halves are over.
    Destroy,
}

/// How `end` was met.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Begun,
    /// Called before; it comes to the same.
    UnderWay,
    AlreadyFinished,
    Destroyed,
}

/// The state of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifecycle {
    pub(crate) phase: Phase,
    pub(crate) reading: Reading,
    pub(crate) writing: Writing,
}

impl Lifecycle {
    pub(crate) fn new(readable: bool, writable: bool) -> Self {
        Self {
            phase: Phase::New,
            reading: if readable { Reading::Open } else { Reading::Ended },
            writing: if writable { Writing::Open } else { Writing::Finished },
        }
    }

    /// `connect` was called: a new life, whatever was before. A second call while connecting changes nothing.
    pub(crate) fn connect(&mut self, readable: bool, writable: bool) {
        match self.phase {
            Phase::New | Phase::Connecting if !self.needs_revival() => self.phase = Phase::Connecting,
            _ => *self = Self { phase: Phase::Connecting, ..Self::new(readable, writable) },
        }
    }

    /// Whether a connect begins a new life: after a death, and after an `end` without a connection.
    pub(crate) fn needs_revival(&self) -> bool {
        match self.phase {
            Phase::New => self.writing != Writing::Open,
            Phase::Connecting => false,
            Phase::Open | Phase::Destroyed => true,
        }
    }

    /// A handle is there: connected, accepted or adopted.
    pub(crate) fn open(&mut self) {
        debug_assert!(matches!(self.phase, Phase::New | Phase::Connecting), "open in {self:?}");
        self.phase = Phase::Open;
    }

    /// The user ends the writing half. As in Node, an `end` after a `destroy` without an error counts as one for later writes.
    pub(crate) fn end(&mut self, errored: bool) -> Ending {
        match (self.writing, self.phase) {
            (Writing::Open, Phase::Destroyed) => {
                if !errored {
                    self.writing = Writing::Ending;
                }
                Ending::Destroyed
            }
            (Writing::Open, _) => {
                self.writing = Writing::Ending;
                Ending::Begun
            }
            (Writing::Ending | Writing::ShuttingDown, Phase::Destroyed) => Ending::Destroyed,
            (Writing::Ending | Writing::ShuttingDown, _) => Ending::UnderWay,
            (Writing::Finished, _) => Ending::AlreadyFinished,
        }
    }

    /// Nothing is left to write.
    pub(crate) fn drained(&mut self) -> Effect {
        if self.writing != Writing::Ending {
            return Effect::Nothing;
        }
        let effect = match self.phase {
            Phase::New => Effect::Finish,
            // The FIN waits for the connection.
            Phase::Connecting | Phase::Destroyed => return Effect::Nothing,
            Phase::Open => Effect::Shutdown,
        };
        self.writing = Writing::ShuttingDown;
        effect
    }

    /// The FIN is sent and `finish` is emitted. Call before the emission.
    pub(crate) fn finish(&mut self) {
        debug_assert_eq!(self.writing, Writing::ShuttingDown, "finish in {self:?}");
        self.writing = Writing::Finished;
    }

    /// After the emission of `finish`.
    pub(crate) fn finished(&self) -> Effect {
        match (self.phase, self.reading) {
            // Never connected: nothing to destroy, a later `connect` begins anew.
            (Phase::New, Reading::Open | Reading::Eof) => Effect::Nothing,
            (Phase::Destroyed, _) => Effect::Nothing,
            (_, Reading::Ended) => Effect::Destroy,
            (_, Reading::Open | Reading::Eof) => Effect::Nothing,
        }
    }

    /// The peer's FIN was read. False if it is no news.
    pub(crate) fn eof(&mut self) -> bool {
        let news = self.reading == Reading::Open;
        if news {
            self.reading = Reading::Eof;
        }
        news
    }

    /// `end` is due: the buffer is empty. False if it was emitted or may not be any more.
    pub(crate) fn take_end(&mut self) -> bool {
        let due = self.reading == Reading::Eof && self.phase != Phase::Destroyed;
        if due {
            self.reading = Reading::Ended;
        }
        due
    }

    /// After the emission of `end`; half-open is asked for at that moment, so that a listener may still change it.
    pub(crate) fn ended(&self, allow_half_open: bool) -> Effect {
        match (self.phase, self.writing) {
            (Phase::Destroyed, _) => Effect::Nothing,
            (_, Writing::Open) if !allow_half_open => Effect::AutoEnd,
            (_, Writing::Finished) => Effect::Destroy,
            (_, Writing::Open | Writing::Ending | Writing::ShuttingDown) => Effect::Nothing,
        }
    }

    /// `destroy`; false if it was destroyed already.
    pub(crate) fn destroy(&mut self) -> bool {
        let news = self.phase != Phase::Destroyed;
        self.phase = Phase::Destroyed;
        news
    }

    #[inline]
    pub(crate) fn is_destroyed(self) -> bool {
        self.phase == Phase::Destroyed
    }

    #[inline]
    pub(crate) fn is_connecting(self) -> bool {
        self.phase == Phase::Connecting
    }

    #[inline]
    pub(crate) fn is_open(self) -> bool {
        self.phase == Phase::Open
    }

    /// `end` was called.
    #[inline]
    pub(crate) fn is_ending(self) -> bool {
        self.writing != Writing::Open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHASES: [Phase; 4] = [Phase::New, Phase::Connecting, Phase::Open, Phase::Destroyed];
    const READING: [Reading; 3] = [Reading::Open, Reading::Eof, Reading::Ended];
    const WRITING: [Writing; 4] = [Writing::Open, Writing::Ending, Writing::ShuttingDown, Writing::Finished];

    fn all() -> impl Iterator<Item = Lifecycle> {
        PHASES.into_iter().flat_map(|phase| {
            READING
                .into_iter()
                .flat_map(move |reading| WRITING.into_iter().map(move |writing| Lifecycle { phase, reading, writing }))
        })
    }

    #[test]
    fn destroy_is_final_and_idempotent_in_every_state() {
        for state in all() {
            let mut after = state;
            assert_eq!(after.destroy(), state.phase != Phase::Destroyed, "{state:?}");
            assert!(!after.destroy());
            assert_eq!((after.reading, after.writing), (state.reading, state.writing));
            assert_eq!(after.drained(), Effect::Nothing, "{state:?}");
            assert_eq!(
                (after.finished(), after.ended(false), after.ended(true)),
                (Effect::Nothing, Effect::Nothing, Effect::Nothing)
            );
            assert!(!after.take_end());
        }
    }

    #[test]
    fn end_table() {
        for state in all() {
            let expected = match (state.writing, state.phase) {
                (Writing::Finished, _) => Ending::AlreadyFinished,
                (_, Phase::Destroyed) => Ending::Destroyed,
                (Writing::Open, _) => Ending::Begun,
                _ => Ending::UnderWay,
            };
            for errored in [false, true] {
                let mut after = state;
                assert_eq!(after.end(errored), expected, "{state:?}");
                let counts = state.writing == Writing::Open && (state.phase != Phase::Destroyed || !errored);
                assert_eq!(after.writing != state.writing, counts, "{state:?}");
            }
        }
    }

    #[test]
    fn drained_table() {
        for state in all() {
            let mut after = state;
            let expected = match (state.writing, state.phase) {
                (Writing::Ending, Phase::Open) => Effect::Shutdown,
                (Writing::Ending, Phase::New) => Effect::Finish,
                _ => Effect::Nothing,
            };
            assert_eq!(after.drained(), expected, "{state:?}");
            assert_eq!(
                after.writing == Writing::ShuttingDown,
                expected != Effect::Nothing || state.writing == Writing::ShuttingDown
            );
        }
    }

    #[test]
    fn the_second_half_to_end_destroys() {
        for state in all().filter(|state| state.phase == Phase::Open) {
            assert_eq!(state.finished() == Effect::Destroy, state.reading == Reading::Ended, "{state:?}");
            let expected = match state.writing {
                Writing::Open => Effect::AutoEnd,
                Writing::Finished => Effect::Destroy,
                Writing::Ending | Writing::ShuttingDown => Effect::Nothing,
            };
            assert_eq!(state.ended(false), expected, "{state:?}");
            assert_eq!(state.ended(true), if expected == Effect::AutoEnd { Effect::Nothing } else { expected });
        }
    }

    #[test]
    fn eof_and_end_come_once() {
        for state in all() {
            let mut after = state;
            assert_eq!(after.eof(), state.reading == Reading::Open);
            assert!(!after.eof());
            let due = after.reading == Reading::Eof && after.phase != Phase::Destroyed;
            assert_eq!(after.take_end(), due, "{state:?}");
            assert!(!after.take_end());
        }
    }

    #[test]
    fn connect_begins_a_new_life_only_after_an_old_one() {
        for state in all() {
            let mut after = state;
            after.connect(true, true);
            assert_eq!(after.phase, Phase::Connecting);
            let ended = state.phase == Phase::New && state.writing != Writing::Open;
            let fresh = ended || matches!(state.phase, Phase::Open | Phase::Destroyed);
            let expected = if fresh { (Reading::Open, Writing::Open) } else { (state.reading, state.writing) };
            assert_eq!((after.reading, after.writing), expected, "{state:?}");
        }
    }
}
