//! Messages at a fixed rate, whether the last are answered or not: latency counts from the moment a message was due, so a server
//! that halts cannot hide it by making the load wait.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

use super::{AnyError, Crowd, Measured, Meter, PATIENCE, Plan, Server, moved, pattern, wrong_bytes};

const SIZE: usize = 64;

/// The clients of an open loop.
pub(super) struct OpenLoop {
    crowd: Crowd,
    due: Vec<VecDeque<Instant>>,
    got: Vec<usize>,
    message: Vec<u8>,
    buffer: Vec<u8>,
    next: Instant,
    turn: usize,
    interval: Duration,
    latencies: Vec<Duration>,
}

impl OpenLoop {
    pub(super) fn connect(server: &Server, connections: usize, rate: u64) -> Result<Self, AnyError> {
        Ok(Self {
            crowd: Crowd::connect(server, connections)?,
            due: vec![VecDeque::with_capacity(64); connections],
            got: vec![0; connections],
            message: pattern(SIZE),
            buffer: vec![0; 16 * 1024],
            next: Instant::now(),
            turn: 0,
            interval: Duration::from_nanos(1_000_000_000 / rate),
            latencies: Vec::new(),
        })
    }

    pub(super) fn begin(&mut self) {
        self.latencies.clear();
        self.go_on();
    }

    /// After [`settle`](Self::settle): the latencies so far stay.
    pub(super) fn go_on(&mut self) {
        self.next = Instant::now();
    }

    /// Sends what is due and takes what has come. It never sleeps: waking up would be measured too.
    pub(super) fn step(&mut self) -> Result<(), AnyError> {
        let now = Instant::now();
        while self.next <= now {
            let at = self.turn % self.due.len();
            if moved(self.crowd.streams[at].write(&self.message))? != Some(SIZE) {
                return Err("the server is slower than the rate".into());
            }
            self.due[at].push_back(self.next);
            self.next += self.interval;
            self.turn += 1;
        }
        self.take()
    }

    fn take(&mut self) -> Result<(), AnyError> {
        self.crowd.poll.poll(&mut self.crowd.events, Some(Duration::ZERO))?;
        for event in &self.crowd.events {
            let at = event.token().0;
            while let Some(n) = moved(self.crowd.streams[at].read(&mut self.buffer))? {
                let now = Instant::now();
                let expected = self.message.iter().cycle().skip(self.got[at]);
                if !self.buffer[..n].iter().eq(expected.take(n)) {
                    return Err(wrong_bytes());
                }
                for _ in 0..(self.got[at] + n) / SIZE {
                    let due = self.due[at].pop_front().ok_or("an answer nobody asked for")?;
                    self.latencies.push(now - due);
                }
                self.got[at] = (self.got[at] + n) % SIZE;
            }
        }
        Ok(())
    }

    /// Waits for the answers that are missing.
    pub(super) fn settle(&mut self) -> Result<(), AnyError> {
        let start = Instant::now();
        while self.due.iter().any(|due| !due.is_empty()) {
            self.take()?;
            if start.elapsed() > PATIENCE {
                return Err("messages without an answer".into());
            }
        }
        Ok(())
    }

    /// Waits for the answers that are missing, and gives the percentiles in microseconds.
    pub(super) fn finish(&mut self) -> Result<[f64; 3], AnyError> {
        self.settle()?;
        self.latencies.sort_unstable();
        if self.latencies.is_empty() {
            return Err("no answer at all".into());
        }
        Ok([0.5, 0.99, 0.999].map(|share| percentile(&self.latencies, share)))
    }

    /// After [`settle`](Self::settle): the median of the 99th percentiles of so many answers each. What disturbs a few of these parts
    /// does not show in it.
    pub(super) fn usual_p99(&self, part: usize) -> Option<f64> {
        let p99 = |part: &[Duration]| {
            let mut part = part.to_vec();
            part.sort_unstable();
            percentile(&part, 0.99)
        };
        let mut parts: Vec<f64> = self.latencies.chunks_exact(part).map(p99).collect();
        parts.sort_unstable_by(f64::total_cmp);
        parts.get(parts.len() / 2).copied()
    }

    pub(super) fn answered(&self) -> u64 {
        self.latencies.len() as u64
    }
}

/// Of sorted times, in microseconds.
fn percentile(times: &[Duration], share: f64) -> f64 {
    times[((times.len() - 1) as f64 * share).round() as usize].as_nanos() as f64 / 1000.0
}

pub(super) fn play(server: &mut Server, plan: Plan, connections: usize, rate: u64) -> Result<Measured, AnyError> {
    let mut clients = OpenLoop::connect(server, connections, rate)?;
    let warm_up = Instant::now();
    clients.begin();
    while warm_up.elapsed() < plan.warm_up {
        clients.step()?;
    }
    clients.finish()?;
    // Rare answers need many to be seen.
    let plan = Plan { warm_up: Duration::ZERO, window: plan.window * 2, ..plan };
    let mut meter = Meter::new(server, plan);
    clients.begin();
    while meter.goes_on(clients.answered()) {
        clients.step()?;
    }
    let mut measured = meter.finish(clients.answered())?;
    measured.latency = Some(clients.finish()?);
    Ok(measured)
}
