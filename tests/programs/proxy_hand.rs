//! A proxy with backpressure, by hand.

use netloop::{Reactor, Socket, SocketId};
fn couple<S>(from: &mut Socket<'_, S>, to: SocketId) {
    let source = from.id();
    from.on_data(move |from, chunk, _| {
        let flowing = match from.reactor().socket(to) {
            Some(mut to) => to.write(chunk),
            None => true,
        };
        if !flowing {
            from.pause();
        }
    })
    .on_end(move |from, _| {
        if let Some(mut to) = from.reactor().socket(to) {
            to.end();
        }
    })
    .on_close(move |from, had_error, _| {
        if let Some(mut to) = from.reactor().socket(to) {
            if had_error {
                to.destroy();
            } else {
                to.destroy_soon();
            }
        }
    });
    if let Some(mut to) = from.reactor().socket(to) {
        to.on_drain(move |to, _| {
            if let Some(mut from) = to.reactor().socket(source) {
                from.resume();
            }
        });
    }
}
fn main() -> netloop::Result {
    let mut reactor = Reactor::new()?;
    reactor
        .create_server(|client, _| {
            let client_id = client.id();
            let upstream =
                client.reactor().connect(("127.0.0.1", 5432)).on_error(|_, error, _| eprintln!("upstream: {error}")).id();
            couple(client, upstream);
            if let Some(mut upstream) = client.reactor().socket(upstream) {
                couple(&mut upstream, client_id);
            }
        })
        .listen(4000);
    reactor.run(&mut ())
}
