//! Faults by injection, for tests: a system in which nearly everything that may happen does. Only with `--cfg netloop_faults` and
//! a seed in the environment, `NETLOOP_FAULTS=7`; otherwise every function here is nothing.
//!
//! Reads and writes are cut short, interrupted, and refused as if the kernel had nothing or no room; events come late, and for
//! nothing. With `NETLOOP_FAULTS=7+enobufs` writes are refused for want of buffers too, which is tried again by the clock.
//!
//! What the kernel promises is kept: after "would block" an event comes, here by the bell of the handle; and where a short read
//! or write proves something, the answer for a stream under faults is that it proves nothing.

#[cfg(not(all(netloop_faults, unix)))]
pub(crate) use self::off::{active, attach, comes_late, interrupt, read, write};
#[cfg(all(netloop_faults, unix))]
pub(crate) use self::on::{active, attach, comes_late, interrupt, read, write};

#[cfg(not(all(netloop_faults, unix)))]
mod off {
    use std::io;

    use crate::sys::Bell;

    #[inline(always)]
    pub(crate) const fn active() -> bool {
        false
    }

    #[inline(always)]
    pub(crate) fn attach<T, B: FnOnce() -> Bell>(_: &T, bell: B) -> impl FnOnce() -> Bell + use<T, B> {
        bell
    }

    #[inline(always)]
    pub(crate) const fn comes_late() -> bool {
        false
    }

    #[inline(always)]
    pub(crate) const fn interrupt() -> io::Result<()> {
        Ok(())
    }

    #[inline(always)]
    pub(crate) fn read<T>(_: &T, buffer: &mut [u8], read: impl FnOnce(&mut [u8]) -> io::Result<usize>) -> io::Result<usize> {
        read(buffer)
    }

    #[inline(always)]
    pub(crate) fn write<T>(_: &T, _: usize, write: impl FnOnce(Option<usize>) -> io::Result<usize>) -> io::Result<usize> {
        write(None)
    }
}

#[cfg(all(netloop_faults, unix))]
mod on {
    use std::cell::RefCell;
    use std::collections::HashMap;
    use std::hash::{DefaultHasher, Hash, Hasher};
    use std::io;
    use std::os::fd::{AsRawFd, RawFd};

    use crate::sys::Bell;

    /// What a thread knows of its faults.
    struct Faults {
        /// The state of the random generator; absent without a seed.
        state: Option<u64>,
        enobufs: bool,
        bells: HashMap<RawFd, Bell>,
    }

    thread_local! {
        static FAULTS: RefCell<Faults> = RefCell::new(Faults::new());
    }

    impl Faults {
        /// The seed of the environment, with the name of the thread: a test has a thread of its name.
        fn new() -> Self {
            let text = std::env::var("NETLOOP_FAULTS").unwrap_or_default();
            let (number, enobufs) = match text.strip_suffix("+enobufs") {
                Some(number) => (number, true),
                None => (text.as_str(), false),
            };
            let seed = number.parse::<u64>().ok();
            let name = std::thread::current().name().unwrap_or_default().to_owned();
            if let Some(seed) = seed {
                eprintln!("faults are injected: NETLOOP_FAULTS={text}, thread {name:?}");
                let mut hasher = DefaultHasher::new();
                (seed, name).hash(&mut hasher);
                return Self { state: Some(hasher.finish() | 1), enobufs, bells: HashMap::new() };
            }
            Self { state: None, enobufs, bells: HashMap::new() }
        }

        /// A random number below a limit; `limit - 1` without faults, so that nothing happens.
        fn below(&mut self, limit: usize) -> usize {
            let Some(state) = &mut self.state else {
                return limit - 1;
            };
            *state ^= *state << 13;
            *state ^= *state >> 7;
            *state ^= *state << 17;
            (*state >> 16) as usize % limit
        }

        fn one_in(&mut self, times: usize) -> bool {
            self.state.is_some() && self.below(times) == 0
        }

        /// How much of so many bytes an operation handles: all of them, or any part, mostly a small one.
        fn cut(&mut self, len: usize) -> usize {
            match self.below(6) {
                0 if len > 1 => 1 + self.below(len.min(8)),
                1 if len > 1 => 1 + self.below(len),
                _ => len,
            }
        }

        /// "Would block" is told of a handle whose bell will ring.
        fn block(&mut self, fd: RawFd, readable: bool) -> Option<io::Error> {
            let bell = self.bells.get(&fd).cloned()?;
            if !self.one_in(8) {
                return None;
            }
            bell(readable, !readable);
            Some(io::ErrorKind::WouldBlock.into())
        }
    }

    fn with<R>(call: impl FnOnce(&mut Faults) -> R) -> R {
        FAULTS.with_borrow_mut(call)
    }

    pub(crate) fn active() -> bool {
        with(|faults| faults.state.is_some())
    }

    /// Keeps the bell of a source, to be rung when it was said to block.
    pub(crate) fn attach<T: AsRawFd, B: FnOnce() -> Bell>(source: &T, bell: B) -> impl FnOnce() -> Bell + use<T, B> {
        let bell = bell();
        with(|faults| faults.bells.insert(source.as_raw_fd(), Bell::clone(&bell)));
        || bell
    }

    /// Whether an event is told in the next iteration only.
    pub(crate) fn comes_late() -> bool {
        with(|faults| faults.one_in(6))
    }

    /// A signal comes, sometimes.
    pub(crate) fn interrupt() -> io::Result<()> {
        if with(|faults| faults.one_in(8)) { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) }
    }

    pub(crate) fn read<T: AsRawFd>(
        source: &T,
        buffer: &mut [u8],
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        interrupt()?;
        if let Some(blocked) = with(|faults| faults.block(source.as_raw_fd(), true)) {
            return Err(blocked);
        }
        let len = with(|faults| faults.cut(buffer.len()));
        read(&mut buffer[..len])
    }

    /// Calls with how many bytes may be written, if not all.
    pub(crate) fn write<T: AsRawFd>(
        source: &T,
        len: usize,
        write: impl FnOnce(Option<usize>) -> io::Result<usize>,
    ) -> io::Result<usize> {
        interrupt()?;
        if let Some(blocked) = with(|faults| faults.block(source.as_raw_fd(), false)) {
            return Err(blocked);
        }
        if with(|faults| faults.enobufs && faults.one_in(8)) {
            return Err(io::Error::from_raw_os_error(libc::ENOBUFS));
        }
        let cut = with(|faults| faults.cut(len));
        write((cut < len).then_some(cut))
    }
}
