//! The same proxy, by `proxy`.

use netloop::Reactor;
fn main() -> netloop::Result {
    let mut reactor = Reactor::new()?;
    reactor
        .create_server(|client, _| {
            let client_id = client.id();
            let upstream = client.reactor().connect(("127.0.0.1", 5432)).id();
            client.reactor().proxy(client_id, upstream);
        })
        .listen(4000);
    reactor.run(&mut ())
}
