//! Clients who say nothing are asked once whether they are there, and then shown out.
//!
//! ```text
//! cargo run --example idle_timeout -- 127.0.0.1:4000
//! nc 127.0.0.1 4000
//! ```
//!
//! After five quiet seconds `nc` prints `still there?`, after five more `goodbye`, and the connection ends. Any line restarts
//! the time. A client who never ends its half is dropped two seconds later. Without a client the program waits for one.

use std::io::Write;
use std::time::Duration;

use netloop::{Endpoint, Handler, Reactor, Socket};

const IDLE: Duration = Duration::from_secs(5);
const GRACE: Duration = Duration::from_secs(2);

/// Prints a line. If its reader is gone (`… | head`), the program ends, where `println!` would panic.
macro_rules! say {
    ($($line:tt)*) => { writeln!(std::io::stdout(), $($line)*).unwrap_or_else(|_| std::process::exit(0)) };
}

/// One connection: whether it was asked since it last said something.
#[derive(Default)]
struct Session {
    asked: bool,
}

impl Handler for Session {
    fn on_data(&mut self, socket: &mut Socket<'_>, chunk: &[u8], _: &mut ()) -> netloop::Result {
        self.asked = false;
        if socket.is_writable() && !socket.write(chunk) {
            socket.pause();
        }
        Ok(())
    }

    fn on_drain(&mut self, socket: &mut Socket<'_>, _: &mut ()) -> netloop::Result {
        socket.resume();
        Ok(())
    }

    /// A timeout only tells: what follows from it is up to the program.
    fn on_timeout(&mut self, socket: &mut Socket<'_>, _: &mut ()) -> netloop::Result {
        if !std::mem::replace(&mut self.asked, true) {
            // The write counts as activity and restarts the time.
            socket.write("still there?\n");
            return Ok(());
        }
        socket.set_timeout(None).end_with("goodbye\n");
        socket.after(GRACE, |socket, _| socket.destroy());
        Ok(())
    }

    fn on_close(&mut self, socket: &mut Socket<'_>, had_error: bool, _: &mut ()) {
        let peer = socket.remote_address().map_or_else(|| "a local client".to_owned(), |address| address.to_string());
        say!("{peer} closed, error: {had_error}");
    }
}

fn main() -> netloop::Result {
    env_logger::init();
    let at = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:4000".to_owned());
    let mut reactor = Reactor::new()?;
    reactor
        .create_server(|socket, _| {
            socket.set_timeout(IDLE).attach(Session::default());
        })
        .listen(at.parse::<Endpoint>()?)
        .on_listening(|server, _| {
            if let Some(address) = server.address() {
                say!("listening on {address}");
            }
        });
    reactor.run(&mut ())
}
