//! What a server says, in order: listening, accepting, refusing and closing as Node's `net.Server` does.

mod util;

use netloop::Reactor;
use util::{Trace, close, run, watch, watch_server};

const LOCALHOST: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

/// A01.
#[test]
fn a_server_listens_then_closes() {
    let (mut reactor, mut trace): (Reactor<Trace>, _) = (util::reactor(), Trace::default());
    let mut server = reactor.create_server(|socket, _| watch(socket, "S"));
    watch_server(&mut server, "V");
    let id = server
        .listen(LOCALHOST)
        .once_listening(move |server, _| {
            let id = server.id();
            let port = server.port().expect("it listens");
            let mut client = server.reactor().connect(([127, 0, 0, 1], port));
            watch(&mut client, "C");
            client.end_with("hello");
            client.on_close(move |socket, _, _| close(socket.reactor(), id));
        })
        .id();
    run(&mut reactor, &mut trace);
    trace.check("V", &["listening", "connection", "close"]);
    trace.check("C", &["connectionAttempt 127.0.0.1:P", "connect", "ready", "finish", "end", "close false"]);
    trace.check("S", &["data 5", "end", "finish", "close false"]);
    assert!(reactor.server(id).is_none());
}
