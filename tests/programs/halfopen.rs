//! Half-open connections.

use netloop::{Reactor, ServerOptions};
fn main() -> netloop::Result {
    let mut reactor = Reactor::new()?;
    let options = ServerOptions::new().allow_half_open(true).no_delay(true).high_water_mark(16 * 1024);
    reactor
        .create_server_with(options, |socket, _| {
            socket.on_end(|socket, _| socket.end_with("ack\n"));
        })
        .listen(4000);
    reactor.run(&mut ())
}
