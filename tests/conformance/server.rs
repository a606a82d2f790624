//! Servers: A01 to A20.

use std::cell::RefCell;
use std::fs::File;
use std::rc::Rc;
use std::sync::Arc;

use netloop::{BlockList, ListenOptions, Server, ServerId, ServerOptions, SocketId, SocketOptions, code};

use crate::Scenario;
use crate::case::{Case, Pair, settle};
use crate::trace::{Trace, Watch, server_cb, socket, watch_server, watch_with};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("A01", "listen with a callback, later close with one", a01),
    ("A02", "listen at a used port, then at a free one", a02),
    ("A03", "the callback of a failed listen is called with that of the next one", a03),
    ("A04", "listen at every address, close in the same tick", a04),
    ("A05", "listen at a host given as text, close in the same tick", a05),
    ("A06", "close a server that never listened", a06),
    ("A07", "close twice, each time with a callback", a07),
    ("A08", "close and listen again in the same tick", a08),
    ("A09", "close with one connection, which ends later", a09),
    ("A10", "close in the connection listener, then the peer ends", a10),
    ("A11", "one connection allowed, and a second client", a11),
    ("A12", "no connections allowed, said as 0 and as -1", a12),
    ("A13", "no connections allowed, at a path", a13),
    ("A14", "a peer of the server's block list", a14),
    ("A15", "an accepted socket that does not read until it is resumed", a15),
    ("A16", "a signal that is aborted after listening", a16),
    ("A17", "a signal that is aborted before", a17),
    ("A18", "close while the kernel holds a connection that is not accepted", a18),
    ("A19", "a destroyed connection counts no more at once", a19),
    ("A20", "no descriptor is left for a connection", a20),
];

/// The watched server V.
fn server(case: &mut Case) -> Server<'_, Trace> {
    let mut server = case.reactor.create_server(|_, _| {});
    watch_server(&mut server, "V");
    server
}

/// The same at 127.0.0.1, with its port; the port is named.
fn listening(case: &mut Case, options: ServerOptions) -> (ServerId, u16) {
    let mut server = case.reactor.create_server_with(options, |_, _| {});
    watch_server(&mut server, "V");
    let (id, port) = (server.listen(([127, 0, 0, 1], 0)).id(), server.port().expect("bound"));
    case.log.name_port(port, "V");
    (id, port)
}

/// A server that must still be there.
fn find(case: &mut Case, id: ServerId) -> Server<'_, Trace> {
    case.reactor.server(id).expect("it is there")
}

/// Connects a watched socket once the server listens.
fn connect(server: &mut Server<'_, Trace>, name: &'static str, port: u16) -> SocketId {
    let mut socket = server.reactor().new_socket(SocketOptions::new());
    watch_with(&mut socket, name, Watch::DATA);
    socket.once_connect(move |socket, log| log.name_port(socket.local_port().expect("bound"), name));
    socket.connect(([127, 0, 0, 1], port)).id()
}

fn a01(case: &mut Case) {
    let mut server = server(case);
    let id = server.id();
    server.once_listening(move |server, log| {
        log.log("V", "listen.cb");
        server.reactor().set_immediate(move |reactor, _| {
            reactor.server(id).expect("it listens").close_then(server_cb("V", "close.cb"));
        });
    });
    server.listen(([127, 0, 0, 1], 0));
}

fn a02(case: &mut Case) {
    let mut used = case.reactor.create_server(|_, _| {});
    let (used, port) = (used.listen(([127, 0, 0, 1], 0)).id(), used.port().expect("bound"));
    case.log.name_port(port, "U");
    let mut server = server(case);
    let id = server.id();
    server.on_error(move |server, _, _| {
        server.reactor().set_immediate(move |reactor, _| {
            reactor.server(id).expect("an error does not close it").listen(([127, 0, 0, 1], 0));
        });
    });
    server.on_listening(move |server, _| {
        server.close();
        server.reactor().server(used).expect("it listens").close();
    });
    server.listen(([127, 0, 0, 1], port));
}

fn a03(case: &mut Case) {
    let mut used = case.reactor.create_server(|_, _| {});
    let (used, port) = (used.listen(([127, 0, 0, 1], 0)).id(), used.port().expect("bound"));
    case.log.name_port(port, "U");
    let mut server = server(case);
    let id = server.id();
    server.on_error(move |server, _, log| {
        log.note("V", ".listening", server.is_listening());
        server.reactor().set_immediate(move |reactor, _| {
            let mut server = reactor.server(id).expect("an error does not close it");
            server.once_listening(|_, log| log.log("V", "cb2"));
            server.listen(("127.0.0.1", 0));
        });
    });
    server.once_listening(move |server, _| {
        server.reactor().set_immediate(move |reactor, _| {
            for id in [id, used] {
                reactor.server(id).expect("it listens").close();
            }
        });
    });
    server.once_listening(|_, log| log.log("V", "cb1"));
    server.listen(("127.0.0.1", port));
}

