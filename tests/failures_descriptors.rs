//! The failure catalogue, row F8: no descriptor is left. The server runs in a child with 64 of them; its clients are here.
#![cfg(unix)]

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Lines, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use netloop::{Reactor, Remote};

/// No answer takes that long.
const LIMIT: Duration = Duration::from_secs(30);

/// How long an idle loop is watched, and how often it may turn meanwhile.
const WINDOW: Duration = Duration::from_millis(100);
const QUIET: u64 = 20;

/// Set in the child: how its server is made.
const MODE: &str = "NETLOOP_F8";

#[derive(Default)]
struct Served {
    fillers: Vec<File>,
    count: u32,
}

/// The child: an echo server that obeys lines on its standard input.
fn serve(mode: &str) {
    let mut fillers = Vec::new();
    let mut reactor = if mode == "with a reserve" {
        Reactor::new().expect("a reactor")
    } else {
        while let Ok(file) = File::open("/dev/null") {
            fillers.push(file);
        }
        // The selector finds just as many descriptors as it needs, and nothing is left for a reserve.
        loop {
            fillers.pop().expect("the selector needs few");
            if let Ok(reactor) = Reactor::new() {
                fillers.pop().expect("one for the listener");
                break reactor;
            }
        }
    };
    let mut server = reactor.create_server(|socket, served: &mut Served| {
        served.count += 1;
        socket.on_data(|socket, chunk, _| socket.write(chunk)).on_error(|_, _, _| {});
    });
    server.listen(([127, 0, 0, 1], 0));
    println!("\nF8 port {}", server.port().expect("it listens"));
    let (remote, guard) = (reactor.remote(), reactor.keep_alive());
    let commands = thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            obey(&remote, &line);
        }
        remote.post(|reactor, _| reactor.stop()).expect("it runs");
        drop(guard);
    });
    reactor.run(&mut Served { fillers, count: 0 }).expect("no failure");
    commands.join().expect("no panic");
}

fn obey(remote: &Remote<Served>, line: &str) {
    let command = line.to_owned();
    let done = remote.post(move |reactor, served| {
        match command.as_str() {
            "free" => drop(served.fillers.drain(..20)),
            "fill" => served.fillers.extend(std::iter::from_fn(|| File::open("/dev/null").ok())),
            _ => {}
        }
        let before = reactor.metrics().iterations;
        reactor.set_timeout(WINDOW, move |reactor, served: &mut Served| {
            println!("\nF8 turns {} served {}", reactor.metrics().iterations - before, served.count);
        });
    });
    done.expect("it runs");
}

/// The parent's view of the child.
struct Limited {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
    address: SocketAddr,
}

impl Limited {
    fn start(test: &str, mode: &str) -> Self {
        let binary = std::env::current_exe().expect("this test");
        let mut child = Command::new("sh")
            .args(["-c", "ulimit -n 64; exec \"$0\" \"$@\""])
            .arg(binary)
            .args(["--exact", test, "--nocapture"])
            .env(MODE, mode)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh");
        let output = BufReader::new(child.stdout.take().expect("piped")).lines();
        let input = child.stdin.take();
        let mut limited = Self { child, input, output, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        let port = limited.answer()[1].parse().expect("a port");
        limited.address.set_port(port);
        limited
    }

    /// The words of the child's next message.
    fn answer(&mut self) -> Vec<String> {
        let line = self.output.by_ref().map(|line| line.expect("text")).find(|line| line.starts_with("F8 "));
        line.expect("the child answers").split(' ').skip(1).map(str::to_owned).collect()
    }

    /// How often the child's loop turned in an idle window, and how many it has served.
    fn watch(&mut self, command: &str) -> (u64, u32) {
        writeln!(self.input.as_mut().expect("open"), "{command}").expect("the child reads");
        let words = self.answer();
        (words[1].parse().expect("a number"), words[3].parse().expect("a number"))
    }

    fn stop(mut self) {
        drop(self.input.take());
        assert!(self.child.wait().expect("a child").success());
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let peer = TcpStream::connect(address).expect("the backlog has room");
    peer.set_read_timeout(Some(LIMIT)).expect("an option");
    peer
}

/// True if the server answers, false if it has closed the connection; one that does neither hangs.
fn is_served(peer: &mut TcpStream) -> bool {
    if peer.write_all(b"x").is_err() {
        return false;
    }
    match peer.read(&mut [0]) {
        Ok(count) => count == 1,
        Err(error) => {
            assert!(!matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "a connection hangs");
            false
        }
    }
}

#[test]
fn f08_at_the_descriptor_limit_waiting_peers_are_closed_and_later_ones_served() {
    if let Ok(mode) = std::env::var(MODE) {
        return serve(&mode);
    }
    let test = "f08_at_the_descriptor_limit_waiting_peers_are_closed_and_later_ones_served";
    let mut server = Limited::start(test, "with a reserve");
    let mut peers: Vec<_> = (0..80).map(|_| connect(server.address)).collect();
    peers.retain_mut(is_served);
    assert!((30..64).contains(&peers.len()), "{} of 80 served with 64 descriptors", peers.len());
    let (turns, served) = server.watch("watch");
    assert!(turns <= QUIET, "{turns} turns at the limit");
    assert_eq!(served as usize, peers.len());
    peers.drain(..20);
    server.watch("watch");
    let mut later: Vec<_> = (0..10).map(|_| connect(server.address)).collect();
    assert!(later.iter_mut().all(is_served), "descriptors are free again");
    assert!(peers.iter_mut().all(is_served), "the others are untouched");
    server.stop();
}

#[test]
fn f08_without_a_reserve_waiting_peers_are_served_once_descriptors_are_free() {
    if let Ok(mode) = std::env::var(MODE) {
        return serve(&mode);
    }
    let test = "f08_without_a_reserve_waiting_peers_are_served_once_descriptors_are_free";
    let mut server = Limited::start(test, "without a reserve");
    let mut peers: Vec<_> = (0..8).map(|_| connect(server.address)).collect();
    let (turns, served) = server.watch("watch");
    assert!(turns <= QUIET, "{turns} turns at the limit");
    assert!(served < 8, "no descriptors for all of them");
    server.watch("free");
    assert!(peers.iter_mut().skip(served as usize).all(is_served), "no edge tells of them, the timer does");
    let (turns, _) = server.watch("watch");
    assert!(turns <= QUIET, "{turns} turns");
    server.stop();
}

/// It is taken as soon as there is a descriptor for it, not when the next one is missing.
#[test]
fn fault_p_a_reserve_that_could_not_be_had_is_taken_later() {
    if let Ok(mode) = std::env::var(MODE) {
        return serve(&mode);
    }
    let mut server = Limited::start("fault_p_a_reserve_that_could_not_be_had_is_taken_later", "without a reserve");
    server.watch("free");
    let mut peers: Vec<_> = (0..4).map(|_| connect(server.address)).collect();
    assert!(peers.iter_mut().all(is_served));
    server.watch("fill");
    let mut later: Vec<_> = (0..8).map(|_| connect(server.address)).collect();
    assert!(!later.iter_mut().any(is_served), "they are closed, and do not hang");
    assert!(peers.iter_mut().all(is_served), "the others are untouched");
    let (turns, _) = server.watch("watch");
    assert!(turns <= QUIET, "{turns} turns at the limit");
    server.stop();
}
