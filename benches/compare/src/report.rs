//! From samples to a table: medians, spreads, ratios; Markdown and JSON.

use std::fmt::Write;
use std::path::Path;

use crate::charts;
use crate::plan::{Effort, PEERS, Scenario};
use crate::server::Measured;
use crate::system;

/// The figures of one server in one round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    pub(crate) round: usize,
    pub(crate) measured: Measured,
}

impl Sample {
    fn rate(&self) -> Option<f64> {
        Some(self.measured.operations as f64 / self.measured.seconds).filter(|rate| rate.is_finite())
    }

    /// Microseconds of processor an operation.
    fn cpu(&self) -> Option<f64> {
        let nanos = self.measured.server_nanos? as f64;
        Some(nanos / 1000.0 / self.measured.operations as f64).filter(|cpu| cpu.is_finite())
    }

    /// How much of its core the load has used.
    fn load(&self) -> Option<f64> {
        Some(self.measured.load_nanos? as f64 / 1e9 / self.measured.seconds)
    }
}

/// All samples of one scenario; the lists go along with `peers`.
#[derive(Debug)]
pub(crate) struct Results {
    pub(crate) scenario: &'static Scenario,
    pub(crate) peers: Vec<&'static str>,
    pub(crate) samples: Vec<Vec<Sample>>,
    pub(crate) calls: Vec<Option<f64>>,
    pub(crate) failures: Vec<Option<String>>,
}

/// A median and what the rounds were between.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

fn spread(values: impl Iterator<Item = f64>) -> Option<Spread> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let median = if values.len() % 2 == 1 {
        *values.get(middle)?
    } else {
        f64::midpoint(*values.get(middle.checked_sub(1)?)?, values[middle])
    };
    Some(Spread { median, least: values[0], most: *values.last()? })
}

impl Results {
    pub(crate) fn new(scenario: &'static Scenario, peers: impl Iterator<Item = &'static str>) -> Self {
        let peers: Vec<_> = peers.collect();
        let count = peers.len();
        Self { scenario, peers, samples: vec![Vec::new(); count], calls: vec![None; count], failures: vec![None; count] }
    }

    pub(crate) fn rate(&self, peer: usize) -> Option<Spread> {
        spread(self.samples[peer].iter().filter_map(Sample::rate))
    }

    pub(crate) fn cpu(&self, peer: usize) -> Option<Spread> {
        spread(self.samples[peer].iter().filter_map(Sample::cpu))
    }

    pub(crate) fn latency(&self, peer: usize, which: usize) -> Option<Spread> {
        spread(self.samples[peer].iter().filter_map(|sample| Some(sample.measured.latency?[which])))
    }

    pub(crate) fn bytes(&self, peer: usize) -> Option<Spread> {
        spread(self.samples[peer].iter().filter_map(|sample| sample.measured.bytes))
    }

    /// What the summary shows of a peer: bytes for memory, else processor time.
    pub(crate) fn figure(&self, peer: usize) -> Option<Spread> {
        self.bytes(peer).or_else(|| self.cpu(peer))
    }

    /// The median, over the rounds, of a peer's figure by another's in the same round.
    fn ratio(&self, peer: usize, other: &str) -> Option<f64> {
        let other = self.peers.iter().position(|name| *name == other)?;
        let figure = |sample: &Sample| sample.measured.bytes.or_else(|| sample.cpu());
        let ratios = self.samples[peer].iter().filter_map(|sample| {
            let same = self.samples[other].iter().find(|same| same.round == sample.round)?;
            Some(figure(sample)? / figure(same)?)
        });
        spread(ratios).map(|ratio| ratio.median)
    }
}

/// Three digits that count.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 9_999_500.0 => format!("{:.1} M", value / 1e6),
        size if size >= 999_500.0 => format!("{:.2} M", value / 1e6),
        size if size >= 10_000.0 => format!("{:.0} k", value / 1e3),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn cell(value: Option<f64>) -> String {
    value.map_or(String::new(), short)
}

