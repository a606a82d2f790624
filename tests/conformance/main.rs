//! Conformance: the scenarios of `scenarios/*.js`, run against netloop, give the traces that Node gave (`traces/*.txt`).
//!
//! `cargo test --test conformance` runs all of them, `-- B07` those whose id begins so. README.md tells how to write one.

mod attempts;
mod case;
mod connect;
mod data;
mod deviation;
mod diff;
mod ending;
mod failing;
mod files;
mod lookup;
mod modes;
mod phases;
mod resetting;
mod server;
mod table;
mod timing;
mod trace;
mod turns;
mod unconnected;
#[path = "../util/mod.rs"]
mod util;
mod variants;

use std::collections::BTreeMap;
use std::process::ExitCode;

use case::{Case, Ran};
use files::Recorded;

/// Id, title, and what sets it up.
type Scenario = (&'static str, &'static str, fn(&mut Case));

const ALL: [&[Scenario]; 14] = [
    server::SCENARIOS,
    connect::SCENARIOS,
    unconnected::SCENARIOS,
    attempts::SCENARIOS,
    lookup::SCENARIOS,
    data::SCENARIOS,
    ending::SCENARIOS,
    failing::SCENARIOS,
    resetting::SCENARIOS,
    turns::SCENARIOS,
    variants::SCENARIOS,
    phases::SCENARIOS,
    timing::SCENARIOS,
    modes::SCENARIOS,
];

/// What libtest's flags ask for, as far as it matters here.
#[derive(Debug, Default)]
struct Wanted {
    list: bool,
    ignored: bool,
    only: Vec<String>,
    skip: Vec<String>,
}

impl Wanted {
    fn from_args() -> Self {
        let (mut wanted, mut args) = (Self::default(), std::env::args().skip(1));
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--list" => wanted.list = true,
                "--ignored" => wanted.ignored = true,
                "--skip" => wanted.skip.extend(args.next()),
                "--test-threads" | "--color" | "--format" | "--logfile" | "--shuffle-seed" | "-Z" => drop(args.next()),
                flag if flag.starts_with('-') => {}
                _ => wanted.only.push(arg),
            }
        }
        wanted
    }

    fn has(&self, id: &str) -> bool {
        let begins = |text: &String| id.starts_with(text.as_str());
        !self.ignored && (self.only.is_empty() || self.only.iter().any(begins)) && !self.skip.iter().any(begins)
    }

    fn is_all(&self) -> bool {
        !self.ignored && self.only.is_empty()
    }
}

/// How many ran, how many were equal, how many of these deviate as documented, and what went wrong besides.
#[derive(Debug, Default)]
struct Count {
    ran: usize,
    equal: usize,
    deviating: usize,
    failed: Vec<String>,
}

fn main() -> ExitCode {
    let wanted = Wanted::from_args();
    let (mut scenarios, mut count) = (BTreeMap::new(), Count::default());
    for &(id, title, setup) in ALL.into_iter().flatten() {
        if scenarios.insert(id, (title, setup)).is_some() {
            count.failed.push(format!("{id} is there twice"));
        }
    }
    scenarios.retain(|id, _| wanted.has(id));
    if wanted.list {
        scenarios.keys().for_each(|id| println!("{id}: test"));
        println!("\n{} tests, 0 benchmarks", scenarios.len());
        return ExitCode::SUCCESS;
    }
    let recorded = files::read();
    count.failed.extend(recorded.complaints);
    if wanted.is_all() {
        let known: Vec<&str> = ALL.into_iter().flatten().map(|(id, _, _)| *id).collect();
        let unknown = recorded.ids.keys().filter(|id| !known.contains(&id.as_str()));
        count.failed.extend(unknown.map(|id| format!("{id} has no function here")));
    }
    for (id, (title, setup)) in scenarios {
        match recorded.ids.get(id) {
            Some(recorded) => run_one(id, title, setup, recorded, &mut count),
            None => count.failed.push(format!("{id} has neither a script nor a trace")),
        }
    }
    for why in &count.failed {
        println!("FAILED: {why}");
    }
    let Count { ran, equal, deviating, .. } = count;
    println!("{ran} scenarios, {equal} equal to Node {}, {deviating} documented deviations", recorded.version);
    if count.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run_one(id: &str, title: &str, setup: fn(&mut Case), recorded: &Recorded, count: &mut Count) {
    let deviates = if recorded.deviations.is_empty() { "" } else { " (deviates)" };
    let outcome = match case::run(setup) {
        Ran::Skipped(reason) => return println!("{id} skipped: {reason}"),
        Ran::Done(trace) => compare(recorded, &trace),
        Ran::Failed(why, trace) => Err(format!("  {why}\n{}", compare(recorded, &trace).err().unwrap_or_default())),
    };
    if let Err(why) = &outcome
        && lacks_reset(why)
        && !util::resets_arrive()
    {
        return println!("{id} skipped: a reset looks like an end");
    }
    count.ran += 1;
    match outcome {
        Ok(()) => {
            println!("{id} ok  {title}{deviates}");
            count.equal += 1;
            count.deviating += usize::from(!recorded.deviations.is_empty());
        }
        Err(why) => {
            println!("{id} FAILED  {title}{deviates}\n{}", why.trim_end());
            count.failed.push(id.to_owned());
        }
    }
}

/// Whether something is missing that only a reset brings about.
fn lacks_reset(why: &str) -> bool {
    let mut missing = why.lines().filter(|line| line.trim_start().starts_with("- "));
    missing.any(|line| line.contains("ECONNRESET") || line.contains("EPIPE"))
}

fn compare(recorded: &Recorded, trace: &trace::Trace) -> Result<(), String> {
    let mut expected = recorded.trace.clone();
    for deviation in &recorded.deviations {
        expected = deviation.apply(&expected, recorded.in_order).map_err(|why| format!("  {why}"))?;
    }
    let got = trace.lines(recorded.in_order);
    if got == expected { Ok(()) } else { Err(diff::diff(&expected, &got, recorded.in_order)) }
}
