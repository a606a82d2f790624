//! The page of Node's own tests: every row is there, and names what exists or a reason.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// How many files Node has, and how their rows are covered here.
const ROWS: usize = 196;
const WHOLE: usize = 140;
const IN_PART: usize = 25;
/// By what the reason begins with.
const NOT_HERE: [(&str, usize); 4] = [("types make it impossible", 6), ("JavaScript only", 15), ("cluster", 6), ("http", 4)];

/// A row: the test of Node, what covers it, and why not all of it is.
#[derive(Debug, PartialEq)]
struct Row<'p> {
    test: &'p str,
    names: Vec<&'p str>,
    reason: Option<&'p str>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The rows of the tables about Node's tests; the others do not begin with `test-`.
fn rows(page: &str) -> Result<Vec<Row<'_>>, String> {
    page.lines().filter(|line| line.starts_with("| test-")).map(row).collect()
}

fn row(line: &str) -> Result<Row<'_>, String> {
    let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
    let [test, what, here] = cells[..] else {
        return Err(format!("not three cells: {line}"));
    };
    let (names, reason) = match here.split_once("not here: ") {
        Some((names, reason)) => (names.trim().trim_end_matches(';'), Some(reason)),
        None => (here, None),
    };
    let names: Vec<&str> = names.split(',').map(|name| name.trim().trim_matches('`')).filter(|name| !name.is_empty()).collect();
    if what.is_empty() || names.is_empty() && reason.is_none_or(str::is_empty) {
        return Err(format!("neither a name nor a reason: {line}"));
    }
    Ok(Row { test, names, reason })
}

/// What is wrong with a name; `None` if it is a scenario or a test that exists.
fn complaint(name: &str) -> Option<String> {
    if let Some(id) = name.strip_prefix("scenario ") {
        let here = root().join("tests/conformance");
        let is_there = |file: String| here.join(file).exists();
        let both = is_there(format!("scenarios/{id}.js")) && is_there(format!("traces/{id}.txt"));
        return (!both).then(|| format!("scenario {id} has no script or no trace"));
    }
    let Some((file, test)) = name.split_once("::").filter(|(file, _)| file.ends_with(".rs")) else {
        return Some(format!("`{name}` is neither `scenario ID` nor `tests/file.rs::name`"));
    };
    let text = fs::read_to_string(root().join(file)).unwrap_or_default();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let is_test = |at: usize| lines[..at].iter().rev().take_while(|line| line.starts_with("#[")).any(|line| *line == "#[test]");
    let start = format!("fn {test}(");
    let is_there = lines.iter().enumerate().any(|(at, line)| line.starts_with(&start) && is_test(at));
    (!is_there).then(|| format!("there is no test `{test}` in {file}"))
}

fn page() -> String {
    fs::read_to_string(root().join("docs/book/13-coverage.md")).expect("the page")
}

#[test]
fn every_test_of_node_has_one_row() {
    let page = page();
    let rows = rows(&page).expect("rows in order");
    let tests: BTreeSet<&str> = rows.iter().map(|row| row.test).collect();
    assert_eq!((rows.len(), tests.len()), (ROWS, ROWS), "each once");
    let whole = rows.iter().filter(|row| row.reason.is_none()).count();
    let in_part = rows.iter().filter(|row| row.reason.is_some() && !row.names.is_empty()).count();
    assert_eq!((whole, in_part), (WHOLE, IN_PART));
    let not_here: Vec<&str> = rows.iter().filter(|row| row.names.is_empty()).filter_map(|row| row.reason).collect();
    for (reason, count) in NOT_HERE {
        assert_eq!(not_here.iter().filter(|text| text.starts_with(reason)).count(), count, "{reason}");
    }
    assert_eq!(whole + in_part + not_here.len(), ROWS);
    assert_eq!(not_here.len(), NOT_HERE.iter().map(|(_, count)| count).sum());
}

#[test]
fn what_the_rows_name_exists() {
    let page = page();
    let rows = rows(&page).expect("rows in order");
    let mut complaints = Vec::new();
    for row in &rows {
        complaints.extend(row.names.iter().filter_map(|name| complaint(name)).map(|why| format!("{}: {why}", row.test)));
    }
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn the_check_knows_good_rows_from_bad_ones() {
    let text =
        "| test-a | x | scenario A01, `tests/a.rs::b`; not here: types |\n| word | y |\n| test-b | x | not here: http |\n";
    let both = rows(text).expect("two rows");
    assert_eq!(both[0], Row { test: "test-a", names: vec!["scenario A01", "tests/a.rs::b"], reason: Some("types") });
    assert_eq!(both[1], Row { test: "test-b", names: Vec::new(), reason: Some("http") });
    assert!(rows("| test-a | x | |").expect_err("empty").contains("neither a name nor a reason"));
    assert!(rows("| test-a | | scenario A01 |").is_err() && rows("| test-a | x |").is_err());
    assert_eq!(complaint("scenario A01"), None);
    assert_eq!(complaint("tests/coverage.rs::the_check_knows_good_rows_from_bad_ones"), None);
    assert!(complaint("scenario Z99").is_some_and(|why| why.contains("no script")));
    assert!(complaint("tests/coverage.rs::page").is_some_and(|why| why.contains("there is no test")));
    assert!(complaint("tests/nowhere.rs::x").is_some() && complaint("A01").is_some());
}
