//! The servers on netloop.

use std::io::BufRead;
use std::net::SocketAddr;
use std::time::Duration;

use netloop::codec::Lines;
use netloop::{Handler, Reactor, Remote, ServerOptions, Socket, SocketId, SocketMap};
use socket2::SockRef;

use super::{AnyError, GREETING, IDLE, SLOW_LIMIT, SLOW_MESSAGE, SLOW_SEND_BUFFER, announce};
use crate::plan::Kind;

#[derive(Default)]
struct App {
    members: SocketMap<()>,
    /// Those that never read.
    slow: Vec<SocketId>,
    /// Writes to them that were refused, for their queues were full.
    refused: u64,
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
        Kind::Sink => {
            socket.attach(Sink::default());
        }
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
    answer(reactor.remote());
    reactor.run(&mut App::default())?;
    Ok(())
}

/// Tells what a line asks for: how it is with those that never read, or the system calls so far.
fn answer(remote: Remote<App>) {
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let asked_for_slow = line.is_ok_and(|line| line == "slow");
            let answer = remote.ask(move |reactor, app| {
                if asked_for_slow {
                    return format!("{} {}", full(reactor, app), app.refused);
                }
                let counts = reactor.metrics();
                (counts.polls + counts.registrations + counts.reads + counts.writes + counts.accepts).to_string()
            });
            if let Ok(answer) = answer {
                println!("{answer}");
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

/// How many bytes a connection has sent.
#[derive(Default)]
struct Sink {
    total: u64,
}

impl Handler<App> for Sink {
    fn on_data(&mut self, _: &mut Conn<'_>, chunk: &[u8], _: &mut App) -> netloop::Result {
        self.total += chunk.len() as u64;
        Ok(())
    }

    fn on_end(&mut self, socket: &mut Conn<'_>, _: &mut App) -> netloop::Result {
        socket.end_with(format!("{}\n", self.total));
        Ok(())
    }

    fn on_error(&mut self, _: &mut Conn<'_>, _: &netloop::Error, _: &mut App) {}
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

/// The first message of a connection that will never read is an `s` and the microseconds between two writes to it.
fn slow(socket: &mut Conn<'_>) {
    let mut first = true;
    socket
        .on_data(move |socket, chunk, app| -> netloop::Result {
            match chunk {
                &[b's', a, b, c, d] if first => {
                    produce(socket, app, Duration::from_micros(u32::from_le_bytes([a, b, c, d]).into()))?;
                }
                _ => drop(socket.write(chunk)),
            }
            first = false;
            Ok(())
        })
        .on_error(|_, _, _| {});
}

/// Writes to a connection that never reads, for ever and whatever the answer is.
fn produce(socket: &mut Conn<'_>, app: &mut App, period: Duration) -> netloop::Result {
    SockRef::from(&*socket).set_send_buffer_size(SLOW_SEND_BUFFER)?;
    app.slow.push(socket.id());
    socket.every(period, |socket, app| app.refused += u64::from(socket.try_write([b'x'; SLOW_MESSAGE]).is_err()));
    Ok(())
}

/// How many of those that never read are still there and have no room for another message.
fn full(reactor: &mut Reactor<App>, app: &App) -> usize {
    let is_full =
        |&&id: &&SocketId| reactor.socket(id).is_some_and(|socket| socket.writable_length() + SLOW_MESSAGE > SLOW_LIMIT);
    app.slow.iter().filter(is_full).count()
}
