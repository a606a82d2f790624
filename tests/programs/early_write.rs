//! Writes before the connection stands.

use netloop::Reactor;
fn main() -> netloop::Result {
    let mut reactor = Reactor::new()?;
    let mut socket = reactor.connect(4000);
    socket.write("hello before connect\n");
    socket.end_with("done\n");
    socket.on_text(|_, text, _| print!("{text}"));
    reactor.run(&mut ())
}
