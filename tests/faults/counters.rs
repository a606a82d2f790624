//! F: no counter is too small for what a program does.

use netloop::{ConnectOptions, Reactor, Socket, code};

use crate::util::{self, Trace};

/// In one callback, many times: connects, writes, destroys. Every `close` comes, and every callback.
#[track_caller]
fn live_and_die(at: impl Fn(&mut Socket<'_, Trace>) + 'static, times: usize) {
    let mut reactor: Reactor<Trace> = util::reactor();
    reactor.set_immediate(move |reactor, _| {
        let mut socket = reactor.new_socket(netloop::SocketOptions::new());
        util::watch_quiet(&mut socket, "C");
        for _ in 0..times {
            at(&mut socket);
            socket.write_then("m", util::done("C", "write"));
            socket.destroy();
        }
    });
    let mut trace = Trace::default();
    util::run(&mut reactor, &mut trace);
    // As in Node: the first `close` tells every write that waited for a connection.
    let write = format!("write({})", code::ERR_SOCKET_CLOSED_BEFORE_CONNECTION);
    let mut expected = vec!["close false"];
    expected.extend(std::iter::repeat_n(write.as_str(), times));
    expected.extend(std::iter::repeat_n("close false", times - 1));
    let told: Vec<_> = trace.of("C").iter().filter(|entry| !entry.starts_with("connectionAttempt")).collect();
    assert_eq!(told.len(), expected.len());
    assert!(told == expected, "the order: {:?} … {:?}", &told[..5], &told[told.len() - 5..]);
    assert_eq!(reactor.sockets().count(), 0, "it is freed");
}

/// A port that is listened at for as long as the reactor lives.
fn listening() -> (Reactor<Trace>, u16) {
    let mut reactor = util::reactor();
    let port = reactor.create_server(|_, _| {}).listen(([127, 0, 0, 1], 0)).port().expect("bound");
    (reactor, port)
}

#[test]
fn fault_f_every_close_of_one_callback_comes() {
    let (_server, port) = listening();
    // Above what 8 bits count, and above what 16 bits count.
    for times in [300, 70_000] {
        live_and_die(move |socket| _ = socket.connect(([127, 0, 0, 1], port)), times);
    }
}

#[test]
fn fault_f_every_close_comes_if_names_were_looked_up() {
    let (_server, port) = listening();
    let options = ConnectOptions::new().lookup(|request| request.answer([[127, 0, 0, 1]]));
    live_and_die(move |socket| _ = socket.connect_with(("some.test", port), options.clone()), 300);
}

#[cfg(unix)]
#[test]
fn fault_f_every_close_comes_if_a_path_was_connected_to() {
    let directory = util::TempDir::new();
    let path = directory.path("socket");
    let mut reactor: Reactor<Trace> = util::reactor();
    assert!(reactor.create_server(|_, _| {}).listen(netloop::Endpoint::from(&path)).is_listening());
    live_and_die(move |socket| _ = socket.connect(netloop::Endpoint::from(&path)), 300);
}

#[test]
fn fault_f_every_close_of_a_server_comes() {
    let mut reactor: Reactor<Trace> = util::reactor();
    let mut server = reactor.create_server(|_, _| {});
    util::watch_server(&mut server, "V");
    (0..70_000).for_each(|_| server.close());
    let mut trace = Trace::default();
    util::run(&mut reactor, &mut trace);
    assert_eq!(trace.of("V").len(), 70_000);
    assert!(trace.of("V").iter().all(|entry| entry == "close"));
}
