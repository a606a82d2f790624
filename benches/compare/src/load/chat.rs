//! A room: every message reaches every member, the one who sent it too.

use std::io::{Read, Write};

use super::{AnyError, Crowd, Measured, Meter, Plan, Server, moved, wrong_bytes};

const MEMBERS: usize = 100;
const TALKERS: usize = 10;
const LENGTH: usize = 64;

/// The message of one talker; its first byte tells whose it is.
fn message(talker: usize) -> [u8; LENGTH] {
    let mut message = [b'm'; LENGTH];
    message[0] = b'0' + talker as u8;
    message[LENGTH - 1] = b'\n';
    message
}

pub(super) fn play(server: &mut Server, plan: Plan) -> Result<Measured, AnyError> {
    let mut crowd = Crowd::connect(server, MEMBERS)?;
    let (mut received, mut offsets) = (0, [0; MEMBERS]);
    let mut buffer = vec![0; 64 * 1024];
    // Servers accept in order: when all have heard the last member, everybody is in.
    let first = message(TALKERS);
    crowd.streams[MEMBERS - 1].write_all(&first)?;
    while received < MEMBERS * LENGTH {
        crowd.wait()?;
        for event in &crowd.events {
            let member = event.token().0;
            while let Some(n) = moved(crowd.streams[member].read(&mut buffer))? {
                if offsets[member] + n > LENGTH || buffer[..n] != first[offsets[member]..offsets[member] + n] {
                    return Err(wrong_bytes());
                }
                received += n;
                offsets[member] += n;
            }
        }
    }
    let (mut meter, mut received) = (Meter::new(server, plan), 0_u64);
    for (talker, stream) in crowd.streams.iter_mut().take(TALKERS).enumerate() {
        stream.write_all(&message(talker))?;
    }
    offsets = [0; MEMBERS];
    while meter.goes_on(received / LENGTH as u64) {
        crowd.wait()?;
        for event in &crowd.events {
            let member = event.token().0;
            while let Some(n) = moved(crowd.streams[member].read(&mut buffer))? {
                received += n as u64;
                let begin = (LENGTH - offsets[member]) % LENGTH;
                offsets[member] = (offsets[member] + n) % LENGTH;
                let own = buffer[..n].iter().skip(begin).step_by(LENGTH).filter(|&&byte| byte == b'0' + member as u8);
                if member < TALKERS && own.count() > 0 {
                    crowd.streams[member].write_all(&message(member))?;
                }
            }
        }
    }
    meter.finish(received / LENGTH as u64)
}