/// A Markdown table whose columns stand under each other.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        for column in 0..columns {
            let cell = row.get(column).map_or("", String::as_str);
            let pad = " ".repeat(width(column).max(3) - cell.chars().count().min(width(column).max(3)));
            let _ = if column == 0 { write!(text, "| {cell}{pad} ") } else { write!(text, "| {pad}{cell} ") };
        }
        text += "|\n";
        if number == 0 {
            for column in 0..columns {
                let dashes = "-".repeat(width(column).max(3) - 1);
                let _ = if column == 0 { write!(text, "| {dashes}- ") } else { write!(text, "| {dashes}: ") };
            }
            text += "|\n";
        }
    }
    text
}

#[derive(Debug)]
pub(crate) struct Report {
    quick: bool,
    machine: String,
    effort: Effort,
    remarks: Vec<String>,
    results: Vec<Results>,
}

impl Report {
    pub(crate) fn new(quick: bool, machine: String, effort: Effort, remarks: Vec<String>, results: Vec<Results>) -> Self {
        Self { quick, machine, effort, remarks, results }
    }

    /// The files of the charts.
    pub(crate) fn charts(&self) -> Vec<&'static str> {
        charts::charts(&self.results).into_iter().map(|chart| chart.file).collect()
    }

    pub(crate) fn write(&self, folder: &Path) -> Result<(), crate::peers::AnyError> {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("report.md"), self.markdown())?;
        std::fs::write(folder.join("samples.json"), self.json())?;
        let (about, caution) = (self.about().replace('`', ""), self.caution());
        // What an earlier run has drawn would tell of that.
        for file in charts::FILES {
            let _ = std::fs::remove_file(folder.join(file));
        }
        for chart in charts::charts(&self.results) {
            chart.draw(folder, &about, caution)?;
        }
        Ok(())
    }

    /// In which scenarios a peer has failed, and how.
    pub(crate) fn failures_of(&self, peer: &str) -> Vec<String> {
        let failure = |results: &Results| {
            let at = results.peers.iter().position(|name| *name == peer)?;
            Some(format!("{}: {}", results.scenario.name, results.failures[at].as_ref()?))
        };
        self.results.iter().filter_map(failure).collect()
    }

    fn about(&self) -> String {
        let rounds = self.effort.rounds;
        let quick = if self.quick { " -- --quick" } else { "" };
        let (plural, window) = (if rounds == 1 { "" } else { "s" }, self.effort.window.as_millis());
        format!("{}, {}, `cargo bench{quick}`, {rounds} round{plural} of {window} ms", system::today(), self.machine)
    }

    /// How far the figures can be trusted.
    fn caution(&self) -> &'static str {
        if self.quick { "One short round: differences below a third are noise." } else { "" }
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("\n# netloop beside its peers\n\n{}\n\n", self.about());
        if self.quick {
            let _ = write!(text, "{}\n\n", self.caution());
        }
        for remark in &self.remarks {
            let _ = writeln!(text, "- {remark}");
        }
        for results in &self.results {
            let _ = write!(text, "\n## {}\n\n`{}`\n\n{}", results.scenario.title, results.scenario.name, details(results));
        }
        let _ = write!(
            text,
            "\n## Summary\n\nProcessor time of the server in µs an operation; resident bytes each in the rows of memory.\n\n{}{}",
            self.summary(),
            self.notes()
        );
        text
    }

    /// What the summary does not tell by itself.
    fn notes(&self) -> String {
        let ran = |peer: &str| self.results.iter().any(|results| results.peers.contains(&peer));
        let idle = self.results.iter().any(|results| results.scenario.name == "idle");
        let notes = [
            (
                ran("tokio-multi"),
                "tokio-multi has two workers on the one core of the server: what a second core would bring is not seen here.",
            ),
            (
                idle && (ran("tokio") || ran("smol")),
                "idle: 4096 of tokio's and smol's bytes are the buffer that the bench's own server holds while it waits.",
            ),
            (self.quick, self.caution()),
        ];
        let lines: String = notes.iter().filter(|(true_here, _)| *true_here).map(|(_, note)| format!("- {note}\n")).collect();
        if lines.is_empty() { lines } else { format!("\n{lines}") }
    }

    fn summary(&self) -> String {
        let ran = |name: &str| self.results.iter().any(|results| results.peers.contains(&name));
        let names: Vec<&str> = PEERS.iter().map(|peer| peer.name).filter(|name| ran(name)).collect();
        let head = ["scenario"].into_iter().chain(names.iter().copied()).map(str::to_owned);
        let head = head.chain(["× tokio".to_owned(), "× floor".to_owned()]).collect();
        let mut rows: Vec<Vec<String>> = vec![head];
        for results in &self.results {
            let mut row = vec![results.scenario.name.to_owned()];
            for name in &names {
                let peer = results.peers.iter().position(|peer| peer == name);
                row.push(match peer {
                    Some(peer) if results.failures[peer].is_some() => "failed".to_owned(),
                    Some(peer) => cell(results.figure(peer).map(|figure| figure.median)),
                    None => String::new(),
                });
            }
            let netloop = results.peers.iter().position(|name| *name == "netloop");
            for other in ["tokio", "floor"] {
                row.push(cell(netloop.and_then(|peer| results.ratio(peer, other))));
            }
            rows.push(row);
        }
        table(&rows)
    }

    /// All that was measured.
    fn json(&self) -> String {
        let number =
            |value: Option<f64>| value.filter(|value| value.is_finite()).map_or("null".to_owned(), |value| value.to_string());
        let whole = |value: Option<u64>| value.map_or("null".to_owned(), |value| value.to_string());
        let mut samples = Vec::new();
        for results in &self.results {
            for (at, peer) in results.peers.iter().enumerate() {
                for sample in &results.samples[at] {
                    let measured = &sample.measured;
                    let latency = measured.latency.map_or("null".to_owned(), |times| format!("{times:?}"));
                    samples.push(format!(
                        "{{\"scenario\":\"{}\",\"peer\":\"{peer}\",\"round\":{},\"operations\":{},\"seconds\":{},\"server_cpu_ns\":{},\
                         \"load_cpu_ns\":{},\"latency_us\":{latency},\"bytes\":{},\"calls_per_operation\":{}}}",
                        results.scenario.name,
                        sample.round,
                        measured.operations,
                        measured.seconds,
                        whole(measured.server_nanos),
                        whole(measured.load_nanos),
                        number(measured.bytes),
                        number(results.calls[at]),
                    ));
                }
            }
        }
        let about = self.about().replace(['\\', '"'], "'");
        format!("{{\"about\":\"{about}\",\"samples\":[\n{}\n]}}\n", samples.join(",\n"))
    }
}

