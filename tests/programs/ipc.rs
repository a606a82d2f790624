//! A sidecar at a path, with a serialiser.

use netloop::Reactor;
use std::{io::Write as _, path::Path};
fn to_writer(mut w: impl std::io::Write, v: &str) -> std::io::Result<()> {
    write!(w, "{v:?}")
} // serde_json
fn main() -> netloop::Result {
    let path = Path::new("app.sock");
    let mut reactor = Reactor::new()?;
    reactor
        .create_server(|socket, _| {
            socket.on_text(|socket, text, _| {
                if let Err(error) = to_writer(socket.writer(), text) {
                    socket.destroy_with(error);
                    return;
                }
                socket.write("\n");
                let _ = socket.writer().write_all(b"x");
            });
        })
        .listen(path);
    reactor.connect(path).on_connect(|s, _| {
        s.write("{}\n");
    });
    reactor.run(&mut ())
}
