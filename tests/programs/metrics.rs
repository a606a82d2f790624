//! Metrics for another thread.

use netloop::Reactor;
use std::{io, thread};
#[derive(Default)]
struct App {
    requests: u64,
}
fn main() -> netloop::Result {
    let mut reactor = Reactor::<App>::new()?;
    let remote = reactor.remote();
    let metrics = thread::spawn(move || {
        // Whenever Enter is pressed.
        for _ in io::stdin().lines() {
            let Ok((requests, loop_metrics)) = remote.ask(|reactor, app| (app.requests, reactor.metrics())) else {
                break;
            };
            println!("{requests} {loop_metrics:?}");
        }
    });
    reactor
        .create_server(|socket, _| {
            socket.on_data(|_, _, app| app.requests += 1);
        })
        .listen(4000);
    reactor.run(&mut App::default())?;
    drop(reactor);
    metrics.join().unwrap();
    Ok(())
}
