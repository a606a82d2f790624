//! What one echoed message costs the server: system calls and processor time, beside a loop written by hand on mio.
//!
//! ```text
//! cargo bench --bench echo_turn [-- --quick]
//! ```
//!
//! Server and load are processes of their own; rounds of the two servers take turns, and what is printed is the median.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Instant;

use netloop::Reactor;

type AnyError = Box<dyn std::error::Error>;

const MESSAGE: [u8; 64] = [b'x'; 64];
const CONNECTIONS: usize = 16;

fn main() -> Result<(), AnyError> {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("netloop") => return serve_netloop(),
        Some("mio") => return serve_mio(),
        _ => {}
    }
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let (rounds, messages) = if quick { (1, 2_000) } else { (7, 20_000) };
    let mut results: [Vec<(f64, f64)>; 2] = [Vec::new(), Vec::new()];
    for round in 0..rounds {
        for turn in 0..2 {
            let which = (round + turn) % 2;
            results[which].push(measure(["netloop", "mio"][which], messages)?);
        }
    }
    let [netloop, mio] = results.map(median);
    println!("ping-pong 64 B, {CONNECTIONS} connections, {} messages a round, median of {rounds}", messages * CONNECTIONS);
    for (name, (cpu, per_second)) in [("netloop", netloop), ("mio by hand", mio)] {
        println!("{name:<12} {cpu:>6.2} µs of processor a message, {per_second:>9.0} messages/s");
    }
    println!("ratio        {:>6.2}", netloop.0 / mio.0);
    Ok(())
}

/// Processor time a message and messages a second of one server.
fn measure(server: &str, messages: usize) -> Result<(f64, f64), AnyError> {
    let mut child = Command::new(std::env::current_exe()?).arg(server).stdout(Stdio::piped()).spawn()?;
    let mut output = BufReader::new(child.stdout.take().ok_or("no output")?);
    let mut line = String::new();
    output.read_line(&mut line)?;
    let port: u16 = line.trim().parse()?;
    let mut connections = (0..CONNECTIONS)
        .map(|_| TcpStream::connect(("127.0.0.1", port)).and_then(|stream| stream.set_nodelay(true).map(|()| stream)))
        .collect::<Result<Vec<_>, _>>()?;
    let (start, before) = (Instant::now(), cpu_micros(child.id()));
    let mut reply = [0; MESSAGE.len()];
    for _ in 0..messages {
        for connection in &mut connections {
            connection.write_all(&MESSAGE)?;
        }
        for connection in &mut connections {
            connection.read_exact(&mut reply)?;
            if reply != MESSAGE {
                return Err("a wrong echo".into());
            }
        }
    }
    let total = (messages * CONNECTIONS) as f64;
    let cpu = before.zip(cpu_micros(child.id())).map_or(f64::NAN, |(before, after)| (after - before) / total);
    let per_second = total / start.elapsed().as_secs_f64();
    drop(connections);
    child.wait()?;
    Ok((cpu, per_second))
}

fn median(mut rounds: Vec<(f64, f64)>) -> (f64, f64) {
    rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
    rounds[rounds.len() / 2]
}

/// Processor time of a process in microseconds, from the scheduler's accounts.
fn cpu_micros(pid: u32) -> Option<f64> {
    let accounts = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).ok()?;
    Some(accounts.split_whitespace().next()?.parse::<f64>().ok()? / 1000.0)
}

fn announce(port: u16) -> std::io::Result<()> {
    println!("{port}");
    std::io::stdout().flush()
}

fn serve_netloop() -> Result<(), AnyError> {
    let mut reactor = Reactor::<usize>::new()?;
    let mut server = reactor.create_server(|socket, open| {
        *open += 1;
        socket.on_data(|socket, chunk, _| socket.write(chunk)).on_error(|_, error, _| eprintln!("{error}")).on_close(
            |socket, _, open| {
                *open -= 1;
                if *open == 0 {
                    socket.reactor().stop();
                }
            },
        );
    });
    announce(server.listen(([127, 0, 0, 1], 0)).port().ok_or("not listening")?)?;
    reactor.run(&mut 0)?;
    Ok(())
}

/// The least that is right on mio: edge-triggered, a short read ends the turn.
fn serve_mio() -> Result<(), AnyError> {
    use mio::net::{TcpListener, TcpStream};
    use mio::{Events, Interest, Poll, Token};

    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut listener = TcpListener::bind("127.0.0.1:0".parse()?)?;
    poll.registry().register(&mut listener, Token(usize::MAX), Interest::READABLE)?;
    announce(listener.local_addr()?.port())?;
    let mut connections: Vec<Option<TcpStream>> = Vec::new();
    let mut open = 0;
    let mut buffer = [0; 64 * 1024];
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            let Some(slot) = connections.get_mut(event.token().0) else {
                while let Ok((mut stream, _)) = listener.accept() {
                    let token = Token(connections.len());
                    poll.registry().register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
                    connections.push(Some(stream));
                    open += 1;
                }
                continue;
            };
            let Some(stream) = slot else {
                continue;
            };
            match stream.read(&mut buffer) {
                Ok(0) => {
                    *slot = None;
                    open -= 1;
                    if open == 0 {
                        return Ok(());
                    }
                }
                Ok(length) => stream.write_all(&buffer[..length])?,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
