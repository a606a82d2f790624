//! Echo, with the types of the closure left to the compiler.

use netloop::Reactor;
fn main() -> netloop::Result {
    let mut reactor = Reactor::new()?;
    reactor
        .create_server(|socket, _| {
            socket.on_data(|socket, chunk, _| {
                socket.write(chunk);
            });
        })
        .listen(4000)
        .on_listening(|server, _| println!("{:?}", server.address()));
    reactor.run(&mut ())
}
