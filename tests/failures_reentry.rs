//! The failure catalogue, row F31: every callback kind closes its own socket, a sibling, the other end, or the listener.

use std::collections::BTreeMap;
use std::time::Duration;

use netloop::{ManualClock, Reactor, ReactorOptions, ServerId, ServerOptions, Socket, SocketId};

/// The callbacks that strike.
const KINDS: [&str; 18] = [
    "listening",
    "connection",
    "connect",
    "ready",
    "data",
    "end",
    "finish",
    "drain",
    "timeout",
    "pause",
    "resume",
    "error",
    "close",
    "written",
    "ended",
    "tick",
    "timer",
    "immediate",
];

/// What they do.
const STRIKES: [&str; 9] = [
    "destroy",
    "destroy twice",
    "destroy with an error",
    "reset",
    "end",
    "destroy a sibling",
    "destroy all",
    "close the server",
    "close and revive",
];

#[derive(Default)]
struct Fuzz {
    kind: &'static str,
    strike: &'static str,
    struck: u32,
    server: Option<ServerId>,
    /// Each socket, and how often it has closed since it began its last life.
    sockets: BTreeMap<SocketId, u32>,
}

fn destroy(reactor: &mut Reactor<Fuzz>, id: SocketId) {
    if let Some(mut socket) = reactor.socket(id) {
        socket.destroy();
    }
}

/// Strikes, if this is the kind of callback that does.
fn strike(reactor: &mut Reactor<Fuzz>, id: SocketId, kind: &str, fuzz: &mut Fuzz) {
    if kind != fuzz.kind || fuzz.struck == 4 {
        return;
    }
    fuzz.struck += 1;
    let sibling = fuzz.sockets.keys().copied().find(|&sibling| sibling != id);
    match (fuzz.strike, reactor.socket(id)) {
        ("destroy a sibling", _) => drop(sibling.map(|sibling| destroy(reactor, sibling))),
        ("destroy all", _) => fuzz.sockets.keys().for_each(|&id| destroy(reactor, id)),
        ("close the server", _) => {
            if let Some(mut server) = fuzz.server.and_then(|id| reactor.server(id)) {
                server.close();
                server.close_then(|_, result, _| assert!(result.is_err(), "closed twice"));
            }
        }
        ("destroy", Some(mut socket)) => socket.destroy(),
        ("destroy twice", Some(mut socket)) => {
            socket.destroy();
            socket.destroy();
        }
        ("destroy with an error", Some(mut socket)) => socket.destroy_with("struck"),
        ("reset", Some(mut socket)) => socket.reset_and_destroy(),
        ("end", Some(mut socket)) => {
            socket.end_with("last");
            socket.end();
        }
        ("close and revive", Some(mut socket)) => {
            socket.destroy();
            // Refused at once: a second, short life.
            if fuzz.sockets.insert(id, 0) == Some(0) {
                socket.once_close(|socket, _, fuzz| {
                    fuzz.sockets.insert(socket.id(), 0);
                });
            }
            socket.once_close(|socket, _, _| {
                socket.connect(std::path::Path::new("/nowhere/at/all"));
            });
        }
        (_, None) => {}
        (other, _) => panic!("{other}"),
    }
}

/// A listener for one kind of event: alive, and perhaps it strikes.
fn on(socket: &mut Socket<'_, Fuzz>, kind: &str, fuzz: &mut Fuzz) {
    let id = socket.id();
    let closed = fuzz.sockets.get(&id).copied().unwrap_or(0);
    assert_eq!(closed, 0, "{kind} after close");
    strike(socket.reactor(), id, kind, fuzz);
}

