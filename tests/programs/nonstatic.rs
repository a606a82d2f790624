//! A state that borrows.

use netloop::{Reactor, Socket};
struct Config {
    banner: String,
}
struct App<'c> {
    config: &'c Config,
    n: u32,
}
fn on_data(socket: &mut Socket<'_, App<'_>>, _chunk: &[u8], app: &mut App<'_>) {
    app.n += 1;
    socket.write(&app.config.banner);
}
fn main() -> netloop::Result {
    let config = Config { banner: "x".into() };
    let mut app = App { config: &config, n: 0 };
    let mut reactor = Reactor::new()?;
    reactor
        .create_server(|socket, app: &mut App<'_>| {
            app.n += 1;
            socket.write(&app.config.banner);
            socket.on_data(on_data);
        })
        .listen(4000);
    reactor.run(&mut app)
}
