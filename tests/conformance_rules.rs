//! The rules of `tests/conformance` for deviations, on texts made for the purpose: each violation is noticed.

#[path = "conformance/deviation.rs"]
mod deviation;
#[path = "conformance/table.rs"]
mod table;

use std::collections::BTreeSet;
use std::path::Path;

fn trace(text: &str) -> Vec<String> {
    text.split(", ").map(str::to_owned).collect()
}

/// Node's trace with the deviation of a script.
fn patched(script: &str, before: &str) -> Result<String, String> {
    let deviations = deviation::parse(script)?;
    assert_eq!(deviations.len(), 1, "{script}");
    deviations[0].apply(&trace(before), false).map(|after| after.join(", "))
}

#[test]
fn a_deviation_changes_the_lines_it_names() {
    let before = "C a, C b, S a, S b, S a, S c";
    let after = |script| patched(script, before);
    assert_eq!(after("// deviation Q-01: x\n//   S b\n// - S a\n// + S d\n"), Ok("C a, C b, S a, S b, S d, S c".to_owned()));
    assert_eq!(after("// deviation Q-01: x\n// - C a\n// - S c\n"), Ok("C b, S a, S b, S a".to_owned()));
    assert_eq!(after("// deviation Q-01: x\n// - S b\n// @\n// - S c\n"), Ok("C a, C b, S a, S a".to_owned()));
    assert_eq!(after("// deviation Q-01: x\n// + D new\n"), Ok("C a, C b, D new, S a, S b, S a, S c".to_owned()));
}

#[test]
fn a_deviation_that_does_not_apply_is_an_error() {
    let why = |script| patched(script, "S a, S b, S a").expect_err(script);
    assert!(why("// deviation Q-01: x\n// - S c\n").contains("do not stand in a row"));
    assert!(why("// deviation Q-01: x\n// - S b\n// - S b\n").contains("do not stand in a row"));
    assert!(why("// deviation Q-01: x\n// - S a\n").contains("more than once"));
    assert!(why("// deviation Q-01: x\n// + S c\n").contains("where do the new lines"));
    assert!(why("// deviation Q-01: x\n// - S b\n// + S b\n").contains("changes nothing"));
    assert!(why("// deviation Q-01: x\n//   S b\n").contains("changes nothing"));
    assert!(why("// deviation Q-01: x\n\n// - S b\n").contains("has no lines"));
    assert!(why("// deviation Q-01: x\n// S b\n").contains("begins with neither"));
    assert!(why("// deviation Q-01\n// - S b\n").contains("is not `// deviation ID: reason`"));
}

#[test]
fn the_table_and_the_deviations_belong_together() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let complaints = |shown: &str, deviates: bool| {
        let rows =
            table::parse(&format!("| id | Node | shown by |\n| --- | --- | --- |\n| Q-05 | x | {shown} |\n")).expect(shown);
        let deviations = BTreeSet::from_iter(deviates.then(|| ("C20".to_owned(), "Q-05".to_owned())));
        table::complaints(root, &rows, &deviations).join("; ")
    };
    let own = "tests/conformance_rules.rs::the_table_and_the_deviations_belong_together";
    assert_eq!(complaints(&format!("scenario C20, `{own}`"), true), "");
    assert_eq!(complaints("scenario C20", false), "row Q-05: C20 does not deviate under Q-05");
    assert_eq!(
        complaints("`tests/conformance_rules.rs::trace`", true),
        "row Q-05: there is no test `trace` in tests/conformance_rules.rs"
    );
    assert_eq!(complaints("`tests/nowhere.rs::x`", true), "row Q-05: there is no test `x` in tests/nowhere.rs");
    assert!(complaints("", true).contains("neither `scenario ID` nor"));
    let rows = table::parse(&format!("| D-01 | x | {own} |\n")).expect("a row");
    let deviations = BTreeSet::from([("C20".to_owned(), "Q-05".to_owned())]);
    assert_eq!(table::complaints(root, &rows, &deviations), ["C20 deviates under Q-05, which has no row"]);
}

#[test]
fn a_table_without_ids_is_an_error() {
    assert!(table::parse("| Node | here | why |\n").expect_err("no id").contains("is no id"));
    assert!(table::parse("| Q-01 | x |\n| Q-01 | y |\n").expect_err("twice").contains("two rows"));
    assert!(table::parse("no table").is_err());
}
