//! Metrics for another thread.

use netloop::Reactor;
use std::{thread, time::Duration};
#[derive(Default)]
struct App {
    requests: u64,
}
fn main() -> netloop::Result {
    let mut reactor = Reactor::<App>::new()?;
    let remote = reactor.remote();
    let metrics = thread::spawn(move || {
        while let Ok((requests, loop_metrics)) = remote.ask(|reactor, app| (app.requests, reactor.metrics())) {
            println!("{requests} {loop_metrics:?}");
            thread::sleep(Duration::from_secs(10));
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
