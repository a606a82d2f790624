//! Sends back what it gets. Listens at `ADDR:PORT` or at the path of a Unix-domain socket.
//!
//! ```text
//! cargo run --release --example echo_server -- 127.0.0.1:4000
//! nc 127.0.0.1 4000
//! ```
//!
//! `RUST_LOG=info` shows each connection. Ctrl-C stops listening, lets the connections end, and exits with status 0.

use std::io::Write;
use std::time::Duration;

use netloop::{Endpoint, Reactor, Socket};

/// How long connections may take to end after Ctrl-C.
const GRACE: Duration = Duration::from_secs(5);

/// Prints a line. If its reader is gone (`… | head`), the program ends, where `println!` would panic.
macro_rules! say {
    ($($line:tt)*) => { writeln!(std::io::stdout(), $($line)*).unwrap_or_else(|_| std::process::exit(0)) };
}

/// The client as the log names it; one at a path has no address.
fn peer(socket: &Socket<'_>) -> String {
    socket.remote_address().map_or_else(|| "a local client".to_owned(), |address| address.to_string())
}

fn on_connection(socket: &mut Socket<'_>, _: &mut ()) {
    log::info!("{} connected", peer(socket));
    socket
        .on_data(|socket, chunk, _| {
            // A client that sends faster than it reads has to wait.
            if !socket.write(chunk) {
                socket.pause();
            }
        })
        .on_drain(|socket, _| socket.resume())
        .on_error(|socket, error, _| log::info!("{}: {error}", peer(socket)))
        .on_close(|socket, had_error, _| {
            log::info!("{} closed, {} bytes, error: {had_error}", peer(socket), socket.bytes_read());
        });
}

fn main() -> netloop::Result {
    env_logger::init();
    let at = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:4000".to_owned());
    let mut reactor = Reactor::new()?;
    let server = reactor
        .create_server(on_connection)
        .listen(at.parse::<Endpoint>()?)
        .on_listening(|server, _| {
            if let Some(address) = server.address() {
                say!("listening on {address}");
            }
        })
        .id();

    let remote = reactor.remote();
    let installed = ctrlc::set_handler(move || {
        let posted = remote.post(move |reactor, _| {
            if let Some(mut server) = reactor.server(server) {
                server.shutdown(GRACE, |_, report, _| {
                    say!("{} connections ended, {} cut off", report.ended, report.destroyed);
                });
            }
        });
        if let Err(error) = posted {
            log::warn!("{error}");
        }
    });
    if let Err(error) = installed {
        log::warn!("Ctrl-C will not drain the connections: {error}");
    }
    reactor.run(&mut ())
}
