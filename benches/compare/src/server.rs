//! One server process, seen from the load.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::peers::{AnyError, Runs};
use crate::plan::Kind;
use crate::system;

/// A peer that can be started.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) name: &'static str,
    pub(crate) runs: Runs,
}

#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    answers: bool,
    pub(crate) port: u16,
    /// Where a proxy's other side arrives.
    pub(crate) upstream: Option<TcpListener>,
}

impl Server {
    pub(crate) fn start(peer: &Found, kind: Kind, core: Option<usize>) -> Result<Self, AnyError> {
        let upstream = if kind == Kind::Proxy { Some(TcpListener::bind("127.0.0.1:0")?) } else { None };
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--pinned").arg(core.map_or("none".to_owned(), |core| core.to_string()));
        match &peer.runs {
            Runs::Here => command.args(["--serve", peer.name]),
            Runs::Program(words) => command.arg("--execute").args(words),
        };
        command.arg(kind.name());
        if let Some(upstream) = &upstream {
            command.arg(upstream.local_addr()?.port().to_string());
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().ok_or("no output")?);
        let answers = peer.name == "netloop";
        let mut server = Self { child, input, output, answers, port: 0, upstream };
        server.port = server.line()?.parse().map_err(|_| "the server does not start")?;
        Ok(server)
    }

    fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The system calls so far by the server's own count, if it has one: not all of them.
    pub(crate) fn calls(&mut self) -> Option<u64> {
        self.ask("")?.parse().ok()
    }

    /// How many of those that never read have a full queue, and how many writes to them were refused so far.
    pub(crate) fn slow(&mut self) -> Option<(usize, u64)> {
        let answer = self.ask("slow")?;
        let (full, refused) = answer.split_once(' ')?;
        Some((full.parse().ok()?, refused.parse().ok()?))
    }

    fn ask(&mut self, what: &str) -> Option<String> {
        if !self.answers {
            return None;
        }
        self.input.as_mut()?.write_all(format!("{what}\n").as_bytes()).ok()?;
        self.line().ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Counts the system calls of a process from outside, while it lives.
#[derive(Debug)]
pub(crate) struct CallCounter(Child);

impl CallCounter {
    /// Whether this system lets us.
    pub(crate) fn works() -> bool {
        let probe = Command::new("perf").args(["stat", "-x,", "-e", "raw_syscalls:sys_enter", "true"]).output();
        probe.is_ok_and(|output| output.status.success() && count_in(&String::from_utf8_lossy(&output.stderr)).is_some())
    }

    pub(crate) fn start(pid: u32) -> std::io::Result<Self> {
        let mut command = Command::new("perf");
        command.args(["stat", "-x,", "-e", "raw_syscalls:sys_enter", "-p", &pid.to_string()]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        // It does not tell when it has begun; the server is idle meanwhile.
        std::thread::sleep(Duration::from_millis(150));
        Ok(Self(child))
    }

    pub(crate) fn finish(self) -> Option<u64> {
        let pid = i32::try_from(self.0.id()).ok().and_then(rustix::process::Pid::from_raw)?;
        rustix::process::kill_process(pid, rustix::process::Signal::INT).ok()?;
        count_in(&String::from_utf8_lossy(&self.0.wait_with_output().ok()?.stderr))
    }
}

fn count_in(text: &str) -> Option<u64> {
    text.lines().find(|line| line.contains("sys_enter"))?.split(',').next()?.parse().ok()
}

/// A window in which operations are counted and processor time is accounted.
#[derive(Debug)]
pub(crate) struct Meter<'s> {
    server: &'s mut Server,
    plan: Plan,
    made: std::time::Instant,
    begun: Option<Reading>,
    counter: Option<CallCounter>,
    calls: Option<u64>,
}

/// How long a measurement takes, and whether system calls are counted instead of time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) warm_up: Duration,
    pub(crate) window: Duration,
    pub(crate) counts_calls: bool,
    /// `perf` counts them, for all peers alike.
    pub(crate) perf: bool,
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    at: std::time::Instant,
    operations: u64,
    server: Option<u64>,
    load: Option<u64>,
}

/// What a window has shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    pub(crate) operations: u64,
    pub(crate) seconds: f64,
    pub(crate) server_nanos: Option<u64>,
    pub(crate) load_nanos: Option<u64>,
    /// System calls an operation.
    pub(crate) calls: Option<f64>,
    /// Microseconds: the median, the 99th and the 99.9th percentile.
    pub(crate) latency: Option<[f64; 3]>,
    /// Resident bytes a connection.
    pub(crate) bytes: Option<f64>,
    /// What no column shows.
    pub(crate) note: Option<String>,
}

impl<'s> Meter<'s> {
    /// To be made when all is connected and nothing is sent yet.
    pub(crate) fn new(server: &'s mut Server, plan: Plan) -> Self {
        let (mut counter, mut calls) = (None, None);
        if plan.counts_calls && plan.perf {
            counter = CallCounter::start(server.pid()).ok();
        } else if plan.counts_calls {
            calls = server.calls();
        }
        Self { server, plan, made: std::time::Instant::now(), begun: None, counter, calls }
    }

    fn read(&self, operations: u64) -> Reading {
        let (server, load) = (system::cpu_nanos(self.server.pid()), system::cpu_nanos(std::process::id()));
        Reading { at: std::time::Instant::now(), operations, server, load }
    }

    /// Whether to go on, after so many operations in all.
    pub(crate) fn goes_on(&mut self, operations: u64) -> bool {
        match self.begun {
            None if self.made.elapsed() < self.plan.warm_up => true,
            None => {
                self.begun = Some(self.read(operations));
                true
            }
            Some(begun) => begun.at.elapsed() < self.plan.window,
        }
    }

    pub(crate) fn finish(self, operations: u64) -> Result<Measured, AnyError> {
        let begun = self.begun.ok_or("it has ended before it began")?;
        let end = self.read(operations);
        let difference = |from: Option<u64>, to: Option<u64>| Some(to?.saturating_sub(from?));
        let counted = match self.counter {
            Some(counter) => counter.finish(),
            None => difference(self.calls, self.calls.and_then(|_| self.server.calls())),
        };
        Ok(Measured {
            operations: operations - begun.operations,
            seconds: (end.at - begun.at).as_secs_f64(),
            server_nanos: difference(begun.server, end.server),
            load_nanos: difference(begun.load, end.load),
            calls: counted.filter(|_| operations > 0).map(|calls| calls as f64 / operations as f64),
            ..Measured::default()
        })
    }
}
