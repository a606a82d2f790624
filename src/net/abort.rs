//! Abort signals: one call ends everything that was bound to a signal. Mirrors `AbortController` and `addAbortSignal`.
//!
//! A signal that is not in the table was aborted: so the table holds only those that may still be.

use super::Reactor;
use super::options::ConnectOptions;
use super::server::ServerId;
use super::socket::SocketId;
use crate::code;
use crate::error::Error;
use crate::event_loop::{Key, Table, step};

/// Names a signal that ends whatever it was given to: [`SocketOptions::signal`](crate::SocketOptions::signal),
/// [`ConnectOptions::signal`](crate::ConnectOptions::signal), [`ListenOptions::signal`](crate::ListenOptions::signal).
///
/// It is an id, for any number of options. Made by [`Reactor::abort_signal`], set off by [`Reactor::abort`].
///
/// ```
/// use netloop::{ConnectOptions, ListenOptions, Reactor};
///
/// let mut reactor = Reactor::<Vec<&str>>::new()?;
/// let signal = reactor.abort_signal();
/// let mut server = reactor.create_server(|_, _| {});
/// server.on_close(|_, log| log.push("server"));
/// let port = server.listen_with(([127, 0, 0, 1], 0), ListenOptions::new().signal(signal)).port().expect("bound");
/// reactor
///     .connect_with(([127, 0, 0, 1], port), ConnectOptions::new().signal(signal))
///     .on_error(|_, error, log| log.push(error.code()));
/// reactor.set_immediate(move |reactor, _| reactor.abort(signal));
/// let mut log = Vec::new();
/// reactor.run(&mut log)?;
/// log.sort();
/// assert_eq!(log, ["ABORT_ERR", "server"]);
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AbortSignal(Key);

/// What a signal ends: one life of a socket, or a server until its next `close`.
#[derive(Clone, Copy, Debug)]
enum Bound {
    Socket(SocketId, u32),
    Server(ServerId, u64),
}

/// The signals that were not aborted.
#[derive(Debug, Default)]
pub(super) struct Signals(Table<Signal>);

#[derive(Debug, Default)]
struct Signal {
    /// What it ends, in the order of binding.
    bound: Vec<Bound>,
    /// How many were left when bindings whose object is gone were last looked for.
    kept: usize,
}

/// So few bindings are not worth a look.
const FEW: usize = 16;

