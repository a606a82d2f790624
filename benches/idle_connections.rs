//! What an idle connection costs: resident bytes each, and the processor time of a loop that has nothing to do.
//!
//! ```text
//! cargo bench --bench idle_connections [-- --quick]
//! ```
//!
//! A child process opens the connections, so only the server's half is measured. Each has three listeners attached.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use netloop::Reactor;

/// Accepted connections that are open.
type Open = usize;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, role, port, count] = &arguments[..]
        && role == "client"
    {
        return client(port.parse()?, count.parse()?);
    }
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let wanted = if quick { 1_000 } else { 10_000 };
    let count = wanted.min(descriptor_limit().unwrap_or(wanted).saturating_sub(64));
    if count < wanted {
        println!("the descriptor limit allows {count} connections instead of {wanted}");
    }
    serve(count, if quick { Duration::from_millis(200) } else { Duration::from_secs(2) })
}

fn serve(count: usize, idle: Duration) -> Result<(), Box<dyn std::error::Error>> {
    let mut reactor = Reactor::<Open>::new()?;
    let mut server = reactor.create_server(|socket, open| {
        *open += 1;
        socket.on_data(|socket, chunk, _| socket.write(chunk)).on_error(|_, error, _| eprintln!("{error}")).on_close(
            |_, _, open| {
                *open -= 1;
            },
        );
    });
    let port = server.listen(([127, 0, 0, 1], 0)).port().ok_or("not listening")?;
    let mut open = 0;
    reactor.run_nowait(&mut open)?;

    let before = anonymous_bytes();
    let guard = reactor.keep_alive();
    let mut child = spawn_client(port, count)?;
    while open < count {
        reactor.run_once(&mut open)?;
    }
    match before.zip(anonymous_bytes()) {
        Some((before, after)) => {
            let each = after.saturating_sub(before) as f64 / count as f64;
            println!("idle connections     {count:>8}   {each:>8.0} resident bytes each, three listeners attached");
        }
        None => println!("resident bytes: not known on this system"),
    }

    let (cpu, polls) = (cpu_ticks(), reactor.metrics().polls);
    reactor.set_timeout(idle, |reactor, _| reactor.stop());
    reactor.run(&mut open)?;
    if let Some((before, after)) = cpu.zip(cpu_ticks()) {
        println!("idle loop            {:>8}   processor ticks in {idle:?}", after - before);
    }
    println!("idle loop            {:>8}   waits in {idle:?}", reactor.metrics().polls - polls);

    drop(child.stdin.take());
    drop(guard);
    child.wait()?;
    Ok(())
}

fn spawn_client(port: u16, count: usize) -> std::io::Result<Child> {
    Command::new(std::env::current_exe()?).args(["client", &port.to_string(), &count.to_string()]).stdin(Stdio::piped()).spawn()
}

/// Opens connections and holds them until its input ends.
fn client(port: u16, count: usize) -> Result<(), Box<dyn std::error::Error>> {
    let connections = (0..count).map(|_| TcpStream::connect(("127.0.0.1", port))).collect::<Result<Vec<_>, _>>()?;
    BufReader::new(std::io::stdin()).read_line(&mut String::new())?;
    drop(connections);
    Ok(())
}

/// Memory of this process that no file backs.
fn anonymous_bytes() -> Option<u64> {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    let line = rollup.lines().find(|line| line.starts_with("Anonymous:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

/// Processor time of this process, user and system, in clock ticks.
fn cpu_ticks() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
}

fn descriptor_limit() -> Option<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    limits.lines().find(|line| line.starts_with("Max open files"))?.split_whitespace().nth(3)?.parse().ok()
}
