//! What a reactor owns and has done: counters and a walk over all handles. Mirrors `uv_metrics_info` and `uv_walk`.

use std::time::Duration;

use super::Reactor;
use super::host::{Entry, Handle};
use super::socket::SocketId;
use super::timers::{TimerId, WatcherId};

/// System calls and bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct IoCounters {
    pub(super) reads: u64,
    pub(super) writes: u64,
    pub(super) accepts: u64,
    pub(super) shutdowns: u64,
    pub(super) bytes_read: u64,
    pub(super) bytes_written: u64,
}

/// Counters of a reactor. Mirrors `uv_metrics_info`, with what a ledger of system calls needs.
///
/// ```
/// let mut reactor = netloop::Reactor::new()?;
/// reactor.run_nowait(&mut ())?;
/// assert_eq!(reactor.metrics().sockets, 0);
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Iterations of the loop.
    pub iterations: u64,
    /// Waits for events: system calls.
    pub polls: u64,
    /// Events the selector reported.
    pub events: u64,
    /// Registrations, changes and removals at the selector: a system call each on epoll and kqueue.
    pub registrations: u64,
    /// Read system calls.
    pub reads: u64,
    /// Write system calls.
    pub writes: u64,
    /// Accept system calls.
    pub accepts: u64,
    /// System calls that send a FIN; a close sends one as well.
    pub shutdowns: u64,
    /// Bytes read from all sockets.
    pub bytes_read: u64,
    /// Bytes the kernel took from all sockets.
    pub bytes_written: u64,
    /// Time spent waiting for events.
    pub idle: Duration,
    /// Sockets that exist now.
    pub sockets: usize,
    /// Servers that exist now.
    pub servers: usize,
    /// Connections that outlive their socket now, because their peer has not ended yet: see
    /// [`Socket::destroy_soon`](crate::Socket::destroy_soon).
    pub lingering: usize,
    /// Timers that exist now, those of idle timeouts among them.
    pub timers: usize,
}

impl<S> Reactor<S> {
    /// Counters since the reactor was made. Mirrors `uv_metrics_info`; it costs a walk over all handles.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// assert_eq!(reactor.metrics().sockets, 2);
    /// reactor.socket(near).expect("just made").end_with("hello");
    /// reactor.run_nowait(&mut ())?;
    /// assert_eq!(reactor.metrics().bytes_written, 5);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn metrics(&self) -> Metrics {
        let (loops, io) = (&self.event_loop.counters, &self.counters);
        let (mut sockets, mut servers, mut lingering) = (0, 0, 0);
        for (_, entry) in self.event_loop.handles.iter() {
            *match entry {
                Entry::Socket(_) => &mut sockets,
                Entry::Server(_) => &mut servers,
                Entry::Lingering(_) => &mut lingering,
            } += 1;
        }
        Metrics {
            iterations: loops.iterations,
            polls: loops.polls,
            events: loops.events,
            registrations: loops.registrations,
            reads: io.reads,
            writes: io.writes,
            accepts: io.accepts,
            shutdowns: io.shutdowns,
            bytes_read: io.bytes_read,
            bytes_written: io.bytes_written,
            idle: Duration::from_nanos(loops.idle),
            sockets,
            servers,
            lingering,
            timers: self.event_loop.timers.len(),
        }
    }

    /// Everything the reactor owns now. Mirrors `uv_walk`; collect it before you change anything.
    ///
    /// ```
    /// use netloop::Handle;
    ///
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// for handle in reactor.handles().collect::<Vec<_>>() {
    ///     if let Handle::Socket(id) = handle
    ///         && let Some(mut socket) = reactor.socket(id)
    ///     {
    ///         socket.destroy();
    ///     }
    /// }
    /// # reactor.run(&mut ())?;
    /// assert_eq!(reactor.handles().count(), 0);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn handles(&self) -> impl Iterator<Item = Handle> {
        let handles = self.event_loop.handles.iter().filter_map(|(key, entry)| match entry {
            Entry::Socket(_) => Some(Handle::Socket(SocketId(key))),
            Entry::Server(_) => Some(Handle::Server(super::ServerId(key))),
            Entry::Lingering(_) => None,
        });
        let timers = self.event_loop.timers.keys().map(|key| Handle::Timer(TimerId(key)));
        let watchers = self.event_loop.watchers.keys().map(|key| Handle::Watcher(WatcherId(key)));
        handles.chain(timers).chain(watchers)
    }

    /// All sockets that exist now.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// let everybody: Vec<_> = reactor.sockets().collect();
    /// assert_eq!(reactor.broadcast(everybody, "news"), 2);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn sockets(&self) -> impl Iterator<Item = SocketId> {
        self.event_loop.handles.iter().filter_map(|(key, entry)| match entry {
            Entry::Socket(_) => Some(SocketId(key)),
            Entry::Server(_) | Entry::Lingering(_) => None,
        })
    }
}