fn a04(case: &mut Case) {
    let id = server(case).id();
    let mut server = case.reactor.server(id).expect("just made");
    server.once_listening(|_, log| log.log("V", "listen.cb"));
    case.log.note("V", ".listening", server.listen(0).is_listening());
    server.close_then(server_cb("V", "close.cb"));
    case.log.note("V", ".listening", server.is_listening());
}

fn a05(case: &mut Case) {
    let id = server(case).id();
    let mut server = case.reactor.server(id).expect("just made");
    server.once_listening(|_, log| log.log("V", "listen.cb"));
    case.log.note("V", ".listening", server.listen(("127.0.0.1", 0)).is_listening());
    server.close_then(server_cb("V", "close.cb"));
}

fn a06(case: &mut Case) {
    server(case).close_then(server_cb("V", "close.cb"));
}

fn a07(case: &mut Case) {
    let mut server = server(case);
    server.once_listening(|server, _| {
        server.close_then(server_cb("V", "c1"));
        server.close_then(server_cb("V", "c2"));
    });
    server.listen(([127, 0, 0, 1], 0));
}

fn a08(case: &mut Case) {
    let mut server = server(case);
    let id = server.id();
    server.once_listening(move |server, _| {
        server.once_listening(move |server, _| {
            server.reactor().set_immediate(move |reactor, _| reactor.server(id).expect("it listens").close());
        });
        server.close();
        server.listen(0);
    });
    server.listen(("127.0.0.1", 0));
}

fn a09(case: &mut Case) {
    let (id, port) = listening(case, ServerOptions::new());
    let mut server = find(case, id);
    server.once_listening(move |server, log| log.keep("C", connect(server, "C", port)));
    server.on_connection(move |s, log| {
        watch_with(s, "S", Watch::DATA);
        let mut server = s.reactor().server(id).expect("it listens");
        server.close_then(server_cb("V", "close.cb"));
        log.note("V", ".listening", server.is_listening());
        log.note("V", "connections", server.connection_count());
        let c = log.kept("C").expect("it connected");
        settle(s.reactor(), move |reactor, _| socket(reactor, c).end());
    });
}

fn a10(case: &mut Case) {
    let (id, port) = listening(case, ServerOptions::new());
    let mut server = find(case, id);
    server.once_listening(move |server, _| {
        let c = connect(server, "C", port);
        socket(server.reactor(), c).on_connect(|c, _| c.end());
    });
    server.on_connection(move |s, log| {
        watch_with(s, "S", Watch::DATA);
        let mut server = s.reactor().server(id).expect("it listens");
        server.close_then(server_cb("V", "close.cb"));
        log.note("V", ".listening", server.is_listening());
    });
}

fn a11(case: &mut Case) {
    let (id, port) = listening(case, ServerOptions::new().max_connections(1));
    let a = case.reactor.connect(([127, 0, 0, 1], port)).id();
    find(case, id).on_connection(move |s, _| {
        s.resume();
        let mut server = s.reactor().server(id).expect("it listens");
        let b = connect(&mut server, "B", port);
        socket(s.reactor(), b).on_close(move |b, _, _| {
            socket(b.reactor(), a).end();
            b.reactor().server(id).expect("it listens").close();
        });
    });
}

/// A number of connections cannot be negative here: -1 is said as 0.
fn a12(case: &mut Case) {
    for (v, c) in [("V", "C"), ("W", "D")] {
        let mut server = case.reactor.create_server_with(ServerOptions::new().max_connections(0), |_, _| {});
        watch_server(&mut server, v);
        server.on_drop(|server, _, _| server.close());
        let port = server.listen(([127, 0, 0, 1], 0)).port().expect("bound");
        server.once_listening(move |server, _| {
            connect(server, c, port);
        });
        case.log.name_port(port, v);
    }
}

fn a13(case: &mut Case) {
    let Some(path) = case.temp_path("V") else { return };
    let mut server = case.reactor.create_server_with(ServerOptions::new().max_connections(0), |_, _| {});
    watch_server(&mut server, "V");
    server.on_drop(|server, _, _| server.close());
    let at = path.clone();
    server.once_listening(move |server, _| {
        let mut socket = server.reactor().new_socket(SocketOptions::new());
        watch_with(&mut socket, "C", Watch::DATA);
        socket.connect(at.as_path());
    });
    server.listen(path);
}

