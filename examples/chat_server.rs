//! A chat: every line goes to everybody else. The first line a guest sends is the name.
//!
//! ```text
//! cargo run --example chat_server -- 127.0.0.1:4000
//! nc 127.0.0.1 4000        (in two terminals)
//! ```
//!
//! Ctrl-C says goodbye, gives the guests five seconds to leave, and exits with status 0.

use std::io::Write;
use std::time::Duration;

use netloop::{Endpoint, Error, Reactor, Socket, SocketId, SocketMap};

/// The longest line, in bytes: a guest who never sends a newline must not fill the memory.
const MAX_LINE: usize = 1024;
/// How long a guest may take to leave.
const GRACE: Duration = Duration::from_secs(5);

/// Prints a line. If its reader is gone (`… | head`), the program ends, where `println!` would panic.
macro_rules! say {
    ($($line:tt)*) => { writeln!(std::io::stdout(), $($line)*).unwrap_or_else(|_| std::process::exit(0)) };
}

#[derive(Default)]
struct Guest {
    name: Option<String>,
    line: Vec<u8>,
}

type Guests = SocketMap<Guest>;

/// Tells everybody who has a name, but not `except`. A guest who reads too slowly is dropped by the write queue's limit.
fn tell(reactor: &mut Reactor<Guests>, guests: &Guests, except: SocketId, text: &str) {
    let named = guests.iter().filter(|&(id, guest)| id != except && guest.name.is_some());
    reactor.broadcast(named.map(|(id, _)| id), text);
}

fn on_connection(socket: &mut Socket<'_, Guests>, guests: &mut Guests) {
    guests.insert(socket.id(), Guest::default());
    socket.write("Your name?\n");
    socket
        .on_data(on_data)
        .on_error(|_, error, _| log::info!("a guest is gone: {error}"))
        .on_close(|socket, _, guests| leave(socket, guests));
}

fn leave(socket: &mut Socket<'_, Guests>, guests: &mut Guests) {
    let id = socket.id();
    if let Some(name) = guests.remove(id).and_then(|guest| guest.name) {
        say!("{name} left");
        tell(socket.reactor(), guests, id, &format!("* {name} left\n"));
    }
}

/// Lines come in pieces, or many at once: what follows the last newline waits. Who was shown out is not heard any more.
fn on_data(socket: &mut Socket<'_, Guests>, chunk: &[u8], guests: &mut Guests) {
    for piece in chunk.split_inclusive(|&byte| byte == b'\n') {
        let Some(guest) = guests.get_mut(socket.id()) else { return };
        if guest.line.len() + piece.len() > MAX_LINE {
            socket.end_with("* that line is too long, goodbye\n");
            socket.after(GRACE, |socket, _| socket.destroy());
            return leave(socket, guests);
        }
        guest.line.extend_from_slice(piece);
        if piece.ends_with(b"\n") {
            let line = String::from_utf8_lossy(&std::mem::take(&mut guest.line)).replace(char::is_control, "");
            on_line(socket, line.trim(), guests);
        }
    }
}

fn on_line(socket: &mut Socket<'_, Guests>, line: &str, guests: &mut Guests) {
    let id = socket.id();
    let taken = guests.iter().any(|(_, guest)| guest.name.as_deref() == Some(line));
    match &guests[id].name {
        _ if line.is_empty() => {}
        Some(name) => tell(socket.reactor(), guests, id, &format!("{name}: {line}\n")),
        None if taken => drop(socket.write("That name is taken. Another?\n")),
        None => {
            guests[id].name = Some(line.to_owned());
            say!("{line} joined");
            tell(socket.reactor(), guests, id, &format!("* {line} joined\n"));
        }
    }
}

fn main() -> netloop::Result {
    env_logger::init();
    let at = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:4000".to_owned());
    let mut reactor = Reactor::<Guests>::new()?;
    let mut server = reactor.create_server(on_connection);
    server.listen(at.parse::<Endpoint>()?).on_listening(|server, _| {
        say!("listening on {}", server.address().expect("it listens"));
    });
    let (server, remote) = (server.id(), reactor.remote());
    let close = move |reactor: &mut Reactor<Guests>, guests: &mut Guests| {
        reactor.broadcast(guests.keys(), "* the chat closes, goodbye\n");
        let Some(mut server) = reactor.server(server) else { return };
        server.shutdown(GRACE, |_, report, _| say!("{} guests left, {} cut off", report.ended, report.destroyed));
    };
    ctrlc::set_handler(move || remote.post(close).unwrap_or_else(|error| log::debug!("{error}"))).map_err(Error::other)?;
    reactor.run(&mut Guests::new())
}
