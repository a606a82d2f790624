//! Lines with a limit.

use netloop::{Reactor, codec::Lines};
fn main() -> netloop::Result {
    let mut reactor = Reactor::<u64>::new()?;
    reactor
        .create_server(|socket, _| {
            let mut lines = Lines::new().max_length(1024);
            socket.on_data(move |socket, chunk, count| -> netloop::Result {
                lines.push(chunk);
                while let Some(line) = lines.next_line()? {
                    *count += 1;
                    match line {
                        b"quit" => socket.end_with("bye\n"),
                        line => {
                            socket.write(line);
                            socket.write("\n");
                        }
                    }
                }
                Ok(())
            });
        })
        .listen(4000);
    reactor.run(&mut 0)
}
