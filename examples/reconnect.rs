//! A client that comes back: the same socket with the same listeners connects again, after a delay that doubles.
//!
//! ```text
//! cargo run --example reconnect -- 127.0.0.1:4000
//! nc -l 127.0.0.1 4000     (later, in another terminal)
//! ```
//!
//! It prints each failure and the next delay, and `connected` once somebody listens. When the connection ends it starts over.
//! After eight failures in a row it gives up and exits with status 1.

use std::io::Write;
use std::time::Duration;

use netloop::{Endpoint, Error, Reactor};

const FIRST_DELAY: Duration = Duration::from_millis(100);
const MAX_DELAY: Duration = Duration::from_secs(5);
const MAX_FAILURES: u32 = 8;

/// Prints a line. If its reader is gone (`… | head`), the program ends, where `println!` would panic.
macro_rules! say {
    ($($line:tt)*) => { writeln!(std::io::stdout(), $($line)*).unwrap_or_else(|_| std::process::exit(0)) };
}

/// Failures since the last connection, and the latest of them.
#[derive(Default)]
struct Attempts {
    failures: u32,
    last: Option<Error>,
}

impl Attempts {
    fn delay(&self) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(16);
        FIRST_DELAY.saturating_mul(1 << doublings).min(MAX_DELAY)
    }
}

fn main() -> netloop::Result {
    env_logger::init();
    let to = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:4000".to_owned());
    let to = to.parse::<Endpoint>()?;
    let mut reactor = Reactor::<Attempts>::new()?;
    reactor
        .connect(to.clone())
        .on_connect(|socket, attempts| {
            *attempts = Attempts::default();
            say!("connected");
            socket.write("hello\n")
        })
        .on_data(|_, chunk, _| std::io::stdout().write_all(chunk))
        .on_error(|_, error, attempts| {
            say!("{error}");
            attempts.failures += 1;
            attempts.last = Some(error.clone());
        })
        .on_close(move |socket, _, attempts| {
            if attempts.failures >= MAX_FAILURES {
                return;
            }
            let (to, delay) = (to.clone(), attempts.delay());
            say!("next attempt in {delay:?}");
            // A timer set in `close` keeps the closed socket until it has run.
            socket.after(delay, |socket, _| {
                socket.connect(to);
            });
        });
    let mut attempts = Attempts::default();
    reactor.run(&mut attempts)?;
    match attempts.last {
        Some(error) => Err(error),
        None => Ok(()),
    }
}
