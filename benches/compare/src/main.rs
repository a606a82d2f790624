//! netloop beside its peers: one table and a few charts, with one command.
//!
//! ```text
//! cargo bench [-- [--quick] [SCENARIO …] [--peer NAME …] [--report FOLDER] [--list]]
//! ```
//!
//! Servers are processes on one core, the load is this process on another. What is measured, and how, is in chapter 14 of
//! netloop's book.

mod charts;
mod load;
mod peers;
mod plan;
mod report;
mod run;
mod server;
mod system;

use std::path::PathBuf;
use std::process::ExitCode;

use peers::AnyError;
use plan::{Kind, PEERS, SCENARIOS};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words[..] {
        ["--pinned", core, "--serve", peer, kind] => serve(core, peer, kind, None),
        ["--pinned", core, "--serve", peer, kind, upstream] => serve(core, peer, kind, Some(upstream)),
        ["--pinned", core, "--execute", program, ref rest @ ..] => execute(core, program, rest),
        _ => match choose(&words) {
            Ok(Some(choice)) => run::run(&choice),
            Ok(None) => Ok(()),
            Err(message) => {
                eprintln!("{message}");
                return ExitCode::from(2);
            }
        },
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// What is to be run.
pub(crate) struct Choice {
    pub(crate) quick: bool,
    /// Scenarios or peers were named: not all there are.
    pub(crate) narrowed: bool,
    pub(crate) scenarios: Vec<&'static plan::Scenario>,
    pub(crate) peers: Vec<&'static plan::Peer>,
    pub(crate) report: PathBuf,
}

fn choose(words: &[&str]) -> Result<Option<Choice>, String> {
    let (mut scenarios, mut peers, mut quick, mut report) =
        (Vec::new(), Vec::new(), false, PathBuf::from("target/bench-report"));
    let mut words = words.iter();
    while let Some(&word) = words.next() {
        match word {
            // What cargo adds.
            "--bench" => {}
            "--quick" => quick = true,
            "--list" | "--help" => {
                println!("{}", known());
                return Ok(None);
            }
            "--report" => report = words.next().ok_or_else(|| wrong("--report asks for a folder"))?.into(),
            "--peer" => {
                let name = words.next().filter(|word| !word.starts_with('-'));
                let &name = name.ok_or_else(|| wrong("--peer asks for a name"))?;
                let peer = PEERS.iter().find(|peer| peer.name == name);
                peers.push(peer.ok_or_else(|| wrong(&format!("there is no peer {name:?}")))?);
            }
            option if option.starts_with('-') => return Err(wrong(&format!("there is no option {option:?}"))),
            name => {
                let scenario = SCENARIOS.iter().find(|scenario| scenario.name == name);
                scenarios.push(scenario.ok_or_else(|| wrong(&format!("there is no scenario {name:?}")))?);
            }
        }
    }
    // It is not what the report of all is.
    let narrowed = !scenarios.is_empty() || !peers.is_empty();
    if narrowed {
        report.push("narrowed");
    }
    if scenarios.is_empty() {
        scenarios = SCENARIOS.iter().collect();
    }
    if peers.is_empty() {
        peers = PEERS.iter().collect();
    }
    Ok(Some(Choice { quick, narrowed, scenarios, peers, report }))
}

/// The right names.
fn known() -> String {
    let mut text = "scenarios:\n".to_owned();
    for scenario in &SCENARIOS {
        text += &format!("  {:<16} {}\n", scenario.name, scenario.title);
    }
    text += "  gates            what one message may cost in instructions, system calls, allocations; alone\n";
    text += "  proxy-gigabyte   a gigabyte each way through a proxy, with its bounds checked; alone\n";
    text += "peers:\n";
    for peer in &PEERS {
        text += &format!("  {:<16} {}\n", peer.name, peer.about);
    }
    text + "options: --quick, --peer NAME, --report FOLDER, --list; gates --update"
}

/// The reason comes last, where it is seen.
fn wrong(reason: &str) -> String {
    format!("{}\n\n{reason}", known())
}

fn pin(core: &str) {
    if let Ok(core) = core.parse() {
        system::pin(core);
    }
}

fn serve(core: &str, peer: &str, kind: &str, upstream: Option<&str>) -> Result<(), AnyError> {
    pin(core);
    let kind = Kind::named(kind).ok_or("no such server")?;
    let upstream = upstream.map(|port| port.parse().map(|port: u16| ([127, 0, 0, 1], port).into())).transpose()?;
    peers::serve(peer, kind, upstream)
}

/// Becomes another program, on one core.
fn execute(core: &str, program: &str, arguments: &[&str]) -> Result<(), AnyError> {
    use std::os::unix::process::CommandExt;

    pin(core);
    Err(std::process::Command::new(program).args(arguments).exec().into())
}
