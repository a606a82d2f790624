//! `cargo bench`: what a message may cost, and netloop beside its peers.
//!
//! ```text
//! cargo bench [-- [--quick] [SCENARIO …] [--peer NAME …] [--list]]
//! cargo bench -- gates [--update]
//! cargo bench -- proxy-gigabyte
//! ```
//!
//! The programs are a crate of their own in `benches/compare`, so that tokio, smol and the charts are built by nothing but this.

use std::path::Path;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    if !cfg!(unix) {
        println!("the comparison needs a Unix: not run");
        return ExitCode::SUCCESS;
    }
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    // The program lies in `target/release/deps`.
    let program = std::env::current_exe().expect("the path of this program");
    let target = program.ancestors().nth(3).expect("a target folder");
    if !run(Command::new(env!("CARGO")).args(build(&target.join("compare")))) {
        return ExitCode::FAILURE;
    }
    let programs = target.join("compare/release");
    let report = target.join("bench-report");
    let is = |name: &str| arguments.first().is_some_and(|first| first == name);
    let gates = || run(Command::new(programs.join("gates")).args(arguments.iter().filter(|argument| *argument != "gates")));
    let gigabyte =
        || run(Command::new(programs.join("proxy_gigabyte")).args(arguments.iter().filter(|word| *word == "--quick")));
    let compare = || run(Command::new(programs.join("compare")).args(&arguments).arg("--report").arg(&report));
    let narrowed = arguments.iter().any(|argument| argument != "--quick");
    let passed = match () {
        () if is("gates") => gates(),
        () if is("proxy-gigabyte") => gigabyte(),
        () if narrowed => compare(),
        // The table comes last, whatever failed before.
        () => [gates(), gigabyte(), compare()].iter().all(|passed| *passed),
    };
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn build(target: &Path) -> Vec<String> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/compare/Cargo.toml");
    let target = target.to_string_lossy().into_owned();
    ["build", "--release", "--locked", "--manifest-path", manifest, "--target-dir", &target].map(str::to_owned).to_vec()
}

fn run(command: &mut Command) -> bool {
    match command.status() {
        Ok(status) => status.success(),
        Err(error) => {
            eprintln!("{command:?}: {error}");
            false
        }
    }
}
