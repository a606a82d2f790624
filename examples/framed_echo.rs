//! Sends frames back: four bytes of length, the highest first, then the content. A bad frame ends the connection.
//!
//! ```text
//! cargo run --release --example framed_echo -- 127.0.0.1:4000
//! printf '\0\0\0\5hello' | nc -N 127.0.0.1 4000 | xxd
//! ```
//!
//! It prints a line for each connection that ends, and runs until it is killed.

use std::io::Write;

use netloop::{Endpoint, Error, Handler, Reactor, Socket, codec::LengthPrefixed};

/// The longest frame in bytes: what each client can make us hold.
const MAX_FRAME: usize = 1024 * 1024;

/// Prints a line. If its reader is gone (`… | head`), the program ends, where `println!` would panic.
macro_rules! say {
    ($($line:tt)*) => { writeln!(std::io::stdout(), $($line)*).unwrap_or_else(|_| std::process::exit(0)) };
}

struct Session {
    frames: LengthPrefixed,
    seen: u64,
}

impl Handler for Session {
    fn on_data(&mut self, socket: &mut Socket<'_>, chunk: &[u8], _: &mut ()) -> netloop::Result {
        let mut frames = self.frames.feed(chunk);
        let mut go_on = true;
        while let Some(frame) = frames.next_frame()? {
            self.seen += 1;
            socket.write(LengthPrefixed::header(frame.len())?);
            go_on = socket.write(frame);
        }
        // A client that sends faster than it reads has to wait.
        if !go_on {
            socket.pause();
        }
        Ok(())
    }

    fn on_drain(&mut self, socket: &mut Socket<'_>, _: &mut ()) -> netloop::Result {
        socket.resume();
        Ok(())
    }

    fn on_end(&mut self, _: &mut Socket<'_>, _: &mut ()) -> netloop::Result {
        // An error if the last frame is cut off.
        self.frames.finish().map(drop)
    }

    fn on_error(&mut self, _: &mut Socket<'_>, error: &Error, _: &mut ()) {
        say!("{}: {error}", error.code());
    }

    fn on_close(&mut self, _: &mut Socket<'_>, _had_error: bool, _: &mut ()) {
        say!("closed after {} frames", self.seen);
    }
}

fn main() -> netloop::Result {
    env_logger::init();
    let at = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:4000".to_owned());
    let mut reactor = Reactor::new()?;
    let mut server = reactor.create_server(|socket, _| {
        socket.attach(Session { frames: LengthPrefixed::default().max_length(MAX_FRAME), seen: 0 });
    });
    server.listen(at.parse::<Endpoint>()?).on_listening(|server, _| {
        say!("listening on {}", server.address().expect("it listens"));
    });
    reactor.run(&mut ())
}
