//! Runs what was chosen, round after round, and shows how far it is.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::peers::{self, AnyError};
use crate::plan::{Effort, Load, Scenario, takes_part};
use crate::report::{Report, Results, Sample};
use crate::server::{CallCounter, Found, Plan, Server};
use crate::{Choice, load, system};

pub(crate) fn run(choice: &Choice) -> Result<(), AnyError> {
    let effort = Effort::new(choice.quick);
    let machine = system::machine();
    let mut remarks = Vec::new();
    let found = find_peers(choice, &mut remarks);
    let core = settle(&mut remarks);
    let perf = CallCounter::works();
    if !perf {
        let own =
            "system calls: `perf` does not count them here; netloop's are its own count, without options, shutdown and close";
        remarks.push(own.to_owned());
    }
    let scenarios = within_limits(&choice.scenarios, &effort, &mut remarks);
    for remark in &remarks {
        println!("{remark}");
    }
    if scenarios.is_empty() {
        return Err("nothing to measure: the descriptor limit leaves none of these scenarios".into());
    }
    let samples = scenarios.iter().map(|scenario| {
        let peers = found.iter().filter(|peer| takes_part(peer.name, scenario.kind)).count();
        let counted = found.iter().filter(|peer| takes_part(peer.name, scenario.kind) && counts_calls(scenario, peer, perf));
        peers * effort.rounds_of(scenario) + counted.count()
    });
    let samples = samples.sum();
    if samples == 0 {
        return Err("nothing to measure: none of these peers is present and takes part in these scenarios".into());
    }
    let mut progress = Progress::new(samples);
    let mut results = Vec::new();
    for (number, scenario) in scenarios.iter().enumerate() {
        let peers: Vec<&Found> = found.iter().filter(|peer| takes_part(peer.name, scenario.kind)).collect();
        results.push(compare(scenario, number, &peers, core, &effort, perf, &mut progress));
    }
    progress.end();
    let report = Report::new(choice.quick, machine, effort, remarks, results);
    report.write(&choice.report)?;
    println!("{}", report.markdown());
    println!("report, raw samples and charts: {}", choice.report.display());
    if choice.narrowed {
        println!("(not all scenarios and peers: the report of a full run stays as it is)");
    }
    for chart in report.charts() {
        println!("  {}", choice.report.join(chart).display());
    }
    // A peer that fails is a line of the report; netloop itself must not.
    match report.failures_of("netloop") {
        none if none.is_empty() => Ok(()),
        failures => Err(format!("netloop has failed: {}", failures.join("; ")).into()),
    }
}

fn find_peers(choice: &Choice, remarks: &mut Vec<String>) -> Vec<Found> {
    let scratch = choice.report.join("servers");
    let mut found = Vec::new();
    for peer in &choice.peers {
        match peers::find(peer.name, &scratch) {
            Ok((runs, version)) => {
                if !version.is_empty() {
                    remarks.push(format!("{}: {version}", peer.name));
                }
                found.push(Found { name: peer.name, runs });
            }
            Err(why) => remarks.push(format!("{}: not present: {why}", peer.name)),
        }
    }
    found
}

