//! A client that comes back, with backoff.

use netloop::{Reactor, Socket};
use std::time::Duration;
struct Client {
    attempt: u32,
    seed: u64,
}
impl Client {
    fn delay(&mut self) -> Duration {
        self.seed = self.seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let ceiling = 100u64 << self.attempt.min(8);
        self.attempt += 1;
        Duration::from_millis(ceiling / 2 + (self.seed >> 33) % (ceiling / 2))
    }
}
// (a) new socket each time
fn dial(reactor: &mut Reactor<Client>) {
    reactor
        .connect(("localhost", 4000))
        .on_connect(|socket, client| {
            client.attempt = 0;
            socket.write("hello\n");
        })
        .on_data(|_, chunk, _| print!("{}", String::from_utf8_lossy(chunk)))
        .on_error(|_, error, _| eprintln!("{error}"))
        .on_close(|socket, _, client| {
            socket.reactor().set_timeout(client.delay(), |reactor, _| dial(reactor));
        });
}
// (b) same socket again
fn dial_same(reactor: &mut Reactor<Client>) {
    reactor
        .connect(("localhost", 4000))
        .on_connect(|socket: &mut Socket<'_, Client>, client| {
            client.attempt = 0;
            socket.write("hello\n");
        })
        .on_close(|socket, _, client| {
            socket.after(client.delay(), |socket, _| {
                socket.connect(("localhost", 4000));
            });
        });
}
fn main() -> netloop::Result {
    let mut reactor = Reactor::new()?;
    dial(&mut reactor);
    dial_same(&mut reactor);
    reactor.run(&mut Client { attempt: 0, seed: 1 })
}
