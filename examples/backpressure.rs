//! A producer that heeds `write`'s boolean and `drain`, against a reader who takes its time.
//!
//! ```text
//! cargo run --release --example backpressure
//! ```
//!
//! 16 MiB travel, and every MiB a line tells how much waits in user space: never more than the high-water mark and one block,
//! however slow the reader is. The program exits by itself with status 0.

use std::io::Write;
use std::time::Duration;

use netloop::{Reactor, Socket};

const TOTAL: u64 = 16 << 20;
const BLOCK: usize = 16 * 1024;
/// The reader takes a chunk, then looks away for this long.
const PAUSE: Duration = Duration::from_millis(1);

/// Prints a line. If its reader is gone (`… | head`), the program ends, where `println!` would panic.
macro_rules! say {
    ($($line:tt)*) => { writeln!(std::io::stdout(), $($line)*).unwrap_or_else(|_| std::process::exit(0)) };
}

/// What the producer counts.
#[derive(Default)]
struct Figures {
    sent: u64,
    peak: usize,
    drains: u64,
    received: u64,
}

/// Writes until the socket asks to wait. Called again by `drain`.
fn produce(socket: &mut Socket<'_, Figures>, figures: &mut Figures) {
    while figures.sent < TOTAL {
        let room = socket.write([b'x'; BLOCK]);
        figures.sent += BLOCK as u64;
        figures.peak = figures.peak.max(socket.writable_length());
        if figures.sent.is_multiple_of(1 << 20) {
            say!("{:2} MiB written, {:6} bytes queued", figures.sent >> 20, socket.writable_length());
        }
        if !room {
            return;
        }
    }
    socket.end();
}

/// Reads a chunk and stops for a while, so that the kernel's buffers fill and the producer has to wait.
fn read_slowly(socket: &mut Socket<'_, Figures>, chunk: &[u8], figures: &mut Figures) {
    figures.received += chunk.len() as u64;
    socket.pause();
    socket.after(PAUSE, |socket, _| socket.resume());
}

fn main() -> netloop::Result {
    let mut reactor = Reactor::<Figures>::new()?;
    reactor
        .create_server(|socket, _| {
            socket.on_data(read_slowly);
        })
        .listen(([127, 0, 0, 1], 0))
        .on_listening(|server, _| {
            let (server_id, Some(port)) = (server.id(), server.port()) else { return };
            server
                .reactor()
                .connect(([127, 0, 0, 1], port))
                .on_connect(produce)
                .on_drain(|socket, figures| {
                    figures.drains += 1;
                    produce(socket, figures);
                })
                .on_close(move |socket, _, _| {
                    if let Some(mut server) = socket.reactor().server(server_id) {
                        server.close();
                    }
                });
        });
    let mut figures = Figures::default();
    reactor.run(&mut figures)?;
    say!("{} bytes sent, {} received", figures.sent, figures.received);
    say!("at most {} bytes queued, {} drains", figures.peak, figures.drains);
    Ok(())
}
