//! Connections that are made for one greeting.

use std::io::Read;
use std::net::TcpStream as StdStream;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::{AnyError, Measured, Meter, PATIENCE, Plan, Server, address, moved, wrong_bytes};
use crate::peers::GREETING;

const AT_ONCE: usize = 16;

pub(super) fn play(server: &mut Server, plan: Plan) -> Result<Measured, AnyError> {
    let to = address(server);
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(AT_ONCE);
    let connect = |poll: &Poll, place| -> Result<TcpStream, AnyError> {
        let stream = StdStream::connect(to)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        poll.registry().register(&mut stream, Token(place), Interest::READABLE)?;
        Ok(stream)
    };
    let (mut meter, mut greeted) = (Meter::new(server, plan), 0);
    let mut streams = (0..AT_ONCE).map(|place| connect(&poll, place)).collect::<Result<Vec<_>, _>>()?;
    let mut buffer = GREETING;
    while meter.goes_on(greeted) {
        poll.poll(&mut events, Some(PATIENCE))?;
        if events.is_empty() {
            return Err(format!("no answer for {PATIENCE:?}").into());
        }
        for event in &events {
            let place = event.token().0;
            // A byte stays unread, so that closing resets and no port is left in TIME_WAIT.
            let Some(n) = moved(streams[place].read(&mut buffer[1..]))? else {
                continue;
            };
            if n < GREETING.len() - 1 || buffer != GREETING {
                return Err(wrong_bytes());
            }
            greeted += 1;
            streams[place] = connect(&poll, place)?;
        }
    }
    meter.finish(greeted)
}
