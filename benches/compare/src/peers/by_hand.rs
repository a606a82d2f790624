//! What the servers by hand do with their connections; how they wait for events is theirs.
//!
//! Edge-triggered: a connection is registered once for both directions, a short read ends a turn, and what the kernel does not
//! take waits until it has room. One buffer for all reads.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use memchr::memchr_iter;

use super::{GREETING, IDLE};
use crate::plan::Kind;

pub(super) trait Stream: Read + Write + Sized {
    fn connect(to: SocketAddr) -> io::Result<Self>;
    fn set_no_delay(&self) -> io::Result<()>;
    fn shutdown(&self, how: Shutdown) -> io::Result<()>;
}

/// When replies are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replies {
    /// Each by a call of its own.
    AtOnce,
    /// Those of a batch of events together.
    #[cfg_attr(not(any(target_os = "linux", target_os = "android")), allow(dead_code))]
    Gathered,
}

struct Connection<S> {
    stream: S,
    /// The beginning of a line.
    input: Vec<u8>,
    /// What the kernel has not taken yet.
    output: Vec<u8>,
    /// The other one of a proxied pair.
    partner: Option<usize>,
    total: u64,
    /// When it was opened or last sent something.
    active: Instant,
    /// The other side has ended; what it sent before may wait still.
    ending: bool,
    /// All it sent is read, and its end too.
    ended: bool,
    /// It is in the list of those that have output.
    gathering: bool,
}

impl<S: Stream> Connection<S> {
    fn new(stream: S, partner: Option<usize>, now: Instant) -> Self {
        let (input, output) = (Vec::new(), Vec::new());
        Self { stream, input, output, partner, total: 0, active: now, ending: false, ended: false, gathering: false }
    }

