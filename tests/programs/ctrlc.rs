//! Ctrl-C closes the server.

use netloop::{Reactor, ServerId};
use std::time::Duration;
struct App {
    server: Option<ServerId>,
}
fn on_ctrl_c(f: impl FnMut() + Send + 'static) {
    std::mem::drop(f)
} // the ctrlc crate
fn main() -> netloop::Result {
    let mut reactor = Reactor::<App>::new()?;
    let server = reactor
        .create_server(|socket, _| {
            socket.on_data(|s, c, _| {
                s.write(c);
            });
        })
        .listen(4000)
        .id();
    let remote = reactor.remote();
    on_ctrl_c(move || {
        let _ = remote.post(move |reactor, _| {
            if let Some(mut server) = reactor.server(server) {
                server.shutdown(Duration::from_secs(10), |_, report, _| {
                    println!("{} ended, {} cut off", report.ended, report.destroyed);
                });
            }
        });
    });
    reactor.run(&mut App { server: Some(server) })
}
