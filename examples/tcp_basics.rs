//! A server that answers in capitals, and a client that asks it twice.
//!
//! ```text
//! cargo run --example tcp_basics
//! ```
//!
//! It prints what happens on both sides, from `listening` to `closed`, and exits by itself. TCP has no messages: two writes
//! may arrive as one chunk. So the client waits for the first answer before it asks again.

use std::io::Write;
use std::time::Duration;

use netloop::{Reactor, ServerId, Socket};

/// How long the client waits for its answers before it ends all the same.
const PATIENCE: Duration = Duration::from_secs(5);

/// Prints a line. If its reader is gone (`… | head`), the program ends, where `println!` would panic.
macro_rules! say {
    ($($line:tt)*) => { writeln!(std::io::stdout(), $($line)*).unwrap_or_else(|_| std::process::exit(0)) };
}

fn on_connection(socket: &mut Socket<'_>, _: &mut ()) {
    let peer = socket.remote_address().map(|address| address.to_string()).unwrap_or_default();
    say!("[server] Client connected: {peer}");
    let (from, gone) = (peer.clone(), peer);
    socket
        .on_data(move |socket, chunk, _| {
            let text = String::from_utf8_lossy(chunk);
            say!("[server] Received from {from}: {}", text.trim());
            write!(socket, "Echo: {}", text.to_uppercase())
        })
        .on_end(move |_, _| say!("[server] Client disconnected: {gone}"))
        .on_error(|_, error, _| say!("[server] Socket error: {error}"));
}

fn start_client(reactor: &mut Reactor, port: u16, server: ServerId) {
    say!("\n--- Client connecting ---\n");
    let mut answers = 0;
    reactor
        .connect(([127, 0, 0, 1], port))
        .on_connect(|socket, _| {
            say!("[client] Connected to server");
            socket.after(PATIENCE, |socket, _| socket.end());
            socket.write("Hello, TCP!\n")
        })
        .on_data(move |socket, chunk, _| {
            say!("[client] Response: {}", String::from_utf8_lossy(chunk).trim());
            answers += 1;
            match answers {
                1 => drop(socket.write("Streams are powerful\n")),
                _ => tell_and_end(socket, server),
            }
        })
        .on_error(|_, error, _| say!("[client] Socket error: {error}"))
        .on_close(move |socket, _, _| {
            say!("[client] Connection closed");
            if let Some(mut server) = socket.reactor().server(server) {
                server.close_then(|_, _, _| say!("[server] Server closed"));
            }
        });
}

fn tell_and_end(socket: &mut Socket<'_>, server: ServerId) {
    let (local, remote) = (socket.local_address(), socket.remote_address());
    say!("\n=== Socket Properties ===\n");
    for (end, address) in [("local", local), ("remote", remote)] {
        if let Some((ip, port)) = address.and_then(|address| address.ip().zip(address.port())) {
            say!("[client] {end}Address: {ip}\n[client] {end}Port: {port}");
        }
    }
    say!("[client] bytesWritten: {}", socket.bytes_written());
    say!("[client] bytesRead: {}", socket.bytes_read());

    say!("\n=== Server Properties ===\n");
    if let Some(server) = socket.reactor().server(server)
        && let Some(address) = server.address()
        && let Some((ip, port)) = address.ip().zip(address.port())
    {
        say!("[server] address: {{ address: '{ip}', family: '{:?}', port: {port} }}", address.family());
        say!("[server] listening: {}", server.is_listening());
        say!("[server] Active connections: {}", server.connection_count());
    }
    say!("\n--- Shutting down ---\n");
    socket.end();
}

fn main() -> netloop::Result {
    say!("=== TCP Server and Client ===\n");
    let mut reactor = Reactor::new()?;
    reactor
        .create_server(on_connection)
        .on_listening(|server, _| {
            let (id, Some(port)) = (server.id(), server.port()) else { return };
            say!("[server] Listening on 127.0.0.1:{port}");
            start_client(server.reactor(), port, id);
        })
        .listen(([127, 0, 0, 1], 0));
    reactor.run(&mut ())
}