impl<S> Reactor<S> {
    /// A new signal. Mirrors `new AbortController().signal`.
    ///
    /// It takes a few words of memory until it is aborted, or for as long as the reactor lives: when a signal is of no more
    /// use, abort it.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<()>::new()?;
    /// let signal = reactor.abort_signal();
    /// assert!(!reactor.is_aborted(signal));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn abort_signal(&mut self) -> AbortSignal {
        AbortSignal(self.signals.0.insert(Signal::default()))
    }

    /// Ends everything the signal was given to, in that order. Mirrors `controller.abort()`.
    ///
    /// Sockets are destroyed with `ABORT_ERR`, servers are closed, inside the call; the events follow as after `destroy` and
    /// `close`. A second call does nothing. From another thread: `remote.post(move |reactor, _| reactor.abort(signal))`.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<()>::new()?;
    /// let signal = reactor.abort_signal();
    /// reactor.abort(signal);
    /// assert!(reactor.is_aborted(signal));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn abort(&mut self, signal: AbortSignal) {
        for bound in self.signals.0.remove(signal.0).unwrap_or_default().bound {
            self.abort_bound(bound);
        }
    }

    /// Whether the signal was aborted. Mirrors `signal.aborted`.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<()>::new()?;
    /// let signal = reactor.abort_signal();
    /// assert!(!reactor.is_aborted(signal));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn is_aborted(&self, signal: AbortSignal) -> bool {
        self.signals.0.get(signal.0).is_none()
    }

    /// Binds the signal a socket was made with; one that was aborted before destroys it on the next tick.
    pub(super) fn bind_socket_signal(&mut self, id: SocketId) {
        let life = self.socket_entry(id).map(|socket| (socket.signal(), socket.life_number()));
        if let Some((Some(signal), life)) = life {
            self.bind_signal(signal, Bound::Socket(id, life));
        }
    }

    /// Binds the signal of a connect, once its life has begun. True if that life was aborted before it began: nothing is to be
    /// tried, and its end is on its way (Q-07).
    pub(super) fn bind_connect_signal(&mut self, id: SocketId, life: u32, options: &ConnectOptions) -> bool {
        let first = self.socket_entry(id).filter(|_| life == 0).and_then(|socket| socket.signal());
        if let Some(signal) = options.signal {
            self.bind_signal(signal, Bound::Socket(id, life));
        }
        [first, options.signal].into_iter().flatten().any(|signal| self.is_aborted(signal))
    }

    /// Binds the signal of a listen, until the server's next `close`.
    pub(super) fn bind_listen_signal(&mut self, id: ServerId, signal: Option<AbortSignal>) {
        let closes = self.server_entry(id).map(|server| server.closes());
        if let (Some(signal), Some(closes)) = (signal, closes) {
            self.bind_signal(signal, Bound::Server(id, closes));
        }
    }

    fn bind_signal(&mut self, signal: AbortSignal, bound: Bound) {
        let Some(entry) = self.signals.0.get_mut(signal.0) else {
            self.next_tick(move |reactor, _| reactor.abort_bound(bound));
            return;
        };
        entry.bound.push(bound);
        // So that a signal that outlives many sockets costs no more than those that live.
        if entry.bound.len() > FEW + 2 * entry.kept {
            let mut bound = std::mem::take(&mut entry.bound);
            bound.retain(|&bound| {
                step();
                self.is_bound(bound)
            });
            if let Some(entry) = self.signals.0.get_mut(signal.0) {
                *entry = Signal { kept: bound.len(), bound };
            }
        }
    }

    /// Whether this life goes on.
    fn is_bound(&mut self, bound: Bound) -> bool {
        match bound {
            Bound::Socket(id, life) => self.socket_entry(id).is_some_and(|socket| socket.life_number() == life),
            Bound::Server(id, closes) => self.server_entry(id).is_some_and(|server| server.closes() == closes),
        }
    }

    fn abort_bound(&mut self, bound: Bound) {
        if !self.is_bound(bound) {
            return;
        }
        match bound {
            Bound::Socket(id, _) => self.destroy(id, Some(Error::with_code(code::ABORT_ERR, "The operation was aborted"))),
            Bound::Server(id, _) => self.close_server(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_loop::steps;
    use crate::net::options::SocketOptions;

    /// A signal for the whole program may see any number of sockets come and go.
    #[test]
    fn bindings_of_sockets_that_are_gone_are_forgotten() {
        let mut reactor = Reactor::<()>::new().expect("a selector");
        let signal = reactor.abort_signal();
        for _ in 0..1000 {
            reactor.new_socket(SocketOptions::new().signal(signal)).destroy();
        }
        assert!(reactor.signals.0.get(signal.0).is_some_and(|entry| entry.bound.len() <= FEW));
        let kept = reactor.new_socket(SocketOptions::new().signal(signal)).id();
        reactor.abort(signal);
        assert!(reactor.socket(kept).is_some_and(|socket| socket.is_destroyed()));
        assert_eq!(reactor.signals.0.len(), 0, "an aborted signal takes no memory");
    }

    #[test]
    fn fault_o_a_binding_takes_some_steps_of_however_many() {
        const MANY: usize = 5000;
        let mut reactor = Reactor::<()>::new().expect("a selector");
        let signal = reactor.abort_signal();
        let taken = steps(|| {
            let options = SocketOptions::new().signal(signal);
            let kept: Vec<SocketId> = (0..MANY).map(|_| reactor.new_socket(options.clone()).id()).collect();
            (0..MANY).for_each(|_| reactor.new_socket(options.clone()).destroy());
            assert!(kept.into_iter().all(|id| reactor.socket(id).is_some()));
        });
        assert!(taken <= 4 * MANY, "{taken} steps");
    }
}
