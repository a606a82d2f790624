//! As many bytes as go through.

use std::io::{self, Read, Write};
use std::net::TcpStream as StdStream;

use super::{AnyError, Crowd, Measured, Meter, PATIENCE, Plan, Server, address, moved, patient, pattern};

const STREAMS: usize = 16;
const CHUNK: usize = 64 * 1024;

/// Writes to a server that only reads.
pub(super) fn sink(server: &mut Server, plan: Plan) -> Result<Measured, AnyError> {
    let chunk = pattern(CHUNK);
    let mut streams = (0..STREAMS).map(|_| patient(server)).collect::<Result<Vec<_>, _>>()?;
    let (mut meter, mut written) = (Meter::new(server, plan), 0);
    while meter.goes_on(written) {
        for stream in &mut streams {
            stream.write_all(&chunk)?;
            written += 1;
        }
    }
    meter.finish(written)
}

/// Writes to a proxy and reads behind it.
pub(super) fn proxy(server: &mut Server, plan: Plan) -> Result<Measured, AnyError> {
    let (chunk, mut buffer) = (pattern(CHUNK), vec![0; CHUNK]);
    let mut crowd = Crowd::connect(server, 0)?;
    let mut arrived = Vec::new();
    for _ in 0..STREAMS {
        let front = StdStream::connect(address(server))?;
        front.set_nodelay(true)?;
        crowd.add(front)?;
        arrived.push(accepted(server)?);
    }
    for back in arrived {
        crowd.add(back)?;
    }
    let (mut meter, mut passed) = (Meter::new(server, plan), 0);
    while meter.goes_on(passed / CHUNK as u64) {
        let mut still = true;
        let (fronts, backs) = crowd.streams.split_at_mut(STREAMS);
        for front in fronts {
            still &= moved(front.write(&chunk))?.is_none();
        }
        for back in backs {
            while let Some(n) = moved(back.read(&mut buffer))? {
                passed += n as u64;
                still = false;
            }
        }
        if still {
            crowd.wait()?;
        }
    }
    meter.finish(passed / CHUNK as u64)
}

/// The proxy's connection behind it, in time.
pub(super) fn accepted(server: &Server) -> Result<StdStream, AnyError> {
    let listener = server.upstream.as_ref().ok_or("no upstream")?;
    listener.set_nonblocking(true)?;
    let start = std::time::Instant::now();
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                return Ok(stream);
            }
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error.into()),
            Err(_) if start.elapsed() > PATIENCE => return Err("the proxy does not connect".into()),
            Err(_) => std::thread::sleep(std::time::Duration::from_micros(100)),
        }
    }
}