/// The table of one scenario.
fn details(results: &Results) -> String {
    let unit = results.scenario.unit;
    let head = [
        "",
        &format!("{unit}/s"),
        "CPU µs",
        "spread",
        "× tokio",
        "× floor",
        "load busy",
        "calls",
        "p50 µs",
        "p99 µs",
        "p99.9 µs",
        "bytes",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let mut notes = String::new();
    for (at, peer) in results.peers.iter().enumerate() {
        if let Some(failure) = &results.failures[at] {
            let _ = writeln!(notes, "- {peer} has failed and is not timed: {failure}");
            continue;
        }
        for note in results.samples[at].iter().filter_map(|sample| sample.measured.note.as_ref()) {
            let _ = writeln!(notes, "- {peer}: {note}");
        }
        let figure = results.figure(at);
        let wide = figure.filter(|figure| figure.median > 0.0 && figure.most > figure.least);
        let rate = results.rate(at).filter(|_| results.bytes(at).is_none());
        let mut row = vec![(*peer).to_owned(), cell(rate.map(|rate| rate.median)), cell(results.cpu(at).map(|cpu| cpu.median))];
        row.push(wide.map_or(String::new(), |figure| format!("{}–{}", short(figure.least), short(figure.most))));
        row.push(cell(results.ratio(at, "tokio")));
        row.push(cell(results.ratio(at, "floor")));
        let load = spread(results.samples[at].iter().filter_map(Sample::load)).map(|load| load.median);
        row.push(load.map_or(String::new(), |load| format!("{:.0} %", load * 100.0)));
        row.push(cell(results.calls[at]));
        row.extend([0, 1, 2].map(|which| cell(results.latency(at, which).map(|time| time.median))));
        row.push(cell(results.bytes(at).map(|bytes| bytes.median)));
        rows.push(row);
    }
    let filled = |column: usize| column == 0 || rows.iter().skip(1).any(|row| !row[column].is_empty());
    let columns: Vec<usize> = (0..head.len()).filter(|&column| filled(column)).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(|row| columns.iter().map(|&column| row[column].clone()).collect()).collect();
    let space = if notes.is_empty() { "" } else { "\n" };
    format!("{}{space}{notes}", table(&rows))
}
