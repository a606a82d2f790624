//! The examples as processes: what they print, what they send, and how they end.
//!
//! Cargo builds them with `cargo test`; for this file alone, `cargo build --examples` comes first.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

/// The most any step may take before the test fails instead of hanging.
const LIMIT: Duration = Duration::from_secs(30);

/// A running example; killed if the test ends before it does.
struct Example {
    child: Child,
    lines: Receiver<String>,
}

impl Drop for Example {
    fn drop(&mut self) {
        // Both fail if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A built example: the folder is next to that of the running test.
#[track_caller]
fn command(name: &str, args: &[&str]) -> Command {
    let test = std::env::current_exe().expect("the test's own path");
    let profile = test.parent().and_then(|deps| deps.parent()).expect("target/<profile>/deps/<test>");
    let program: PathBuf = profile.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(program.exists(), "{} is missing: run `cargo build --examples` first", program.display());
    let mut command = Command::new(program);
    command.args(args).env_remove("RUST_LOG").stdin(Stdio::piped()).stderr(Stdio::inherit());
    command
}

impl Example {
    #[track_caller]
    fn start(name: &str, args: &[&str]) -> Self {
        let mut child = command(name, args).stdout(Stdio::piped()).spawn().expect("the example starts");
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines }
    }

    /// Starts a server at a free port, which it tells in its first line.
    #[track_caller]
    fn serve(name: &str) -> (Self, u16) {
        let example = Self::start(name, &["127.0.0.1:0"]);
        let line = example.line();
        let port = line.strip_prefix("listening on 127.0.0.1:").and_then(|port| port.parse().ok());
        (example, port.unwrap_or_else(|| panic!("no port in `{line}`")))
    }

    #[track_caller]
    fn line(&self) -> String {
        self.lines.recv_timeout(LIMIT).expect("a line within the limit")
    }

    /// What it still prints, and how it ends.
    #[track_caller]
    fn end(mut self) -> (Vec<String>, ExitStatus) {
        let mut rest = Vec::new();
        loop {
            match self.lines.recv_timeout(LIMIT) {
                Ok(line) => rest.push(line),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("it does not end; it has printed {rest:?}"),
            }
        }
        (rest, self.child.wait().expect("its status"))
    }

    #[cfg(unix)]
    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status().expect("`kill` runs");
        assert!(status.success(), "kill {signal}: {status}");
    }
}

/// A client that fails rather than waits for ever.
#[track_caller]
fn dial(port: u16) -> TcpStream {
    let client = TcpStream::connect(("127.0.0.1", port)).expect("the example listens");
    limited(client)
}

fn limited(socket: TcpStream) -> TcpStream {
    socket.set_read_timeout(Some(LIMIT)).expect("a timeout");
    socket.set_write_timeout(Some(LIMIT)).expect("a timeout");
    socket
}

/// Bytes in which a lost, doubled or moved block shows.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..len).map(|_| next()).collect()
}

/// FNV-1a.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, &byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn of<'l>(lines: &'l [String], who: &str) -> Vec<&'l str> {
    lines.iter().filter_map(|line| line.strip_prefix(who)).collect()
}

fn number_after(lines: &[String], start: &str) -> u64 {
    let line = lines.iter().find_map(|line| line.strip_prefix(start)).unwrap_or_else(|| panic!("no `{start}` in {lines:?}"));
    line.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no number: `{line}`"))
}

#[test]
fn tcp_basics_prints_the_lifecycle_of_both_sides_in_order() {
    let (lines, status) = Example::start("tcp_basics", &[]).end();
    let port = number_after(&lines, "[server] Listening on 127.0.0.1:");
    let peer = number_after(&lines, "[server] Client connected: 127.0.0.1:");
    let server = [
        format!("Listening on 127.0.0.1:{port}"),
        format!("Client connected: 127.0.0.1:{peer}"),
        format!("Received from 127.0.0.1:{peer}: Hello, TCP!"),
        format!("Received from 127.0.0.1:{peer}: Streams are powerful"),
        format!("address: {{ address: '127.0.0.1', family: 'IPv4', port: {port} }}"),
        "listening: true".into(),
        "Active connections: 1".into(),
        format!("Client disconnected: 127.0.0.1:{peer}"),
        "Server closed".into(),
    ];
    assert_eq!(of(&lines, "[server] "), server);
    let client = [
        "Connected to server".into(),
        "Response: Echo: HELLO, TCP!".into(),
        "Response: Echo: STREAMS ARE POWERFUL".into(),
        "localAddress: 127.0.0.1".into(),
        format!("localPort: {peer}"),
        "remoteAddress: 127.0.0.1".into(),
        format!("remotePort: {port}"),
        "bytesWritten: 33".into(),
        "bytesRead: 45".into(),
        "Connection closed".into(),
    ];
    assert_eq!(of(&lines, "[client] "), client);
    let headings: Vec<&str> = lines.iter().filter(|line| line.starts_with(['=', '-'])).map(String::as_str).collect();
    assert_eq!(
        headings,
        [
            "=== TCP Server and Client ===",
            "--- Client connecting ---",
            "=== Socket Properties ===",
            "=== Server Properties ===",
            "--- Shutting down ---"
        ]
    );
    assert!(status.success(), "{status}");
}

