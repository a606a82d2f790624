//! Idle timeouts.

use netloop::Reactor;
use std::time::Duration;
fn main() -> netloop::Result {
    let mut reactor = Reactor::new()?;
    reactor
        .create_server(|socket, _| {
            socket.set_timeout(Duration::from_secs(10)).on_timeout(|socket, _| {
                socket.end_with("idle\n");
                socket.after(Duration::from_secs(2), |socket, _| {
                    socket.destroy();
                });
            });
        })
        .listen(4000);
    reactor.run(&mut ())
}
