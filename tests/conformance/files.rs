//! What lies beside the harness: scripts with their deviations, traces, and the book's table.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::deviation::{self, Deviation};
use crate::table;

/// A scenario in Node: its trace and where netloop deviates.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// All objects are one list.
    pub(crate) in_order: bool,
    pub(crate) trace: Vec<String>,
    pub(crate) deviations: Vec<Deviation>,
}

/// Everything that was recorded, and what is wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) ids: BTreeMap<String, Recorded>,
    /// `26.10`.
    pub(crate) version: String,
    pub(crate) complaints: Vec<String>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Reads all of it; nothing that is missing goes unnoticed.
pub(crate) fn read() -> Files {
    let mut files = Files::default();
    let here = root().join("tests/conformance");
    let (scripts, traces) = (by_id(&here.join("scenarios"), "js"), by_id(&here.join("traces"), "txt"));
    let ids: BTreeSet<&String> = scripts.keys().chain(traces.keys()).collect();
    let mut versions = BTreeSet::new();
    for id in ids {
        match (scripts.get(id), traces.get(id)) {
            (Some(script), Some(trace)) => match read_one(id, script, trace) {
                Ok((version, recorded)) => {
                    versions.insert(version);
                    files.ids.insert(id.clone(), recorded);
                }
                Err(why) => files.complaints.push(format!("{id}: {why}")),
            },
            (Some(_), None) => files.complaints.push(format!("{id} has no traces/{id}.txt: record it")),
            _ => files.complaints.push(format!("{id} has no scenarios/{id}.js")),
        }
    }
    if versions.len() != 1 {
        files.complaints.push(format!("the traces are of several versions of Node, or of none: {versions:?}"));
    }
    files.version = versions.pop_first().unwrap_or_default();
    files.complaints.extend(check_table(&files.ids));
    files
}

fn by_id(folder: &Path, ending: &str) -> BTreeMap<String, PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let wanted = entries.filter(|path| path.extension().is_some_and(|end| end == ending));
    wanted.filter_map(|path| Some((path.file_stem()?.to_str()?.to_owned(), path))).collect()
}

fn read_one(id: &str, script: &Path, trace: &Path) -> Result<(String, Recorded), String> {
    let text = |path: &Path| fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()));
    let (script, trace) = (text(script)?, text(trace)?);
    if !script.lines().take(3).any(|line| line.starts_with(&format!("// {id}: "))) {
        return Err(format!("the script does not begin with `// {id}: title`"));
    }
    let mut lines = trace.lines();
    let version =
        lines.next().and_then(|line| line.strip_prefix("# node v")).ok_or("the trace does not begin with `# node v…`")?;
    let version = version.rsplit_once('.').map_or(version, |(major_minor, _)| major_minor).to_owned();
    let in_order = trace.lines().any(|line| line == "# in order");
    let trace = lines.filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
    Ok((version, Recorded { in_order, trace, deviations: deviation::parse(&script)? }))
}

fn check_table(ids: &BTreeMap<String, Recorded>) -> Vec<String> {
    let page = fs::read_to_string(root().join("docs/book/10-deviations.md")).unwrap_or_default();
    let deviations = ids.iter().flat_map(|(scenario, recorded)| {
        recorded.deviations.iter().map(move |deviation| (scenario.clone(), deviation.id.clone()))
    });
    match table::parse(&page) {
        Ok(rows) => table::complaints(root(), &rows, &deviations.collect()),
        Err(why) => vec![format!("the table of deviations: {why}")],
    }
}