/// What the descriptor limit lets us run.
fn within_limits(chosen: &[&'static Scenario], effort: &Effort, remarks: &mut Vec<String>) -> Vec<&'static Scenario> {
    let limit = system::descriptor_limit().unwrap_or(usize::MAX);
    if limit < effort.idle_connections + 64 {
        remarks.push(format!("the descriptor limit is {limit}: idle connections and slow consumers are as many as it allows"));
    }
    let (some, others) = chosen.iter().partition(|scenario| scenario.load.connections() + 64 <= limit);
    let others: Vec<&Scenario> = others;
    for left_out in others {
        remarks.push(format!("{}: left out, the descriptor limit of {limit} is too low", left_out.name));
    }
    some
}

/// Pins the load to a core of its own; gives the servers'.
fn settle(remarks: &mut Vec<String>) -> Option<usize> {
    let cores = system::cores();
    match cores[..] {
        [] | [_] => {
            remarks.push("one core only: servers and load share it, rates say little".to_owned());
            None
        }
        [server, load, ..] => {
            let pinned = system::pin(load);
            if !pinned {
                remarks.push("this system does not pin processes to cores".to_owned());
            }
            pinned.then_some(server)
        }
    }
}

/// All rounds of one scenario: the peers take turns, and another begins each round.
fn compare(
    scenario: &'static Scenario,
    number: usize,
    peers: &[&Found],
    core: Option<usize>,
    effort: &Effort,
    perf: bool,
    progress: &mut Progress,
) -> Results {
    let mut results = Results::new(scenario, peers.iter().map(|peer| peer.name));
    let rounds = effort.rounds_of(scenario);
    for (at, peer) in peers.iter().enumerate() {
        progress.show(scenario.name, "bytes checked");
        let checked = Server::start(peer, scenario.kind, core).and_then(|server| load::check(scenario.kind, &server));
        results.failures[at] = checked.err().map(explained);
    }
    let plan = Plan { warm_up: effort.warm_up, window: effort.window, counts_calls: false, perf };
    for round in 0..rounds {
        for turn in 0..peers.len() {
            let at = (turn + round + number) % peers.len();
            progress.show(scenario.name, &format!("round {} of {rounds}", round + 1));
            if results.failures[at].is_none() {
                match sample(scenario, peers[at], core, plan, effort) {
                    Ok(sample) => results.samples[at].push(Sample { round, ..sample }),
                    Err(error) => results.failures[at] = Some(explained(error)),
                }
            }
            progress.step();
        }
    }
    let plan = Plan { warm_up: Duration::ZERO, counts_calls: true, ..plan };
    for (at, peer) in peers.iter().enumerate() {
        if !counts_calls(scenario, peer, perf) {
            continue;
        }
        progress.show(scenario.name, "system calls counted");
        if results.failures[at].is_none() {
            results.calls[at] = sample(scenario, peer, core, plan, effort).ok().and_then(|sample| sample.measured.calls);
        }
        progress.step();
    }
    results
}

/// Blocking clients give up after a while, which the system calls a resource that is unavailable.
fn explained(error: AnyError) -> String {
    match error.downcast_ref::<std::io::Error>() {
        Some(error) if error.kind() == std::io::ErrorKind::WouldBlock => format!("no answer for {:?}", load::PATIENCE),
        _ => error.to_string(),
    }
}

fn counts_calls(scenario: &Scenario, peer: &Found, perf: bool) -> bool {
    (perf || peer.name == "netloop") && !matches!(scenario.load, Load::Idle | Load::Slow | Load::OpenLoop { .. })
}

fn sample(scenario: &Scenario, peer: &Found, core: Option<usize>, plan: Plan, effort: &Effort) -> Result<Sample, AnyError> {
    let mut server = Server::start(peer, scenario.kind, core)?;
    Ok(Sample { round: 0, measured: load::play(scenario.load, &mut server, plan, effort)? })
}

/// One line on the terminal that tells how far it is; in a file, a line for each round.
struct Progress {
    total: usize,
    done: usize,
    begun: Instant,
    last: String,
    terminal: bool,
}

impl Progress {
    fn new(total: usize) -> Self {
        Self { total, done: 0, begun: Instant::now(), last: String::new(), terminal: std::io::stderr().is_terminal() }
    }

    fn show(&mut self, scenario: &str, what: &str) {
        let now = format!("{scenario}, {what}");
        if self.last == now && !self.terminal {
            return;
        }
        let left = self.begun.elapsed().as_secs_f64() / self.done.max(1) as f64 * (self.total - self.done) as f64;
        let left = if self.done == 0 { String::new() } else { format!(", about {left:.0} s left") };
        let line = format!("[{:>3} %] {now}{left}", self.done * 100 / self.total.max(1));
        if self.terminal {
            eprint!("\r{line:<78}");
            let _ = std::io::stderr().flush();
        } else {
            eprintln!("{line}");
        }
        self.last = now;
    }

    fn step(&mut self) {
        self.done += 1;
    }

    fn end(&self) {
        if self.terminal {
            eprintln!("\r{:<78}", format!("done in {:.0} s", self.begun.elapsed().as_secs_f64()));
        }
    }
}
