//! What Node's own tests pin down with a second process: one that is killed, one without standard input.
//!
//! Cargo builds the examples with `cargo test`; for this file alone, `cargo build --examples` comes first.
#![cfg(unix)]

mod util;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use netloop::Reactor;
use util::{Trace, run, run_until, watch};

/// A running echo server; killed at the latest with the value.
struct EchoServer {
    child: Child,
    port: u16,
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        // Both fail if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl EchoServer {
    fn start(script: &str) -> Self {
        let test = std::env::current_exe().expect("the test's own path");
        let profile = test.parent().and_then(|deps| deps.parent()).expect("target/<profile>/deps/<test>");
        let program: PathBuf = profile.join("examples/echo_server");
        assert!(program.exists(), "{} is missing: run `cargo build --examples` first", program.display());
        let mut command = Command::new("sh");
        command.args(["-c", script]).arg(program).arg("127.0.0.1:0").stdout(Stdio::piped());
        let mut child = command.spawn().expect("the example starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("its first line");
        let port = line.trim().rsplit(':').next().and_then(|port| port.parse().ok());
        Self { child, port: port.unwrap_or_else(|| panic!("no port in `{line}`")) }
    }
}

/// test-net-child-process-connect-reset: the reader of an own buffer hears how it ended, and the loop goes on.
#[test]
fn a_client_with_its_own_buffer_survives_the_death_of_its_peer() {
    let mut server = EchoServer::start("exec \"$0\" \"$@\"");
    let (mut reactor, mut trace): (Reactor<Trace>, _) = (util::reactor(), Trace::default());
    let mut socket = reactor.connect(([127, 0, 0, 1], server.port));
    watch(&mut socket, "C");
    socket.read_into([0; 1024], |_, len, _, trace| {
        trace.push("C", format!("data {len}"));
        true
    });
    socket.write("hello");
    run_until(&mut reactor, &mut trace, |_, trace| trace.has("C", "data 5"));
    server.child.kill().expect("it runs");
    run(&mut reactor, &mut trace);
    let said = trace.of("C").join(", ");
    let start = "connectionAttempt 127.0.0.1:P, connect, ready, data 5, ";
    let ends = ["end, finish, close false", "error ECONNRESET, close true"].map(|end| format!("{start}{end}"));
    assert!(ends.contains(&said), "{said}");
    assert_eq!(reactor.handles().count(), 0);
}

/// test-net-listen-after-destroying-stdin.
#[test]
fn a_server_works_without_standard_input() {
    let server = EchoServer::start("exec \"$0\" \"$@\" <&-");
    let mut client = TcpStream::connect(("127.0.0.1", server.port)).expect("it listens");
    client.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    client.write_all(b"hello").expect("room");
    let mut answer = [0; 5];
    client.read_exact(&mut answer).expect("the echo");
    assert_eq!(&answer, b"hello");
}
