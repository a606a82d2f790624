//! The events of a socket: one pair of methods each, written out so that a compiler's message shows the user's own closure.

mod connection;
mod flow;

use super::Socket;
use crate::net::Handler;
use crate::net::emit::{Event, SocketListener, events};
use crate::net::handler;
use crate::net::listeners::ListenerId;

/// An emission reached a listener that did not ask for it.
fn misrouted(event: Event<'_>) -> ! {
    unreachable!("{event:?} reached another event's listener")
}

impl<S> Socket<'_, S> {
    pub(in crate::net) fn listen_to(&mut self, events: u32, once: bool, call: Box<SocketListener<S>>) -> &mut Self {
        let starts = events & (events::DATA | events::TEXT) != 0;
        if let Some(crate::net::host::Entry::Socket(socket)) =
            self.reactor.event_loop.handles.slot(self.id.0).map(|slot| &mut slot.handle)
        {
            socket.listeners.add(&mut self.reactor.serials, events, once, call);
            // Somebody wants chunks: unless paused explicitly, they flow from the next tick on.
            if starts && !socket.readable.is_paused() {
                self.reactor.resume(self.id);
            }
        }
        self
    }

    /// Adds a value as listener of its seven events: the state of one connection without `Rc<RefCell<…>>`.
    ///
    /// See [`Handler`].
    ///
    /// ```
    /// use netloop::{Handler, Socket};
    ///
    /// struct Echo;
    ///
    /// impl Handler for Echo {
    ///     fn on_data(&mut self, socket: &mut Socket<'_>, chunk: &[u8], _: &mut ()) -> netloop::Result {
    ///         socket.write(chunk);
    ///         Ok(())
    ///     }
    /// }
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// socket.attach(Echo);
    /// # assert_eq!(socket.readable_flowing(), Some(true));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn attach(&mut self, mut value: impl Handler<S> + 'static) -> &mut Self {
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| {
            handler::call(&mut value, socket, *event, state)
        };
        self.listen_to(handler::HANDLER_EVENTS, false, Box::new(call))
    }

    /// The listener added last: the `on_x` before this in a chain. If there is none, an id that names nothing.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// let listener = socket.on_data(|_, _, _| {}).last_listener();
    /// assert!(socket.remove_listener(listener));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn last_listener(&self) -> ListenerId {
        self.entry().and_then(|entry| entry.listeners.last()).unwrap_or(ListenerId::NONE)
    }

    /// The listener that runs now, for one that removes itself.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<()>::new()?;
    /// let (near, _) = reactor.socket_pair()?;
    /// reactor.socket(near).expect("just made").on_data(|socket, _, _| {
    ///     if let Some(me) = socket.current_listener() { socket.remove_listener(me); }
    ///     socket.on_data(|socket, chunk, _| socket.write(chunk));
    /// });
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn current_listener(&self) -> Option<ListenerId> {
        self.reactor.current_listener
    }

    /// Removes a listener; false if it is gone. Mirrors `socket.off`. One that is removed during an emission is
    /// not called any more.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// let listener = socket.on_end(|_, _| {}).last_listener();
    /// assert!(socket.remove_listener(listener));
    /// assert!(!socket.remove_listener(listener));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn remove_listener(&mut self, listener: ListenerId) -> bool {
        self.entry_mut().is_some_and(|socket| socket.listeners.remove(listener))
    }

    /// A handler without an `on_error` of its own does not count as a listener of `error`.
    pub(in crate::net) fn leave_error_unheard(&mut self) {
        self.reactor.unheard = true;
    }
}