#[test]
fn echo_server_returns_ten_megabytes_unchanged() {
    let (_server, port) = Example::serve("echo_server");
    let (sent, mut client) = (noise(10_000_000), dial(port));
    let mut sender = client.try_clone().expect("a second handle");
    let (expected, len) = (checksum(&sent), sent.len());
    let sending = thread::spawn(move || {
        sender.write_all(&sent).expect("the server reads");
        sender.shutdown(Shutdown::Write).expect("an end");
    });
    let mut received = Vec::new();
    client.read_to_end(&mut received).expect("the server echoes and ends");
    sending.join().expect("all is sent");
    assert_eq!((received.len(), checksum(&received)), (len, expected));
}

#[cfg(unix)]
#[test]
fn echo_server_exits_cleanly_at_sigint_and_sigterm_with_clients_connected() {
    for signal in ["-INT", "-TERM"] {
        let (server, port) = Example::serve("echo_server");
        let (mut polite, mut stubborn) = (dial(port), dial(port));
        for client in [&mut polite, &mut stubborn] {
            let mut byte = [0];
            client.write_all(b"x").expect("the server reads");
            client.read_exact(&mut byte).expect("the server echoes");
        }
        server.signal(signal);
        let mut rest = Vec::new();
        polite.read_to_end(&mut rest).expect("the server ends its half");
        assert_eq!(rest, b"");
        drop(polite);
        let (lines, status) = server.end();
        assert_eq!((lines, status.code()), (vec!["1 connections ended, 1 cut off".to_owned()], Some(0)), "{signal}");
        drop(stubborn);
    }
}

/// In the middle of a transfer: what was read is echoed to the last byte, what comes later is dropped and does no harm.
#[cfg(unix)]
#[test]
fn echo_server_drains_its_queues_at_sigint() {
    let (server, port) = Example::serve("echo_server");
    let (mut client, sent) = (dial(port), noise(10_000_000));
    let (mut sender, sending) = (client.try_clone().expect("a second handle"), sent.clone());
    let sending = thread::spawn(move || {
        sender.write_all(&sending).expect("the server reads on");
        sender.shutdown(Shutdown::Write).expect("an end");
    });
    let mut received = vec![0; 1];
    client.read_exact(&mut received).expect("the first byte");
    server.signal("-INT");
    client.read_to_end(&mut received).expect("the rest, and the end");
    sending.join().expect("all is sent");
    let (lines, status) = server.end();
    assert!(sent.starts_with(&received), "{} bytes came back, not those that were sent", received.len());
    assert_eq!((lines, status.code()), (vec!["1 connections ended, 0 cut off".to_owned()], Some(0)));
}

#[test]
fn echo_client_sends_its_input_and_prints_the_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address").to_string();
    let mut example = Example::start("echo_client", &[&address]);
    let mut stdin = example.child.stdin.take().expect("it is piped");
    stdin.write_all(b"one\ntwo\n").expect("it reads its input");
    drop(stdin);
    let mut server = limited(listener.accept().expect("the client connects").0);
    let mut received = String::new();
    server.read_to_string(&mut received).expect("text, and an end");
    assert_eq!(received, "one\ntwo\n");
    server.write_all(b"three\nfour\n").expect("the client reads");
    drop(server);
    let (lines, status) = example.end();
    assert_eq!((lines, status.code()), (vec!["three".to_owned(), "four".to_owned()], Some(0)));
}

