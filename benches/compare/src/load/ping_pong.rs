//! Each connection sends a message when the answer to the last has come.

use std::io::{Read, Write};

use mio::net::TcpStream;

use super::{AnyError, Crowd, Measured, Meter, Plan, Server, moved, pattern, wrong_bytes};

#[derive(Clone, Copy, Default)]
struct Place {
    sent: usize,
    got: usize,
}

pub(super) fn play(server: &mut Server, plan: Plan, connections: usize, size: usize) -> Result<Measured, AnyError> {
    let message = pattern(size);
    let mut buffer = vec![0; size];
    let mut crowd = Crowd::connect(server, connections)?;
    let mut places = vec![Place::default(); connections];
    let (mut meter, mut answered) = (Meter::new(server, plan), 0);
    for (stream, place) in crowd.streams.iter_mut().zip(&mut places) {
        turn(stream, place, &message, &mut buffer)?;
    }
    while meter.goes_on(answered) {
        crowd.wait()?;
        for event in &crowd.events {
            let at = event.token().0;
            answered += turn(&mut crowd.streams[at], &mut places[at], &message, &mut buffer)?;
        }
    }
    meter.finish(answered)
}

/// Goes on with one connection; the number of answers that are complete now.
fn turn(stream: &mut TcpStream, place: &mut Place, message: &[u8], buffer: &mut [u8]) -> Result<u64, AnyError> {
    let mut complete = 0;
    loop {
        let begins = place.sent == 0;
        if place.sent < message.len() {
            place.sent += moved(stream.write(&message[place.sent..]))?.unwrap_or(0);
        }
        // What answers a message that has just gone out comes with an event of its own.
        if begins && place.sent == message.len() {
            return Ok(complete);
        }
        let wanted = place.sent - place.got;
        if wanted == 0 {
            return Ok(complete);
        }
        let Some(n) = moved(stream.read(&mut buffer[..wanted]))? else {
            return Ok(complete);
        };
        if buffer[..n] != message[place.got..place.got + n] {
            return Err(wrong_bytes());
        }
        place.got += n;
        if place.got == message.len() {
            *place = Place::default();
            complete += 1;
        } else if n < wanted && place.sent == message.len() {
            return Ok(complete);
        }
    }
}
