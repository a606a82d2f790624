//! Two traces side by side, object by object.

use std::collections::BTreeSet;

/// The objects whose lines differ: ` ` both, `-` only in Node (deviations applied), `+` only here.
pub(crate) fn diff(expected: &[String], got: &[String], in_order: bool) -> String {
    if in_order {
        return format!("  the whole, - Node, + here:\n{}", lines(expected, got));
    }
    let name = |line: &String| line.split(' ').next().unwrap_or("").to_owned();
    let of = |trace: &[String], object: &str| trace.iter().filter(|line| name(line) == object).cloned().collect::<Vec<_>>();
    let objects: BTreeSet<String> = expected.iter().chain(got).map(name).collect();
    let pairs = objects.into_iter().map(|object| (of(expected, &object), of(got, &object), object));
    let different = pairs.filter(|(expected, got, _)| expected != got);
    different.map(|(expected, got, object)| format!("  {object}, - Node, + here:\n{}", lines(&expected, &got))).collect()
}

fn lines(expected: &[String], got: &[String]) -> String {
    // Length of the longest common part of what begins at (i, j).
    let mut common = vec![vec![0; got.len() + 1]; expected.len() + 1];
    for i in (0..expected.len()).rev() {
        for j in (0..got.len()).rev() {
            let longer = common[i + 1][j].max(common[i][j + 1]);
            common[i][j] = if expected[i] == got[j] { common[i + 1][j + 1] + 1 } else { longer };
        }
    }
    let (mut i, mut j, mut text) = (0, 0, String::new());
    while i < expected.len() || j < got.len() {
        let (mark, line) = if i < expected.len() && j < got.len() && expected[i] == got[j] {
            (i, j) = (i + 1, j + 1);
            (' ', &expected[i - 1])
        } else if j == got.len() || i < expected.len() && common[i + 1][j] >= common[i][j + 1] {
            i += 1;
            ('-', &expected[i - 1])
        } else {
            j += 1;
            ('+', &got[j - 1])
        };
        text.push_str(&format!("    {mark} {line}\n"));
    }
    text
}
