//! Echo, on every address.

use netloop::Reactor;
fn main() -> netloop::Result {
    let mut reactor = Reactor::new()?;
    reactor
        .create_server(|socket, _: &mut ()| {
            println!("connected: {socket:?}");
            socket.write("welcome\n");
            socket.on_data(|socket, chunk, _| {
                socket.write(chunk);
            });
        })
        .listen(("127.0.0.1", 4000));
    reactor.run(&mut ())
}
