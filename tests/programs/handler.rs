//! A handler tested without a network.

// testing a handler without a network
use netloop::{ManualClock, Reactor, ReactorOptions, Socket};
use std::time::Duration;
#[derive(Default)]
struct App {
    seen: Vec<u8>,
    done: bool,
}
fn serve(socket: &mut Socket<'_, App>, _: &mut App) {
    socket
        .set_timeout(Duration::from_secs(30))
        .on_timeout(|socket, _| {
            socket.end_with("idle\n");
        })
        .on_data(|socket, chunk, app| {
            app.seen.extend_from_slice(chunk);
            socket.write("ok\n");
        });
}
fn main() -> netloop::Result {
    let clock = ManualClock::new();
    let mut reactor = { Reactor::with_options(ReactorOptions::new().clock(&clock))? };
    let mut app = App::default();
    let (near, far) = reactor.socket_pair()?;
    serve(&mut reactor.socket(far).unwrap(), &mut app);
    reactor.socket(near).unwrap().write("hi");
    reactor.run_nowait(&mut app)?;
    assert_eq!(app.seen, b"hi");
    clock.advance(Duration::from_secs(30));
    reactor.run_nowait(&mut app)?;
    reactor.create_server(serve).listen(0);
    Ok(())
}
