//! Servers: A01 to A20.

use netloop::{ServerOptions, SocketOptions};

use crate::Scenario;
use crate::case::Case;
use crate::trace::{Watch, server_cb, watch_server, watch_with};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("A01", "listen with a callback, later close with one", a01),
    ("A02", "listen at a used port, then at a free one", a02),
    ("A07", "close twice, each time with a callback", a07),
    ("A13", "no connections allowed, at a path", a13),
];

fn a01(case: &mut Case) {
    let mut server = case.reactor.create_server(|_, _| {});
    watch_server(&mut server, "V");
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
    let mut server = case.reactor.create_server(|_, _| {});
    watch_server(&mut server, "V");
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

fn a07(case: &mut Case) {
    let mut server = case.reactor.create_server(|_, _| {});
    watch_server(&mut server, "V");
    server.once_listening(|server, _| {
        server.close_then(server_cb("V", "c1"));
        server.close_then(server_cb("V", "c2"));
    });
    server.listen(([127, 0, 0, 1], 0));
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
