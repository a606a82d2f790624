//! Connections that never read, while the server writes to them whatever `write` answers; healthy ones are timed beside them.

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

pub(super) fn play(server: &mut Server, effort: &Effort) -> Result<Measured, AnyError> {
    let wanted = effort.slow_connections;
    let count = wanted.min(system::descriptor_limit().unwrap_or(wanted).saturating_sub(128));
    let filling = Duration::from_millis(200 + 4 * count as u64);
    let mut healthy = OpenLoop::connect(server, HEALTHY.0, HEALTHY.1)?;
    let before = run(&mut healthy, filling)?;
    let at_start = system::peak_bytes(server.pid()).ok_or("this system does not tell the memory of a process")?;
    let connect = |made| {
        breathe(made);
        never_reads(server)
    };
    let slow = (0..count).map(connect).collect::<Result<Vec<_>, _>>()?;
    let start = Instant::now();
    let during = run(&mut healthy, filling / 2)?;
    let full = run(&mut healthy, filling / 2)?;
    let peak = system::peak_bytes(server.pid()).ok_or("the server is gone")?.saturating_sub(at_start);
    drop(slow);
    let (mib, bound) = (1024.0 * 1024.0, (count * SLOW_LIMIT) as f64);
    let note = format!(
        "{count} slow peers, limit {} KiB each: peak {:.0} MiB, {:.0} % of {:.0} MiB; p99 of healthy peers {:.0} µs while queues \
         fill, {:.0} µs when they are full, {:.0} µs alone",
        SLOW_LIMIT / 1024,
        peak as f64 / mib,
        peak as f64 / bound * 100.0,
        bound / mib,
        during[1],
        full[1],
        before[1],
    );
    Ok(Measured {
        operations: count as u64,
        seconds: start.elapsed().as_secs_f64(),
        latency: Some(during),
        bytes: Some(peak as f64 / count as f64),
        note: Some(note),
        ..Measured::default()
    })
}

fn run(clients: &mut OpenLoop, time: Duration) -> Result<[f64; 3], AnyError> {
    let start = Instant::now();
    clients.begin();
    while start.elapsed() < time {
        clients.step()?;
    }
    clients.finish()
}

/// With a small receive buffer and small segments, so that what waits waits in the server and not in the kernel.
fn never_reads(server: &Server) -> Result<TcpStream, AnyError> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_recv_buffer_size(4096)?;
    socket.set_tcp_mss(536)?;
    socket.connect(&address(server).into())?;
    let mut stream = TcpStream::from(socket);
    stream.write_all(b"s")?;
    Ok(stream)
}
