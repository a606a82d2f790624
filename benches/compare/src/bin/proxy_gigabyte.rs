//! What a proxy does with a gigabyte each way between a fast and a slow end, and with a large answer to a client that has
//! ended: bytes a second, processor time, memory, and how much ever waits.
//!
//! ```text
//! cargo bench -- proxy-gigabyte [--quick]
//! ```
//!
//! The proxy is a process of its own; the ends are threads with blocking sockets. Every byte is compared, and the program fails
//! if more waits than the high-water mark and a chunk.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use netloop::{Reactor, Socket};

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// The high-water mark, and the chunk that passed it.
const BOUND: usize = 2 * 64 * 1024;
/// After so many bytes the slow end looks away for a moment.
const PACE: (usize, Duration) = (256 * 1024, Duration::from_micros(500));
/// What travels is this, again and again; not a multiple of any buffer.
const PATTERN: usize = 65_521;

fn main() -> Result<(), AnyError> {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, role, port] = &arguments[..]
        && role == "proxy"
    {
        return proxy(port.parse()?);
    }
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let (large, answer) = if quick { (64 << 20, 10_000_000) } else { (1 << 30, 100_000_000) };
    let fast = End { sends: large, ..End::default() };
    let slow = End { slow: true, ..fast };
    measure("both ways, fast and slow", fast, slow)?;
    measure("both ways, both fast", fast, fast)?;
    let asks = End { sends: 8, slow: true, ..End::default() };
    let answers = End { sends: answer, waits: true, ..End::default() };
    measure("the answer after a client's end", asks, answers)
}

/// What an end does: sends so much and ends, and reads until the other's end.
#[derive(Clone, Copy, Default)]
struct End {
    sends: usize,
    slow: bool,
    /// It sends when the other has ended.
    waits: bool,
}

fn measure(name: &str, client: End, upstream: End) -> Result<(), AnyError> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port().to_string();
    let mut child = Command::new(std::env::current_exe()?).args(["proxy", &port]).stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
    let port: u16 = lines.next().ok_or("no port")??.parse()?;
    let start = Instant::now();
    let front = TcpStream::connect(("127.0.0.1", port))?;
    let back = listener.accept()?.0;
    let other = thread::spawn(move || play(back, upstream, client.sends));
    play(front, client, upstream.sends)?;
    other.join().map_err(|_| "the upstream has panicked")??;
    let seconds = start.elapsed().as_secs_f64();
    let megabytes = (client.sends + upstream.sends) as f64 / 1e6;
    println!("{name}: {megabytes:.0} MB in {seconds:.2} s, {:.0} MB/s", megabytes / seconds);
    for line in lines {
        println!("    {}", line?);
    }
    if child.wait()?.success() { Ok(()) } else { Err("the proxy has failed".into()) }
}

/// Plays an end to the end.
fn play(stream: TcpStream, end: End, gets: usize) -> Result<(), AnyError> {
    let reading = stream.try_clone()?;
    if end.waits {
        check(reading, end.slow, gets)?;
        return send(stream, end);
    }
    let sender = thread::spawn(move || send(stream, end));
    check(reading, end.slow, gets)?;
    sender.join().map_err(|_| "a sender has panicked")?
}

fn pattern() -> Vec<u8> {
    (0..PATTERN as u64).map(|place| (place.wrapping_mul(0x9E37_79B9) >> 13) as u8).collect()
}

/// Looks away after so many bytes.
struct Pace {
    left: usize,
    slow: bool,
}

impl Pace {
    fn new(slow: bool) -> Self {
        Self { left: PACE.0, slow }
    }

    fn moved(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes);
        if self.slow && self.left == 0 {
            thread::sleep(PACE.1);
            self.left = PACE.0;
        }
    }
}

fn send(mut stream: TcpStream, end: End) -> Result<(), AnyError> {
    let (pattern, mut left, mut pace) = (pattern(), end.sends, Pace::new(end.slow));
    while left > 0 {
        let len = left.min(PATTERN);
        stream.write_all(&pattern[..len])?;
        left -= len;
        pace.moved(len);
    }
    Ok(stream.shutdown(Shutdown::Write)?)
}

/// Reads to the end: it is what was sent, all of it and no more.
fn check(mut stream: TcpStream, slow: bool, len: usize) -> Result<(), AnyError> {
    let (pattern, mut buffer, mut at, mut pace) = (pattern(), vec![0; PATTERN], 0, Pace::new(slow));
    loop {
        let place = at % PATTERN;
        let got = stream.read(&mut buffer[..PATTERN - place])?;
        if got == 0 {
            return if at == len { Ok(()) } else { Err(format!("{at} bytes instead of {len}").into()) };
        }
        if buffer[..got] != pattern[place..place + got] {
            return Err(format!("other bytes after {at}").into());
        }
        at += got;
        pace.moved(got);
    }
}

/// The most that ever waited.
#[derive(Clone, Copy, Debug, Default)]
struct Most {
    queued: usize,
    ahead: usize,
}

fn watch(socket: &mut Socket<'_, Most>, both: [netloop::SocketId; 2]) {
    socket.on_data(move |socket, _, most| {
        for id in both {
            if let Some(socket) = socket.other(id) {
                most.queued = most.queued.max(socket.writable_length());
                most.ahead = most.ahead.max(socket.readable_length());
            }
        }
    });
}

/// Passes one connection on, and tells what it cost.
fn proxy(upstream: u16) -> Result<(), AnyError> {
    let mut reactor = Reactor::<Most>::new()?;
    let mut server = reactor.create_server(move |client, _| {
        let a = client.id();
        let b = client.reactor().connect(([127, 0, 0, 1], upstream)).id();
        client.reactor().proxy(a, b);
        for id in [a, b] {
            if let Some(mut socket) = client.other(id) {
                watch(&mut socket, [a, b]);
            }
        }
        if let Some(mut server) = client.server().and_then(|server| client.reactor().server(server)) {
            server.close();
        }
    });
    let port = server.listen(([127, 0, 0, 1], 0)).port().ok_or("not listening")?;
    let before = status_kilobytes("VmRSS:");
    println!("{port}");
    std::io::stdout().flush()?;
    let mut most = Most::default();
    reactor.run(&mut most)?;
    let metrics = reactor.metrics();
    println!("at most {} bytes queued, {} read ahead (bound: {BOUND})", most.queued, most.ahead);
    println!("{} reads, {} writes, {} iterations", metrics.reads, metrics.writes, metrics.iterations);
    if let Some((before, most)) = before.zip(status_kilobytes("VmHWM:")) {
        println!("at most {} KiB more resident memory than at the start", most.saturating_sub(before));
    }
    if let Some(micros) = cpu_micros() {
        println!("{:.2} s of processor time, {:.0} MB a second of it", micros / 1e6, metrics.bytes_written as f64 / micros);
    }
    if most.queued > BOUND || most.ahead > BOUND || metrics.sockets > 0 || metrics.bytes_written != metrics.bytes_read {
        return Err(format!("{most:?}, {metrics:?}").into());
    }
    Ok(())
}

fn status_kilobytes(field: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix(field))?.split_whitespace().next()?.parse().ok()
}

/// Processor time of this process in microseconds, from the scheduler's accounts.
fn cpu_micros() -> Option<f64> {
    let accounts = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    Some(accounts.split_whitespace().next()?.parse::<f64>().ok()? / 1000.0)
}
