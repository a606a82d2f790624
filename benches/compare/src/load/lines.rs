//! Sixteen lines in flight on each connection.

use std::io::{Read, Write};
use std::net::TcpStream as StdStream;

use super::{AnyError, Crowd, Measured, Meter, Plan, Server, moved, patient, wrong_bytes};

const CONNECTIONS: usize = 64;
const IN_FLIGHT: usize = 16;
const LINE: [u8; 32] = *b"GET a-key-of-some-length-000001\n";

/// Sends sixteen lines by one write and waits for all answers.
pub(super) fn batches(server: &mut Server, plan: Plan) -> Result<Measured, AnyError> {
    let batch = LINE.repeat(IN_FLIGHT);
    let mut buffer = batch.clone();
    let mut streams = (0..CONNECTIONS).map(|_| patient(server)).collect::<Result<Vec<_>, _>>()?;
    let (mut meter, mut answered) = (Meter::new(server, plan), 0);
    for stream in &mut streams {
        stream.write_all(&batch)?;
    }
    while meter.goes_on(answered) {
        for stream in &mut streams {
            read_whole(stream, &mut buffer)?;
            if buffer != batch {
                return Err(wrong_bytes());
            }
            answered += IN_FLIGHT as u64;
            stream.write_all(&batch)?;
        }
    }
    meter.finish(answered)
}

/// By one call, however many pieces come.
fn read_whole(stream: &mut StdStream, buffer: &mut [u8]) -> Result<(), AnyError> {
    let length = buffer.len();
    let (n, _) = rustix::net::recv(&*stream, &mut *buffer, rustix::net::RecvFlags::WAITALL)?;
    if n == 0 {
        return Err("the server has ended".into());
    }
    if n < length {
        stream.read_exact(&mut buffer[n..])?;
    }
    Ok(())
}

/// Reads one line at a time, and sends another for each.
pub(super) fn one_by_one(server: &mut Server, plan: Plan) -> Result<Measured, AnyError> {
    let mut crowd = Crowd::connect(server, CONNECTIONS)?;
    let mut got = [0; CONNECTIONS];
    let mut buffer = LINE;
    let (mut meter, mut answered) = (Meter::new(server, plan), 0);
    for stream in &mut crowd.streams {
        for _ in 0..IN_FLIGHT {
            moved(stream.write(&LINE))?;
        }
    }
    while meter.goes_on(answered) {
        crowd.wait()?;
        for event in &crowd.events {
            let (stream, got) = (&mut crowd.streams[event.token().0], &mut got[event.token().0]);
            // At most what was in flight, so that others have their turn; more comes with more events.
            while let Some(n) = moved(stream.read(&mut buffer[*got..]))? {
                if buffer[*got..*got + n] != LINE[*got..*got + n] {
                    return Err(wrong_bytes());
                }
                *got += n;
                if *got == LINE.len() {
                    *got = 0;
                    answered += 1;
                    moved(stream.write(&LINE))?;
                }
            }
        }
    }
    meter.finish(answered)
}
