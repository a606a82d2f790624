//! A little of HTTP.

use netloop::Reactor;
fn main() -> netloop::Result {
    let mut reactor = Reactor::new()?;
    reactor
        .create_server(|socket, _: &mut u64| {
            let mut head = Vec::new();
            socket.on_data(move |socket, chunk, hits| {
                head.extend_from_slice(chunk);
                if !head.windows(4).any(|w| w == b"\r\n\r\n") {
                    return;
                }
                head.clear();
                *hits += 1;
                let body = format!("hit {hits}\n");
                write!(socket, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            });
        })
        .listen(8080);
    reactor.run(&mut 0)
}