#[test]
fn chat_server_passes_lines_on_and_shows_out_who_sends_too_long_ones() {
    let (server, port) = Example::serve("chat_server");
    let (mut ann, mut bob) = (dial(port), dial(port));
    let lines = |socket: &TcpStream| BufReader::new(socket.try_clone().expect("a second handle")).lines();
    let (mut to_ann, mut to_bob) = (lines(&ann), lines(&bob));
    let mut next = |who: &str| {
        let lines = if who == "ann" { &mut to_ann } else { &mut to_bob };
        lines.next().map(|line| line.expect("text within the limit"))
    };
    let some = |line: &str| Some(line.to_owned());
    assert_eq!(next("bob"), some("Your name?"));
    bob.write_all(b"bob\n").expect("the server reads");
    // Which of two connections is read first is up to the system.
    assert_eq!(server.line(), "bob joined");
    ann.write_all(b"bob\n").expect("the server reads");
    assert_eq!((next("ann"), next("ann")), (some("Your name?"), some("That name is taken. Another?")));
    ann.write_all(b"ann\nhel").expect("the server reads");
    assert_eq!(next("bob"), some("* ann joined"));
    ann.write_all(b"lo\r\n\nyou there?\n").expect("the server reads");
    assert_eq!((next("bob"), next("bob")), (some("ann: hello"), some("ann: you there?")));
    bob.write_all(&[b'x'; 2000]).expect("the server reads");
    assert_eq!((next("bob"), next("bob")), (some("* that line is too long, goodbye"), None));
    assert_eq!(next("ann"), some("* bob left"));
}

#[test]
fn framed_echo_returns_frames_however_they_are_cut_and_refuses_bad_ones() {
    let (server, port) = Example::serve("framed_echo");
    let framed = |frame: &[u8]| [&u32::try_from(frame.len()).expect("short").to_be_bytes()[..], frame].concat();
    let sent: Vec<u8> = [&b"hello"[..], b"", &noise(1 << 20), b"end"].iter().flat_map(|frame| framed(frame)).collect();
    let mut client = dial(port);
    let (mut sender, copy) = (client.try_clone().expect("a second handle"), sent.clone());
    let sending = thread::spawn(move || {
        copy.chunks(99_999).for_each(|chunk| sender.write_all(chunk).expect("the server reads"));
        sender.shutdown(Shutdown::Write).expect("an end");
    });
    let mut received = Vec::new();
    client.read_to_end(&mut received).expect("the server echoes and ends");
    sending.join().expect("all is sent");
    assert_eq!((received.len(), checksum(&received)), (sent.len(), checksum(&sent)));
    assert_eq!(server.line(), "closed after 4 frames");

    let mut hostile = dial(port);
    hostile.write_all(b"\0\0\0\x01x\xff\xff\xff\xff").expect("the server reads");
    assert_eq!(server.line(), "ERR_FRAME_TOO_LONG: frame at offset 5 is longer than 1048576 bytes, it has 4294967295");
    assert_eq!(server.line(), "closed after 1 frames");

    let mut cut_off = dial(port);
    cut_off.write_all(b"\0\0\0\x09hel").expect("the server reads");
    cut_off.shutdown(Shutdown::Write).expect("an end");
    assert_eq!(server.line(), "ERR_FRAME_INCOMPLETE: the stream ends 7 bytes into the frame at offset 0");
    assert_eq!(server.line(), "closed after 0 frames");
}

#[test]
fn backpressure_keeps_the_queue_below_a_bound() {
    let (lines, status) = Example::start("backpressure", &[]).end();
    let line = |start: &str| lines.iter().find(|line| line.contains(start)).cloned();
    assert_eq!(line("bytes sent"), Some("16777216 bytes sent, 16777216 received".to_owned()));
    // The mark and the block that passed it.
    let peak = number_after(&lines, "at most ");
    assert!((1..=(64 + 16) * 1024).contains(&peak), "{peak} bytes queued");
    assert!(status.success(), "{status}");
}

#[test]
fn embed_hears_every_echo_between_its_frames() {
    let (lines, status) = Example::start("embed", &[]).end();
    assert_eq!(lines.last().map(String::as_str), Some("60 frames, 10 echoes"));
    assert!(status.success(), "{status}");
}

#[test]
fn reconnect_comes_back_after_the_connection_ended() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address").to_string();
    let example = Example::start("reconnect", &[&address]);
    for _ in 0..3 {
        let mut server = limited(listener.accept().expect("the client connects").0);
        let mut hello = [0; 6];
        server.read_exact(&mut hello).expect("its first words");
        assert_eq!(&hello, b"hello\n");
        drop(server);
        assert_eq!((example.line(), example.line()), ("connected".into(), "next attempt in 100ms".into()));
    }
}

/// Starts the proxy in front of a listener of the test.
#[track_caller]
fn serve_proxy(upstream: &TcpListener) -> (Example, u16) {
    let to = upstream.local_addr().expect("its address").to_string();
    let proxy = Example::start("proxy", &["127.0.0.1:0", &to]);
    let line = proxy.line();
    let port = line.strip_prefix("listening on 127.0.0.1:").and_then(|port| port.parse().ok());
    (proxy, port.unwrap_or_else(|| panic!("no port in `{line}`")))
}