fn a14(case: &mut Case) {
    let mut list = BlockList::new();
    list.add_address([127, 0, 0, 1]);
    let (id, port) = listening(case, ServerOptions::new().block_list(Arc::new(list)));
    find(case, id).once_listening(move |server, _| {
        let c = connect(server, "C", port);
        socket(server.reactor(), c).on_close(move |c, _, log| {
            let mut server = c.reactor().server(id).expect("it listens");
            log.note("V", "connections", server.connection_count());
            server.close();
        });
    });
}

fn a15(case: &mut Case) {
    let server = ServerOptions::new().pause_on_connect(true);
    case.pair(Pair { server, ..Pair::default() }, |reactor, s, c, _| {
        let mut c = socket(reactor, c);
        c.on_finish(move |c, _| {
            settle(c.reactor(), move |reactor, log| {
                let mut s = socket(reactor, s);
                log.note("S", ".bytesRead", s.bytes_read());
                log.note("S", ".readableLength", s.readable_length());
                log.note("S", ".isPaused()", s.is_paused());
                s.on_close(|s, _, log| log.note("S", ".bytesRead", s.bytes_read()));
                s.resume();
            });
        });
        c.end_with("hi");
    });
}

fn a16(case: &mut Case) {
    let signal = case.reactor.abort_signal();
    let mut server = server(case);
    let id = server.id();
    server.on_listening(move |server, _| {
        server.reactor().set_immediate(move |reactor, log| {
            reactor.abort(signal);
            log.note("V", ".listening", reactor.server(id).expect("`close` is to come").is_listening());
        });
    });
    server.listen_with(("127.0.0.1", 0), ListenOptions::new().signal(signal));
}

fn a17(case: &mut Case) {
    let signal = case.reactor.abort_signal();
    case.reactor.abort(signal);
    let id = server(case).id();
    let mut server = case.reactor.server(id).expect("just made");
    server.listen_with(0, ListenOptions::new().signal(signal));
    case.log.note("V", ".listening", server.is_listening());
}

fn a18(case: &mut Case) {
    let (id, port) = listening(case, ServerOptions::new());
    find(case, id).once_listening(move |server, _| {
        let c = connect(server, "C", port);
        // The kernel has been asked when this tick comes, and the loop has not polled since.
        socket(server.reactor(), c).on_connection_attempt(move |c, _, _| {
            c.reactor().next_tick(move |reactor, _| reactor.server(id).expect("it listens").close());
        });
    });
}

fn a19(case: &mut Case) {
    let (id, port) = listening(case, ServerOptions::new().max_connections(1));
    let mut server = find(case, id);
    server.once_listening(move |server, _| {
        connect(server, "C", port);
    });
    let mut is_first = true;
    server.on_connection(move |s, _| {
        if !std::mem::take(&mut is_first) {
            watch_with(s, "T", Watch::DATA);
            s.end();
            s.reactor().server(id).expect("it listens").close();
            return;
        }
        watch_with(s, "S", Watch::DATA);
        let s_id = s.id();
        // The next one is asked for while the place is taken.
        let d = connect(&mut s.reactor().server(id).expect("it listens"), "D", port);
        socket(s.reactor(), d).on_connection_attempt(move |d, _, _| {
            d.reactor().next_tick(move |reactor, log| {
                socket(reactor, s_id).destroy();
                log.note("V", "connections", reactor.server(id).expect("it listens").connection_count());
            });
        });
    });
}

/// More are not taken to find out that there are none left.
const MOST_DESCRIPTORS: usize = 1 << 20;

/// All descriptors, or an error if there seems to be no end of them. They are one open file: other processes miss nothing.
fn take_all(taken: &mut Vec<File>) -> &'static str {
    let Ok(first) = File::open("/dev/null") else { return code::EMFILE };
    taken.push(first);
    while taken.len() < MOST_DESCRIPTORS {
        let Ok(next) = taken[0].try_clone() else { return code::EMFILE };
        taken.push(next);
    }
    "no end"
}

fn a20(case: &mut Case) {
    if !cfg!(unix) || take_all(&mut Vec::new()) != code::EMFILE {
        case.skip("descriptors without end");
        return;
    }
    let (id, port) = listening(case, ServerOptions::new());
    let taken = Rc::new(RefCell::new(Vec::new()));
    find(case, id).once_listening(move |server, _| {
        let c = connect(server, "C", port);
        let mut c = socket(server.reactor(), c);
        let to_close = taken.clone();
        c.on_connection_attempt(move |c, _, _| {
            let taken = taken.clone();
            c.reactor().next_tick(move |_, log| log.note("log", "open", take_all(&mut taken.borrow_mut())));
        });
        c.on_close(move |c, _, _| {
            to_close.borrow_mut().clear();
            c.reactor().server(id).expect("it listens").close();
        });
    });
}
