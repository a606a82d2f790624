//! The table of deviations in the book: every row has an id and names what shows it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The rows by id, each with what shows it: `scenario C20` or `tests/file.rs::name`.
pub(crate) fn parse(page: &str) -> Result<BTreeMap<String, Vec<String>>, String> {
    let mut rows = BTreeMap::new();
    for line in page.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        let (id, last) = (cells[0], cells[cells.len() - 1]);
        if id.is_empty() || id == "id" || id.starts_with("---") {
            continue;
        }
        if !is_id(id) {
            return Err(format!("the first cell is no id: {line}"));
        }
        let shown: Vec<String> = last.split(',').map(|text| text.trim().trim_matches('`').to_owned()).collect();
        if rows.insert(id.to_owned(), shown).is_some() {
            return Err(format!("{id} has two rows"));
        }
    }
    if rows.is_empty() { Err("no rows".to_owned()) } else { Ok(rows) }
}

fn is_id(text: &str) -> bool {
    let number = text.strip_prefix("Q-").or_else(|| text.strip_prefix("D-"));
    number.is_some_and(|digits| digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What does not hold between the table and the scenarios' deviations (scenario, id).
pub(crate) fn complaints(
    root: &Path,
    rows: &BTreeMap<String, Vec<String>>,
    deviations: &BTreeSet<(String, String)>,
) -> Vec<String> {
    let unknown = deviations.iter().filter(|(_, id)| !rows.contains_key(id));
    let mut complaints: Vec<_> =
        unknown.map(|(scenario, id)| format!("{scenario} deviates under {id}, which has no row")).collect();
    for (id, shown) in rows {
        for what in shown {
            complaints.extend(complaint(root, id, what, deviations).map(|why| format!("row {id}: {why}")));
        }
    }
    complaints
}

fn complaint(root: &Path, id: &str, what: &str, deviations: &BTreeSet<(String, String)>) -> Option<String> {
    if let Some(scenario) = what.strip_prefix("scenario ") {
        let deviates = deviations.contains(&(scenario.to_owned(), id.to_owned()));
        return (!deviates).then(|| format!("{scenario} does not deviate under {id}"));
    }
    let Some((file, name)) = what.split_once("::").filter(|(file, _)| file.ends_with(".rs")) else {
        return Some(format!("`{what}` is neither `scenario ID` nor `tests/file.rs::name`"));
    };
    let text = std::fs::read_to_string(root.join(file)).unwrap_or_default();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let is_there = lines.iter().position(|line| line.starts_with(&format!("fn {name}("))).is_some_and(|at| {
        let attributes = lines[..at].iter().rev().take_while(|line| line.starts_with("#["));
        attributes.into_iter().any(|line| *line == "#[test]")
    });
    (!is_there).then(|| format!("there is no test `{name}` in {file}"))
}