fn listen_to_all(socket: &mut Socket<'_, Fuzz>, fuzz: &mut Fuzz) {
    fuzz.sockets.insert(socket.id(), 0);
    socket
        .set_timeout(Duration::from_millis(3))
        .on_connect(|socket, fuzz| {
            on(socket, "connect", fuzz);
            socket.write_then("hello", |socket, _, fuzz| on(socket, "written", fuzz));
            socket.write(vec![1; 100_000]);
            socket.pause();
            socket.next_tick(|socket, fuzz| {
                on(socket, "tick", fuzz);
                socket.resume();
            });
        })
        .on_ready(|socket, fuzz| on(socket, "ready", fuzz))
        .on_data(|socket, chunk, fuzz| {
            on(socket, "data", fuzz);
            if socket.server().is_some() {
                socket.write(chunk);
            }
            on(socket, "data", fuzz);
        })
        .on_end(|socket, fuzz| on(socket, "end", fuzz))
        .on_finish(|socket, fuzz| on(socket, "finish", fuzz))
        .on_drain(|socket, fuzz| on(socket, "drain", fuzz))
        .on_timeout(|socket, fuzz| on(socket, "timeout", fuzz))
        .on_pause(|socket, fuzz| on(socket, "pause", fuzz))
        .on_resume(|socket, fuzz| on(socket, "resume", fuzz))
        .on_error(|socket, _, fuzz| on(socket, "error", fuzz))
        .on_close(|socket, _, fuzz| {
            on(socket, "close", fuzz);
            *fuzz.sockets.entry(socket.id()).or_default() += 1;
        });
    socket.after(Duration::from_millis(2), |socket, fuzz| on(socket, "timer", fuzz));
}

/// One server and six clients; two of them end, one resets, one fails, two are left to the rest.
fn set_up(reactor: &mut Reactor<Fuzz>, fuzz: &mut Fuzz) {
    let options = ServerOptions::new().allow_half_open(true);
    let mut server = reactor.create_server_with(options, |socket, fuzz: &mut Fuzz| {
        listen_to_all(socket, fuzz);
        on(socket, "connection", fuzz);
        let id = socket.id();
        socket.reactor().set_immediate(move |reactor, fuzz| strike(reactor, id, "immediate", fuzz));
    });
    server.listen(([127, 0, 0, 1], 0)).on_listening(|server, fuzz| {
        let id = fuzz.sockets.keys().next_back().copied().expect("clients");
        strike(server.reactor(), id, "listening", fuzz);
    });
    fuzz.server = Some(server.id());
    let address = ([127, 0, 0, 1], server.port().expect("it listens"));
    for number in 0..6 {
        let mut client = reactor.connect(address);
        listen_to_all(&mut client, fuzz);
        client.after(Duration::from_millis(1 + number), move |socket, _| match number {
            // Of a socket that dies before it is connected it comes with `close`, after the listeners (B17).
            0 | 1 => socket.end_then("bye", |socket, _, fuzz| {
                let id = socket.id();
                strike(socket.reactor(), id, "ended", fuzz);
            }),
            2 => socket.reset_and_destroy(),
            3 => socket.destroy_with("failed"),
            // More than the kernel takes: for `drain`.
            4 => assert!(!socket.write(vec![4; 6 << 20])),
            _ => {}
        });
    }
}

#[test]
fn f31_every_callback_may_close_anything() {
    let mut strikes = BTreeMap::new();
    for kind in KINDS {
        for blow in STRIKES {
            let clock = ManualClock::new();
            let mut reactor = Reactor::with_options(ReactorOptions::new().clock(&clock)).expect("a reactor");
            let mut fuzz = Fuzz { kind, strike: blow, ..Fuzz::default() };
            set_up(&mut reactor, &mut fuzz);
            for _ in 0..60 {
                reactor.run_nowait(&mut fuzz).expect("all errors are heard");
                clock.advance(Duration::from_micros(200));
            }
            *strikes.entry(kind).or_insert(0) += fuzz.struck;
            fuzz.struck = 4;
            fuzz.sockets.keys().for_each(|&id| destroy(&mut reactor, id));
            if let Some(mut server) = fuzz.server.and_then(|id| reactor.server(id)) {
                server.close();
            }
            reactor.run(&mut fuzz).expect("all errors are heard");
            let left = reactor.metrics();
            assert_eq!((left.sockets, left.servers, left.timers), (0, 0, 0), "{blow} in {kind}");
            assert!(fuzz.sockets.values().all(|&closed| closed == 1), "{blow} in {kind}: {:?}", fuzz.sockets);
        }
    }
    assert!(strikes.values().all(|&struck| struck > 0), "each kind has struck: {strikes:?}");
}
