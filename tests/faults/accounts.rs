//! M: two accounts of one thing agree, whatever the kernel takes of a batch.
#![cfg(unix)]

use crate::util::{self, Trace};

#[test]
fn fault_m_a_callback_of_the_life_before_has_no_part_in_the_bytes_of_the_next() {
    let mut reactor = util::reactor();
    let mut server = reactor.create_server(|socket, _| socket.resume());
    let port = server.listen(([127, 0, 0, 1], 0)).unref().port().expect("bound");
    let mut client = reactor.connect(([127, 0, 0, 1], port));
    util::watch_quiet(&mut client, "C");
    client.once_ready(move |socket, _| {
        socket.write_then("in the first life", util::done("C", "first"));
        socket.destroy();
        socket.connect(([127, 0, 0, 1], port));
        socket.write_then("in the second", util::done("C", "second"));
        assert_eq!(socket.bytes_written(), 13);
        socket.once_ready(|socket, _| socket.end());
    });
    let mut trace = Trace::default();
    util::run(&mut reactor, &mut trace);
    let attempt = "connectionAttempt 127.0.0.1:P";
    let first = [attempt, "connect", "ready", "first()"];
    let second = [attempt, "close false", "connect", "second()", "ready", "finish", "end", "close false"];
    trace.check("C", &[&first[..], &second].concat());
}
