//! Upper case, written as the chunks come.

use netloop::Reactor;
fn main() -> netloop::Result {
    let mut reactor = Reactor::new()?;
    reactor
        .create_server(|socket, _| {
            let who = socket.remote_address();
            socket
                .on_data(|socket, chunk, _| {
                    socket.write(chunk.to_ascii_uppercase());
                })
                .on_end(|socket, _| {
                    socket.end_with("bye\n");
                })
                .on_error(move |_, error, _| eprintln!("{who:?}: {error}"))
                .on_close(|socket, had_error, _| println!("{} bytes, error: {had_error}", socket.bytes_read()));
        })
        .on_error(|server, error, _| {
            eprintln!("{error}");
            if error.code() == "EADDRINUSE" {
                let id = server.id();
                server.reactor().set_timeout(std::time::Duration::from_secs(1), move |reactor, _| {
                    if let Some(mut server) = reactor.server(id) {
                        server.listen(4000);
                    }
                });
            }
        })
        .listen(4000);
    reactor.run(&mut ())
}
