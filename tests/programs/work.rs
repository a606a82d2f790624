//! Work on the pool.

use netloop::Reactor;
fn main() -> netloop::Result {
    let mut reactor = Reactor::new()?;
    reactor
        .create_server(|socket, _| {
            socket.on_data(|socket, chunk, _| {
                let chunk = chunk.to_vec();
                socket.queue_work(
                    move || chunk.iter().map(|&b| u64::from(b)).sum::<u64>(),
                    |socket, sum, total| {
                        *total += sum;
                        write!(socket, "{sum}\n");
                    },
                );
                let me = socket.id();
                socket.reactor().queue_work(
                    || 42u64,
                    move |reactor, answer, total| {
                        *total += answer;
                        if let Some(mut socket) = reactor.socket(me) {
                            write!(socket, "{answer}\n");
                        }
                    },
                );
            });
        })
        .listen(4000);
    reactor.run(&mut 0u64)
}
