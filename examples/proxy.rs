//! Passes TCP connections on: what is connected to the one address is connected to the other.
//!
//! ```text
//! cargo run --release --example proxy -- 127.0.0.1:4000 example.com:80
//! ```
//!
//! Both are `HOST:PORT` or the path of a Unix-domain socket. Ctrl-C stops listening, gives the connections five seconds, prints
//! the totals, and exits with status 0; bad arguments are status 2.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use netloop::{Endpoint, Reactor, ServerId, Socket};

/// How long connections may take to end after Ctrl-C.
const GRACE: Duration = Duration::from_secs(5);
/// Who is silent for so long, on both sides, is gone.
const IDLE: Duration = Duration::from_secs(300);

/// Prints a line. If its reader is gone (`… | head`), the program ends, where `println!` would panic.
macro_rules! say {
    ($($line:tt)*) => { writeln!(std::io::stdout(), $($line)*).unwrap_or_else(|_| std::process::exit(0)) };
}

#[derive(Default)]
struct Totals {
    connections: u64,
    up: u64,
    down: u64,
}

/// Joins a client with a connection of its own to the upstream.
fn on_connection(client: &mut Socket<'_, Totals>, totals: &mut Totals, to: &Endpoint) {
    totals.connections += 1;
    let (number, id) = (totals.connections, client.id());
    let from = client.remote_address().map_or_else(|| "a local client".to_owned(), |address| address.to_string());
    say!("#{number} {from} connected");
    let upstream = client.reactor().connect(to.clone()).on_error(move |_, error, _| say!("#{number} upstream: {error}")).id();
    client
        .on_error(move |_, error, _| say!("#{number} client: {error}"))
        .set_timeout(IDLE)
        .on_timeout(|client, _| client.destroy())
        .on_close(move |client, _, totals| {
            let (up, down) = (client.bytes_read(), client.bytes_written());
            totals.up += up;
            totals.down += down;
            say!("#{number} closed, {up} bytes up, {down} bytes down");
        });
    client.reactor().proxy(id, upstream);
}

fn stop_listening(reactor: &mut Reactor<Totals>, server: ServerId) {
    if let Some(mut server) = reactor.server(server) {
        server.close();
    }
    let timer = reactor.set_timeout(GRACE, |reactor, _| reactor.stop());
    reactor.unref_timer(timer);
}

fn run(at: Endpoint, to: Endpoint) -> netloop::Result {
    let mut reactor = Reactor::new()?;
    let server = reactor
        .create_server(move |client, totals| on_connection(client, totals, &to))
        .listen(at)
        .on_listening(|server, _| {
            if let Some(address) = server.address() {
                say!("listening on {address}");
            }
        })
        .id();
    let remote = reactor.remote();
    let installed = ctrlc::set_handler(move || {
        if let Err(error) = remote.post(move |reactor, _| stop_listening(reactor, server)) {
            log::warn!("{error}");
        }
    });
    if let Err(error) = installed {
        log::warn!("Ctrl-C will not print the totals: {error}");
    }
    let mut totals = Totals::default();
    reactor.run(&mut totals)?;
    say!("{} connections, {} bytes up, {} bytes down", totals.connections, totals.up, totals.down);
    Ok(())
}

fn main() -> ExitCode {
    env_logger::init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [at, to] = &arguments[..] else {
        eprintln!("usage: proxy LISTEN_ADDR UPSTREAM_ADDR");
        return ExitCode::from(2);
    };
    let (at, to) = match (at.parse(), to.parse()) {
        (Ok(at), Ok(to)) => (at, to),
        (Err(error), _) | (_, Err(error)) => {
            eprintln!("proxy: {error}");
            return ExitCode::from(2);
        }
    };
    match run(at, to) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("proxy: {error}");
            ExitCode::FAILURE
        }
    }
}
