//! `cargo bench`: what a message may cost, and netloop beside its peers.
//!
//! ```text
//! cargo bench [-- [--quick] [SCENARIO …] [--peer NAME …] [--report FOLDER] [--list]]
//! cargo bench -- gates [--update]
//! cargo bench -- proxy-gigabyte [--quick]
//! ```
//!
//! The programs are a crate of their own in `benches/compare`, so that tokio, smol and the charts are built by nothing but this.

use std::path::Path;
use std::process::{Command, ExitCode};

/// What is no scenario and takes nothing but its option.
const ALONE: [(&str, &str, &str); 2] = [("gates", "gates", "--update"), ("proxy-gigabyte", "proxy_gigabyte", "--quick")];

fn main() -> ExitCode {
    if !cfg!(unix) {
        println!("the comparison needs a Unix: not run");
        return ExitCode::SUCCESS;
    }
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let alone = match alone(&arguments) {
        Ok(alone) => alone,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    // The program lies in `target/release/deps`.
    let program = std::env::current_exe().expect("the path of this program");
    let target = program.ancestors().nth(3).expect("a target folder");
    let built = run(Command::new(env!("CARGO")).args(build(&target.join("compare"))));
    if built != 0 {
        return ExitCode::from(built);
    }
    let programs = target.join("compare/release");
    let start = |name: &str, arguments: &[String]| run(Command::new(programs.join(name)).args(arguments));
    let report = ["--report".to_owned(), target.join("bench-report").to_string_lossy().into_owned()];
    let compare = || start("compare", &[&report, &arguments[..]].concat());
    let code = match alone {
        Some((word, program)) => {
            let options: Vec<String> = arguments.iter().filter(|argument| *argument != word).cloned().collect();
            start(program, &options)
        }
        None if arguments.iter().any(|argument| argument != "--quick") => compare(),
        // The table comes last, whatever failed before.
        None => [start("gates", &[]), start("proxy_gigabyte", &arguments), compare()].into_iter().max().unwrap_or(0),
    };
    ExitCode::from(code)
}

/// The word that stands alone, if there is one, and its program.
fn alone(arguments: &[String]) -> Result<Option<(&'static str, &'static str)>, String> {
    let Some((word, program, option)) = ALONE.into_iter().find(|(word, ..)| arguments.iter().any(|argument| argument == word))
    else {
        return Ok(None);
    };
    match arguments.iter().find(|argument| *argument != word && *argument != option) {
        None => Ok(Some((word, program))),
        Some(other) => Err(format!("{word} stands alone, without {other:?}: cargo bench -- {word} [{option}]")),
    }
}

fn build(target: &Path) -> Vec<String> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/compare/Cargo.toml");
    let target = target.to_string_lossy().into_owned();
    ["build", "--release", "--locked", "--manifest-path", manifest, "--target-dir", &target].map(str::to_owned).to_vec()
}

/// The exit code of a program.
fn run(command: &mut Command) -> u8 {
    match command.status() {
        Ok(status) => status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1),
        Err(error) => {
            eprintln!("{command:?}: {error}");
            1
        }
    }
}
