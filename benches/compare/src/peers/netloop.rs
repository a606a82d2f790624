//! The servers on netloop.

use std::io::BufRead;
use std::net::SocketAddr;
use std::time::Duration;

use netloop::codec::Lines;
use netloop::{Reactor, Remote, ServerOptions, Socket, SocketId, SocketMap};

use super::{AnyError, GREETING, IDLE, SLOW_LIMIT, announce};
use crate::plan::Kind;

#[derive(Default)]
struct App {
    members: SocketMap<()>,
    /// Those that never read.
    slow: Vec<SocketId>,
    sunk: u64,
}

type Conn<'r> = Socket<'r, App>;

pub(super) fn serve(kind: Kind, upstream: Option<SocketAddr>) -> Result<(), AnyError> {
    let mut reactor = Reactor::<App>::new()?;
    let quiet = matches!(kind, Kind::Sink | Kind::Churn);
    let mut options = ServerOptions::new().no_delay(!quiet).allow_half_open(kind == Kind::Sink);
    if kind == Kind::Slow {
        options = options.write_queue_limit(SLOW_LIMIT);
    }
    let mut server = reactor.create_server_with(options, move |socket, app| match kind {
        Kind::Echo | Kind::Idle => echo(socket),
        Kind::Lines => lines(socket),
        Kind::Sink => sink(socket),
        Kind::Churn => {
            socket.write(GREETING);
            socket.destroy_soon();
        }
        Kind::Timeout => {
            echo(socket);
            socket.set_timeout(IDLE).on_timeout(|socket, _| socket.destroy());
        }
        Kind::Chat => chat(socket, app),
        Kind::Proxy => {
            if let Some(upstream) = upstream {
                let (front, reactor) = (socket.id(), socket.reactor());
                let back = reactor.connect(upstream).set_no_delay(true).id();
                reactor.proxy(front, back);
            }
        }
        Kind::Slow => slow(socket),
    });
    announce(server.listen(([127, 0, 0, 1], 0)).port().ok_or("not listening")?)?;
    if kind == Kind::Slow {
        reactor.set_interval(Duration::from_millis(1), |reactor, _, app| produce(reactor, app));
    }
    answer(reactor.remote());
    reactor.run(&mut App::default())?;
    Ok(())
}

/// Tells the system calls so far, whenever a line comes in.
fn answer(remote: Remote<App>) {
    std::thread::spawn(move || {
        for _ in std::io::stdin().lock().lines() {
            let calls = remote.ask(|reactor, _| {
                let counts = reactor.metrics();
                counts.polls + counts.registrations + counts.reads + counts.writes + counts.accepts
            });
            if let Ok(calls) = calls {
                println!("{calls}");
            }
        }
    });
}

fn echo(socket: &mut Conn<'_>) {
    socket
        .on_data(|socket, chunk, _| {
            if !socket.write(chunk) {
                socket.pause();
            }
        })
        .on_drain(|socket, _| socket.resume())
        .on_error(|_, _, _| {});
}

fn lines(socket: &mut Conn<'_>) {
    let mut decoder = Lines::new().max_length(1024).keep_ending(true);
    socket
        .on_data(move |socket, chunk, _| -> netloop::Result {
            let mut lines = decoder.feed(chunk);
            while let Some(line) = lines.next_line()? {
                socket.write(line);
            }
            Ok(())
        })
        .on_error(|_, _, _| {});
}

fn sink(socket: &mut Conn<'_>) {
    socket
        .on_data(|_, chunk, app| app.sunk += chunk.len() as u64)
        .on_end(|socket, app| socket.end_with(format!("{}\n", std::mem::take(&mut app.sunk))))
        .on_error(|_, _, _| {});
}

fn chat(socket: &mut Conn<'_>, app: &mut App) {
    app.members.insert(socket.id(), ());
    let mut decoder = Lines::new().max_length(1024).keep_ending(true);
    socket
        .on_data(move |socket, chunk, app| -> netloop::Result {
            let mut lines = decoder.feed(chunk);
            while let Some(line) = lines.next_line()? {
                socket.reactor().broadcast(app.members.keys(), line);
            }
            Ok(())
        })
        .on_error(|_, _, _| {})
        .on_close(|socket, _, app| {
            app.members.remove(socket.id());
        });
}

/// The first byte of a connection says whether it will ever read.
fn slow(socket: &mut Conn<'_>) {
    let mut first = true;
    socket
        .on_data(move |socket, chunk, app| {
            if std::mem::take(&mut first) && chunk.first() == Some(&b's') {
                app.slow.push(socket.id());
            } else {
                socket.write(chunk);
            }
        })
        .on_error(|_, _, _| {});
}

/// Writes to some of those that never read, whatever `write` answers.
fn produce(reactor: &mut Reactor<App>, app: &mut App) {
    for _ in 0..app.slow.len().min(20) {
        app.slow.rotate_left(1);
        if let Some(mut socket) = reactor.socket(app.slow[0]) {
            let _ = socket.try_write([b'x'; 16 * 1024]);
        }
    }
}
