//! Connections that have said one thing and are silent now.

use std::io::{Read, Write};
use std::time::Duration;

use super::{AnyError, Measured, Server, breathe, patient, wrong_bytes};
use crate::system;

const SILENCE: Duration = Duration::from_millis(200);

pub(super) fn play(server: &Server, wanted: usize) -> Result<Measured, AnyError> {
    let count = wanted.min(system::descriptor_limit().unwrap_or(wanted).saturating_sub(64));
    // What serving at all costs is not a connection's.
    echo_once(&mut patient(server)?)?;
    let Some(before) = system::anonymous_bytes(server.pid()) else {
        return Err("this system does not tell the memory of a process".into());
    };
    let start = std::time::Instant::now();
    let mut streams = Vec::with_capacity(count);
    for made in 0..count {
        streams.push(patient(server)?);
        breathe(made);
    }
    streams.iter_mut().try_for_each(echo_once)?;
    let after = system::anonymous_bytes(server.pid()).ok_or("the server is gone")?;
    let working = || system::cpu_nanos(server.pid()).unwrap_or(0);
    let busy = working();
    std::thread::sleep(SILENCE);
    let busy = (working() - busy) / 1000;
    let fewer = if count < wanted { format!("; not {wanted}: the descriptor limit") } else { String::new() };
    Ok(Measured {
        operations: count as u64,
        seconds: start.elapsed().as_secs_f64(),
        bytes: Some(after.saturating_sub(before) as f64 / count as f64),
        note: Some(format!("{count} connections{fewer}; {busy} µs of processor in {SILENCE:?} of silence")),
        ..Measured::default()
    })
}

fn echo_once(stream: &mut std::net::TcpStream) -> Result<(), AnyError> {
    let mut answer = [0; 4];
    stream.write_all(b"idle")?;
    stream.read_exact(&mut answer)?;
    if &answer == b"idle" { Ok(()) } else { Err(wrong_bytes()) }
}