    /// Writes, and keeps what the kernel does not take.
    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while self.output.is_empty() && !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(n) => bytes = &bytes[n..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        self.output.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut output = std::mem::take(&mut self.output);
        let mut sent = 0;
        while sent < output.len() {
            match self.stream.write(&output[sent..]) {
                Ok(n) => sent += n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        output.drain(..sent);
        self.output = output;
        Ok(())
    }
}

pub(super) struct Server<S> {
    kind: Kind,
    replies: Replies,
    upstream: Option<SocketAddr>,
    connections: Vec<Option<Connection<S>>>,
    free: Vec<usize>,
    buffer: Vec<u8>,
    gathering: Vec<usize>,
    timers: Timers,
    /// When the last wait has ended.
    now: Instant,
}

/// When to look at which place, with one entry for each at most. A message only notes its time: who has sent one is looked at
/// again a timeout later. An entry outlives its connection and serves the next one at its place, which is due no earlier.
#[derive(Default)]
struct Timers {
    due: BinaryHeap<Reverse<(Instant, usize)>>,
    /// Whether a place is among the due.
    held: Vec<bool>,
}

impl Timers {
    fn start(&mut self, place: usize, deadline: Instant) {
        if place >= self.held.len() {
            self.held.resize(place + 1, false);
        }
        if !std::mem::replace(&mut self.held[place], true) {
            self.due.push(Reverse((deadline, place)));
        }
    }

    fn next(&self) -> Option<Instant> {
        self.due.peek().map(|&Reverse((deadline, _))| deadline)
    }

    fn take_due(&mut self, now: Instant) -> Option<usize> {
        self.next().filter(|&deadline| deadline <= now)?;
        let Reverse((_, place)) = self.due.pop()?;
        self.held[place] = false;
        Some(place)
    }
}

impl<S: Stream> Server<S> {
    pub(super) fn new(kind: Kind, replies: Replies, upstream: Option<SocketAddr>) -> Self {
        let (connections, free, gathering) = (Vec::new(), Vec::new(), Vec::new());
        let (buffer, timers) = (vec![0; 64 * 1024], Timers::default());
        Self { kind, replies, upstream, connections, free, buffer, gathering, timers, now: Instant::now() }
    }

    /// Takes a connection in; `register` gets each stream to be waited for, with its number.
    pub(super) fn accepted(&mut self, mut stream: S, register: impl Fn(&mut S, usize) -> io::Result<()>) -> io::Result<()> {
        if self.kind == Kind::Churn {
            return stream.write_all(&GREETING);
        }
        if self.kind != Kind::Sink {
            stream.set_no_delay()?;
        }
        let front = self.insert(stream, &register)?;
        if let Some(upstream) = self.upstream {
            let stream = S::connect(upstream)?;
            stream.set_no_delay()?;
            let back = self.insert(stream, &register)?;
            for (one, other) in [(front, back), (back, front)] {
                if let Some(connection) = &mut self.connections[one] {
                    connection.partner = Some(other);
                }
            }
        }
        Ok(())
    }

    fn insert(&mut self, mut stream: S, register: impl Fn(&mut S, usize) -> io::Result<()>) -> io::Result<usize> {
        let place = self.free.pop().unwrap_or(self.connections.len());
        register(&mut stream, place)?;
        if place == self.connections.len() {
            self.connections.push(None);
        }
        self.connections[place] = Some(Connection::new(stream, None, self.now));
        if self.kind == Kind::Timeout {
            self.timers.start(place, self.now + IDLE);
        }
        Ok(place)
    }

    /// How long a wait for events may last.
    pub(super) fn before_wait(&self) -> Option<Duration> {
        self.timers.next().map(|deadline| deadline.saturating_duration_since(self.now))
    }

    /// Looks at the clock, once for all that a wait has given.
    pub(super) fn after_wait(&mut self) {
        if self.kind == Kind::Timeout {
            self.now = Instant::now();
        }
    }

    /// Sends what was gathered, and closes those that were idle for too long.
    pub(super) fn after_events(&mut self) {
        for place in std::mem::take(&mut self.gathering) {
            if let Some(connection) = &mut self.connections[place] {
                connection.gathering = false;
                if connection.flush().is_err() {
                    self.close(place);
                }
            }
        }
        while let Some(place) = self.timers.take_due(self.now) {
            if let Some(connection) = &self.connections[place] {
                let deadline = connection.active + IDLE;
                if deadline <= self.now {
                    self.close(place);
                } else {
                    self.timers.start(place, deadline);
                }
            }
        }
    }

    /// Goes on with a connection; `ended`: the other side has, and there is no further event.
    pub(super) fn ready(&mut self, place: usize, ended: bool) {
        let mut buffer = std::mem::take(&mut self.buffer);
        if self.turn(place, ended, &mut buffer).is_err() {
            self.close(place);
        }
        self.buffer = buffer;
    }

    fn close(&mut self, place: usize) {
        if let Some(connection) = self.connections[place].take() {
            self.free.push(place);
            if let Some(partner) = connection.partner {
                self.close(partner);
            }
        }
    }

    fn turn(&mut self, place: usize, ended: bool, buffer: &mut [u8]) -> io::Result<()> {
        let Some(Some(connection)) = self.connections.get_mut(place) else {
            return Ok(());
        };
        connection.ending |= ended;
        let ended = connection.ending;
        if !connection.output.is_empty() && !connection.gathering {
            connection.flush()?;
            if !connection.output.is_empty() {
                return Ok(());
            }
            if let Some(partner) = connection.partner {
                // It waited for room here.
                return self.pump(partner, place, buffer).and_then(|()| self.pump(place, partner, buffer));
            }
        }
        if let Some(partner) = connection.partner {
            return self.pump(place, partner, buffer);
        }
        loop {
            let Some(connection) = &mut self.connections[place] else {
                return Ok(());
            };
            let n = match connection.stream.read(buffer) {
                Ok(0) => return self.end(place),
                Ok(n) => n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            match self.kind {
                Kind::Sink => connection.total += n as u64,
                Kind::Lines | Kind::Chat => self.take_lines(place, &buffer[..n])?,
                Kind::Timeout => {
                    connection.active = self.now;
                    connection.write(&buffer[..n])?;
                }
                _ => connection.write(&buffer[..n])?,
            }
            let waits = self.connections[place].as_ref().is_none_or(|one| !one.output.is_empty() && !one.gathering);
            if n < buffer.len() && !ended || waits {
                return Ok(());
            }
        }
    }

    fn end(&mut self, place: usize) -> io::Result<()> {
        if let (Kind::Sink, Some(connection)) = (self.kind, &mut self.connections[place]) {
            let total = connection.total;
            connection.stream.write_all(format!("{total}\n").as_bytes())?;
        }
        self.close(place);
        Ok(())
    }

    fn take_lines(&mut self, place: usize, chunk: &[u8]) -> io::Result<()> {
        let Some(connection) = &mut self.connections[place] else {
            return Ok(());
        };
        let mut joined = std::mem::take(&mut connection.input);
        let bytes = if joined.is_empty() {
            chunk
        } else {
            joined.extend_from_slice(chunk);
            &joined
        };
        let mut begin = 0;
        for end in memchr_iter(b'\n', bytes) {
            let line = &bytes[begin..=end];
            begin = end + 1;
            if self.kind == Kind::Lines {
                self.send(place, line)?;
            } else {
                for member in 0..self.connections.len() {
                    if self.send(member, line).is_err() {
                        self.close(member);
                    }
                }
            }
        }
        let rest = bytes[begin..].to_vec();
        if let Some(connection) = &mut self.connections[place] {
            connection.input = rest;
        }
        Ok(())
    }

    fn send(&mut self, place: usize, line: &[u8]) -> io::Result<()> {
        let Some(connection) = &mut self.connections[place] else {
            return Ok(());
        };
        if self.replies == Replies::AtOnce {
            return connection.write(line);
        }
        connection.output.extend_from_slice(line);
        if !std::mem::replace(&mut connection.gathering, true) {
            self.gathering.push(place);
        }
        Ok(())
    }

    /// Passes on what one of a pair has sent, and its end.
    fn pump(&mut self, from: usize, to: usize, buffer: &mut [u8]) -> io::Result<()> {
        let Ok([Some(from), Some(to)]) = self.connections.get_disjoint_mut([from, to]) else {
            return Ok(());
        };
        while !from.ended && to.output.is_empty() {
            let n = match from.stream.read(buffer) {
                Ok(0) => {
                    from.ended = true;
                    to.stream.shutdown(Shutdown::Write)?;
                    break;
                }
                Ok(n) => n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            to.write(&buffer[..n])?;
            if n < buffer.len() && !from.ending {
                return Ok(());
            }
        }
        if from.ended && to.ended { Err(ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }
}