/// The client ends first, and then gets ten megabytes.
#[test]
fn proxy_gives_a_client_that_has_ended_its_whole_answer() {
    let upstream = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (proxy, port) = serve_proxy(&upstream);
    let answer = noise(10_000_000);
    let expected = checksum(&answer);
    let serving = thread::spawn(move || {
        let mut server = limited(upstream.accept().expect("the proxy connects").0);
        let mut question = Vec::new();
        server.read_to_end(&mut question).expect("the question, and its end");
        server.write_all(&answer).expect("the proxy reads");
        question
    });
    let mut client = dial(port);
    let name = client.local_addr().expect("its address");
    client.write_all(b"question").expect("the proxy reads");
    client.shutdown(Shutdown::Write).expect("an end");
    let mut received = Vec::new();
    client.read_to_end(&mut received).expect("the answer, and its end");
    assert_eq!(serving.join().expect("it has answered"), b"question");
    assert_eq!((received.len(), checksum(&received)), (10_000_000, expected));
    assert_eq!(proxy.line(), format!("#1 {name} connected"));
    assert_eq!(proxy.line(), "#1 closed, 8 bytes up, 10000000 bytes down");
}

#[cfg(unix)]
#[test]
fn proxy_prints_its_totals_at_sigint() {
    let upstream = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (proxy, port) = serve_proxy(&upstream);
    let mut client = dial(port);
    let mut server = limited(upstream.accept().expect("the proxy connects").0);
    client.write_all(b"ping").expect("the proxy reads");
    let mut ping = [0; 4];
    server.read_exact(&mut ping).expect("what the client wrote");
    proxy.line();
    proxy.signal("-INT");
    server.write_all(b"pong!").expect("a connection that stands is served on");
    drop(server);
    let mut pong = Vec::new();
    client.read_to_end(&mut pong).expect("the answer, and its end");
    assert_eq!((&ping, &pong[..]), (b"ping", &b"pong!"[..]));
    drop(client);
    let (lines, status) = proxy.end();
    assert_eq!(lines, ["#1 closed, 4 bytes up, 5 bytes down", "1 connections, 4 bytes up, 5 bytes down"]);
    assert_eq!(status.code(), Some(0));
}

#[test]
fn proxy_lets_go_of_a_client_whose_upstream_refuses() {
    let upstream = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (proxy, port) = serve_proxy(&upstream);
    let to = upstream.local_addr().expect("its address");
    drop(upstream);
    let mut client = dial(port);
    assert_eq!(client.read_to_end(&mut Vec::new()).expect("an end"), 0);
    proxy.line();
    assert_eq!(proxy.line(), format!("#1 upstream: connect ECONNREFUSED {to}"));
    assert_eq!(proxy.line(), "#1 closed, 0 bytes up, 0 bytes down");
}

#[test]
fn proxy_exits_with_status_two_at_bad_arguments() {
    for args in [&[][..], &["127.0.0.1:0"][..], &["nowhere", "127.0.0.1:80"][..], &["127.0.0.1:0", "1.2.3.4"][..]] {
        let (lines, status) = Example::start("proxy", args).end();
        assert_eq!((lines.len(), status.code()), (0, Some(2)), "{args:?}");
    }
}

/// An example with an output whose reader leaves, as `head` does: after so many lines, and before the example can print more.
struct Unread {
    child: Child,
    complaints: Receiver<String>,
}

impl Drop for Unread {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Unread {
    /// The reader is gone before the example starts.
    #[track_caller]
    fn start(name: &str, args: &[&str]) -> Self {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        Self::spawn(command(name, args).stdout(writer))
    }

    /// The reader leaves after the first line: that of a server at a free port, which is returned.
    #[track_caller]
    fn serve(name: &str, args: &[&str]) -> (Self, u16) {
        let mut example = Self::spawn(command(name, args).stdout(Stdio::piped()));
        let mut line = String::new();
        BufReader::new(example.child.stdout.take().expect("piped")).read_line(&mut line).expect("its first line");
        let port = line.trim().strip_prefix("listening on 127.0.0.1:").and_then(|port| port.parse().ok());
        (example, port.unwrap_or_else(|| panic!("no port in `{line}`")))
    }

    #[track_caller]
    fn spawn(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the example starts");
        let mut stderr = child.stderr.take().expect("piped");
        let (sender, complaints) = mpsc::channel();
        thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).expect("text");
            sender.send(text)
        });
        Self { child, complaints }
    }

    /// It ends with status 0 and says nothing.
    #[track_caller]
    fn ends_quietly(mut self) {
        let complaints = self.complaints.recv_timeout(LIMIT).expect("it ends within the limit");
        let status = self.child.wait().expect("its status");
        assert_eq!((complaints.as_str(), status.code()), ("", Some(0)));
    }
}

