//! Closing a server and its connections within a time.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use super::Server;
use crate::net::socket::SocketId;

/// How the connections of a server ended after [`Server::shutdown`].
///
/// ```
/// # let mut reactor = netloop::Reactor::<()>::new()?;
/// reactor.create_server(|_, _| {}).listen(0).shutdown(std::time::Duration::ZERO, |_, report, _| {
///     assert_eq!((report.ended, report.destroyed), (0, 0), "nobody was connected");
/// });
/// reactor.run(&mut ())?;
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Connections that closed by themselves.
    pub ended: usize,
    /// Connections that had to be destroyed when the time was over.
    pub destroyed: usize,
}

impl<S> Server<'_, S> {
    /// Stops listening, ends every connection, destroys what is left after `grace`, and reports when all are closed.
    ///
    /// `done` is called with the server's `close` event. A connection ends when what it has queued is sent and the peer has
    /// ended too. `grace` counts from this call, however long the callback has worked before it; zero destroys at the end of
    /// this iteration.
    ///
    /// Listeners go on getting `data` until the peer ends. What they write is refused from here on: the boolean is false, a
    /// callback gets `ERR_STREAM_WRITE_AFTER_END`, and unlike after an `end` of your own the socket is not destroyed for it.
    /// Once the FIN is sent, a paused connection is resumed and cannot be paused again: only the peer's end is left to read.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let mut reactor = netloop::Reactor::<Option<usize>>::new()?;
    /// reactor.create_server(|_, _| {}).listen(0).shutdown(Duration::from_secs(1), |_, report, ended| {
    ///     *ended = Some(report.ended + report.destroyed);
    /// });
    /// let mut ended = None;
    /// reactor.run(&mut ended)?;
    /// assert_eq!(ended, Some(0));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn shutdown(&mut self, grace: Duration, done: impl FnOnce(&mut Server<'_, S>, ShutdownReport, &mut S) + 'static) {
        let connections: Vec<SocketId> = self.connections().collect();
        debug_assert_eq!(connections.len(), self.connection_count());
        let (total, destroyed) = (connections.len(), Rc::new(Cell::new(0)));
        let server = self.id;
        let count = Rc::clone(&destroyed);
        let timer = self.reactor.set_timeout(grace, move |reactor, _| {
            let left: Vec<SocketId> = reactor.server(server).map(|server| server.connections().collect()).unwrap_or_default();
            count.set(left.len());
            for id in left {
                reactor.destroy(id, None);
            }
        });
        self.once_close(move |server, state| {
            server.reactor.clear_timer(timer);
            let destroyed = destroyed.get().min(total);
            done(server, ShutdownReport { ended: total - destroyed, destroyed }, state);
        });
        self.close();
        for id in connections {
            self.reactor.shut_down(id);
        }
    }
}
