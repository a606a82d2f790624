//! A ticker on every socket.

use netloop::Reactor;
use std::time::Duration;
fn main() -> netloop::Result {
    let mut reactor = Reactor::new()?;
    reactor
        .create_server(|socket, _| {
            // Node's way
            let me = socket.id();
            let beat = socket.reactor().set_interval(Duration::from_secs(1), move |reactor, _, _| {
                if let Some(mut socket) = reactor.socket(me) {
                    socket.write(".");
                }
            });
            socket.on_close(move |socket, _, _| {
                socket.reactor().clear_timer(beat);
            });
            // scoped
            socket.every(Duration::from_secs(1), |socket, _| socket.write("."));
        })
        .listen(4000);
    reactor.run(&mut ())
}
