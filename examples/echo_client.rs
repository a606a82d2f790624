//! Sends what is typed, prints what comes back: a small `nc`.
//!
//! ```text
//! cargo run --example echo_server -- 127.0.0.1:4000
//! echo hello | cargo run --example echo_client -- 127.0.0.1:4000
//! ```
//!
//! It prints `hello` and exits with status 0. At the end of the input it ends its half, and waits for the server's.

use std::io::{Read, Write};
use std::thread;

use netloop::{Endpoint, Reactor, Remote, RemoteError, SocketId};

/// How much is read and sent at once; the next piece waits until the kernel has this one.
const CHUNK: usize = 16 * 1024;

/// Standard input has no readiness that works on every system, so a thread reads it.
fn send_input(remote: &Remote<()>, socket: SocketId) -> Result<(), RemoteError> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = match std::io::stdin().read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => chunk[..read].to_vec(),
            Err(error) => {
                log::warn!("standard input: {error}");
                break;
            }
        };
        let (sent, wait) = std::sync::mpsc::channel();
        remote.post(move |reactor, _| {
            // Dropping `sent`, as `close` does to the callback of a lost write, ends the wait too.
            if let Some(mut socket) = reactor.socket(socket) {
                socket.write_owned_then(read, move |_, result, _| drop(sent.send(result)));
            }
        })?;
        if !matches!(wait.recv(), Ok(Ok(()))) {
            return Ok(());
        }
    }
    remote.post(move |reactor, _| {
        if let Some(mut socket) = reactor.socket(socket) {
            socket.end();
        }
    })
}

fn main() -> netloop::Result {
    env_logger::init();
    let to = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:4000".to_owned());
    let mut reactor = Reactor::new()?;
    let remote = reactor.remote();
    let mut socket = reactor.connect(to.parse::<Endpoint>()?);
    socket.on_data(|_, chunk, _| -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        out.write_all(chunk)?;
        out.flush()
    });
    socket.once_connect(move |socket, _| {
        let id = socket.id();
        thread::spawn(move || send_input(&remote, id).unwrap_or_else(|error| log::debug!("{error}")));
    });
    reactor.run(&mut ())
}
