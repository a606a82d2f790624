//! Connections that never read, while the server writes to them whatever `try_write` answers; healthy ones are timed beside them.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::open_loop::OpenLoop;
use super::{AnyError, Measured, Server, address, breathe};
use crate::peers::SLOW_LIMIT;
use crate::plan::Effort;
use crate::system;

/// Healthy connections, and their messages a second.
const HEALTHY: (usize, u64) = (16, 4000);

/// Answers to healthy peers in 50 ms.
const PART: usize = 200;

/// Writes to all slow peers together in a second.
const WRITES: u64 = 20_000;

/// Between the beginnings of two slow peers, which would do all at the same time if they began together.
const STAGGER: Duration = Duration::from_millis(1);

/// How often it is asked whether all queues are full.
const LOOK: Duration = Duration::from_millis(100);

/// Queues that are not full by then will never be.
const LATEST: Duration = Duration::from_secs(30);

pub(super) fn play(server: &mut Server, effort: &Effort) -> Result<Measured, AnyError> {
    let wanted = effort.slow_connections;
    let count = wanted.min(system::descriptor_limit().unwrap_or(wanted).saturating_sub(128));
    let phase = Duration::from_micros(100_000 + 1500 * count as u64);
    let mut healthy = OpenLoop::connect(server, HEALTHY.0, HEALTHY.1)?;
    run(&mut healthy, effort.warm_up)?;
    healthy.begin();
    run(&mut healthy, phase)?;
    let alone = Waits::of(&mut healthy)?;
    let at_start = system::peak_bytes(server.pid()).ok_or("this system does not tell the memory of a process")?;
    let connect = |made| {
        breathe(made);
        never_reads(server)
    };
    let mut slow = (0..count).map(connect).collect::<Result<Vec<_>, _>>()?;
    // What accepting them has left to do is no matter of their slowness.
    run(&mut healthy, LOOK)?;
    let start = Instant::now();
    healthy.begin();
    let refused = fill(server, &mut slow, &mut healthy)?;
    let (filled_after, filling) = (start.elapsed(), Waits::of(&mut healthy)?);
    healthy.begin();
    run(&mut healthy, phase)?;
    let full = Waits::of(&mut healthy)?;
    let (still_full, refused) = ask(server).map(|(full, more)| (full, more - refused))?;
    let peak = system::peak_bytes(server.pid()).ok_or("the server is gone")?.saturating_sub(at_start);
    if still_full < count || refused < count as u64 {
        return Err(format!("{still_full} of {count} queues have stayed full, and {refused} more writes were refused").into());
    }
    let (mib, bound) = (1024.0 * 1024.0, (count * SLOW_LIMIT) as f64);
    let note = format!(
        "{count} slow peers, limit {} KiB each: peak {:.0} MiB, {:.0} % of {:.0} MiB; all {still_full} queues full after {:.1} s, \
         then {refused} writes refused; p99 of healthy peers in 50 ms, the median (of all): {} alone, {} while queues fill, {}, \
         {} when they are full, {}",
        SLOW_LIMIT / 1024,
        peak as f64 / mib,
        peak as f64 / bound * 100.0,
        bound / mib,
        filled_after.as_secs_f64(),
        alone.text(),
        filling.text(),
        filling.against(&alone),
        full.text(),
        full.against(&alone),
    );
    Ok(Measured {
        operations: count as u64,
        seconds: start.elapsed().as_secs_f64(),
        latency: Some(filling.all),
        bytes: Some(peak as f64 / count as f64),
        note: Some(note),
        ..Measured::default()
    })
}

/// Has the server write to the slow peers until all their queues are full. Gives the writes refused so far.
fn fill(server: &mut Server, slow: &mut [TcpStream], healthy: &mut OpenLoop) -> Result<u64, AnyError> {
    let (start, count) = (Instant::now(), slow.len());
    for (number, peer) in slow.iter_mut().enumerate() {
        peer.write_all(&order(number, count))?;
        step(healthy, STAGGER)?;
    }
    loop {
        run(healthy, LOOK)?;
        match ask(server)? {
            (full, refused) if full == count => return Ok(refused),
            (full, _) if start.elapsed() > LATEST => return Err(format!("only {full} of {count} queues are full").into()),
            _ => {}
        }
    }
}

/// What a slow peer says: that it is one, and the microseconds between two writes to it. These differ by a fifth up and down, for
/// timers of one period that were late together once would stay together.
fn order(number: usize, count: usize) -> [u8; 5] {
    let (number, count) = (number as u64, count as u64);
    let mean = 1_000_000 * count / WRITES;
    let [a, b, c, d, ..] = (mean * 4 / 5 + mean * 2 / 5 * number / count).to_le_bytes();
    [b's', a, b, c, d]
}

/// How many queues are full, and how many writes were refused so far.
fn ask(server: &mut Server) -> Result<(usize, u64), AnyError> {
    server.slow().ok_or_else(|| "the server does not tell of its slow peers".into())
}

/// What healthy peers have waited in one phase, in microseconds.
struct Waits {
    usual_p99: f64,
    all: [f64; 3],
}

impl Waits {
    fn of(healthy: &mut OpenLoop) -> Result<Self, AnyError> {
        healthy.settle()?;
        let usual_p99 = healthy.usual_p99(PART).ok_or("too few answers")?;
        Ok(Self { usual_p99, all: healthy.finish()? })
    }

    fn text(&self) -> String {
        format!("{:.0} ({:.0}) µs", self.usual_p99, self.all[1])
    }

    fn against(&self, alone: &Self) -> String {
        format!("{:.1} ({:.1}) ×", self.usual_p99 / alone.usual_p99, self.all[1] / alone.all[1])
    }
}

/// Plays healthy peers for a time, to the last answer.
fn run(healthy: &mut OpenLoop, time: Duration) -> Result<(), AnyError> {
    healthy.go_on();
    step(healthy, time)?;
    healthy.settle()
}

fn step(healthy: &mut OpenLoop, time: Duration) -> Result<(), AnyError> {
    let start = Instant::now();
    while start.elapsed() < time {
        healthy.step()?;
    }
    Ok(())
}

/// With a small receive buffer, so that what waits waits in the server and not in the kernel.
fn never_reads(server: &Server) -> Result<TcpStream, AnyError> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_recv_buffer_size(4096)?;
    socket.connect(&address(server).into())?;
    Ok(socket.into())
}