#[test]
fn fault_j_tcp_basics_ends_when_its_lines_are_not_read() {
    Unread::start("tcp_basics", &[]).ends_quietly();
}

#[test]
fn fault_j_backpressure_ends_when_its_lines_are_not_read() {
    Unread::start("backpressure", &[]).ends_quietly();
}

#[test]
fn fault_j_embed_ends_when_its_lines_are_not_read() {
    Unread::start("embed", &[]).ends_quietly();
}

/// As with `… | head -1`: the second line has no reader.
#[test]
fn fault_j_reconnect_ends_when_its_lines_are_not_read() {
    let held = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    held.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a free port");
    let address = held.local_addr().ok().and_then(|address| address.as_socket()).expect("bound").to_string();
    Unread::start("reconnect", &[&address]).ends_quietly();
    let mut example = Unread::spawn(command("reconnect", &[&address]).stdout(Stdio::piped()));
    let mut byte = [0];
    example.child.stdout.take().expect("piped").read_exact(&mut byte).expect("its first line");
    assert_eq!(&byte, b"c", "connect ECONNREFUSED");
    example.ends_quietly();
}

/// What the peer says is printed as it comes.
#[test]
fn fault_j_reconnect_ends_when_what_it_got_is_not_read() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address").to_string();
    let mut example = Unread::spawn(command("reconnect", &[&address]).stdout(Stdio::piped()));
    let mut server = limited(listener.accept().expect("the client connects").0);
    server.read_exact(&mut [0; 6]).expect("its first words, after it has printed `connected`");
    drop(example.child.stdout.take());
    server.write_all(b"hello yourself\n").expect("the client reads");
    example.ends_quietly();
}

#[test]
fn fault_j_echo_client_ends_when_the_answer_is_not_read() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address").to_string();
    let mut example = Unread::start("echo_client", &[&address]);
    let mut server = limited(listener.accept().expect("the client connects").0);
    let mut input = example.child.stdin.take().expect("piped");
    input.write_all(b"hello\n").expect("it reads its input");
    server.read_exact(&mut [0; 6]).expect("what was typed");
    server.write_all(b"hello\n").expect("the client reads");
    example.ends_quietly();
}

#[test]
fn fault_j_echo_server_ends_when_its_lines_are_not_read() {
    Unread::start("echo_server", &["127.0.0.1:0"]).ends_quietly();
}

/// It goes on serving as long as it has nothing to say.
#[cfg(unix)]
#[test]
fn fault_j_echo_server_serves_without_a_reader_until_sigint() {
    let (example, port) = Unread::serve("echo_server", &["127.0.0.1:0"]);
    let mut client = dial(port);
    client.write_all(b"x").expect("the server reads");
    client.read_exact(&mut [0]).expect("the server echoes");
    drop(client);
    let status = Command::new("kill").args(["-INT", &example.child.id().to_string()]).status().expect("`kill` runs");
    assert!(status.success(), "{status}");
    example.ends_quietly();
}

#[test]
fn fault_j_chat_server_ends_when_its_lines_are_not_read() {
    Unread::start("chat_server", &["127.0.0.1:0"]).ends_quietly();
    let (example, port) = Unread::serve("chat_server", &["127.0.0.1:0"]);
    dial(port).write_all(b"ann\n").expect("the server reads");
    example.ends_quietly();
}

#[test]
fn fault_j_framed_echo_ends_when_its_lines_are_not_read() {
    Unread::start("framed_echo", &["127.0.0.1:0"]).ends_quietly();
    let (example, port) = Unread::serve("framed_echo", &["127.0.0.1:0"]);
    drop(dial(port));
    example.ends_quietly();
}

#[test]
fn fault_j_idle_timeout_ends_when_its_lines_are_not_read() {
    Unread::start("idle_timeout", &["127.0.0.1:0"]).ends_quietly();
    let (example, port) = Unread::serve("idle_timeout", &["127.0.0.1:0"]);
    drop(dial(port));
    example.ends_quietly();
}

#[test]
fn fault_j_proxy_ends_when_its_lines_are_not_read() {
    Unread::start("proxy", &["127.0.0.1:0", "127.0.0.1:9"]).ends_quietly();
    let (example, port) = Unread::serve("proxy", &["127.0.0.1:0", "127.0.0.1:9"]);
    let _client = dial(port);
    example.ends_quietly();
}
