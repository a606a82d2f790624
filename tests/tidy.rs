//! What the pages demand of the text and a program can check: layers, sizes, first lines, links, forbidden words.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The parts of `src`, from the bottom to the top: a file may import what stands before its own part. So there is no circle.
const LAYERS: [&str; 8] = ["code", "address", "sys", "error", "codec", "event_loop", "stream", "net"];

const MAX_FILE: usize = 600;
const MAX_FUNCTION: usize = 70;
const MAX_ARCHITECTURE: usize = 150;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files below a folder of the package with one of the endings, in order; none if there is no such folder.
fn files(folder: &str, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| endings.iter().any(|ending| end == *ending)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<PathBuf> {
    let sources = files("src", &["rs"]);
    assert!(sources.len() > 30, "only {} files found in src", sources.len());
    sources
}

/// Everything that is compiled.
fn programs() -> Vec<PathBuf> {
    ["src", "tests", "examples", "benches"].iter().flat_map(|folder| files(folder, &["rs"])).collect()
}

/// The pages of the project and the chapters of the book.
fn pages() -> Vec<PathBuf> {
    let pages = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|page| root().join(page));
    let chapters = files("docs", &["md"]);
    assert!(chapters.len() >= 10, "only {} chapters found", chapters.len());
    pages.into_iter().chain(chapters).collect()
}

/// A path inside the package, with slashes on every system.
fn name(path: &Path) -> String {
    let path = path.strip_prefix(root()).expect("inside the package");
    path.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// The lines of a program without comments, with their numbers.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim_start()));
    lines.filter(|(_, line)| !line.starts_with("//"))
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = at.checked_sub(1).map(|at| line.as_bytes()[at]);
        let after = line.as_bytes().get(at + word.len()).copied();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

#[track_caller]
fn check(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// The modules or re-exported items that a line names after `crate::`.
fn crate_paths(line: &str) -> Vec<&str> {
    let names = line.split("crate::").skip(1);
    names.map(|rest| &rest[..rest.bytes().take_while(|&byte| is_word(byte)).count()]).collect()
}

/// The module an item that `lib.rs` re-exports comes from.
fn home<'l>(lib: &'l str, item: &str) -> Option<&'l str> {
    let exports = lib.split("pub use self::").skip(1);
    exports.filter_map(|export| export.split_once(';')).find_map(|(export, _)| {
        let (module, items) = export.split_once("::")?;
        has_word(items, item).then_some(module)
    })
}

/// Why a file of `module` may not import from `other`; `None` if it may.
fn wrong_import(module: &str, other: &str) -> Option<String> {
    let level = |name| LAYERS.iter().position(|&layer| layer == name);
    match (level(module), level(other)) {
        _ if module == other => None,
        (Some(from), Some(to)) if to < from => None,
        _ => Some(format!("{module} imports {other}")),
    }
}

#[test]
fn imports_point_down() {
    let lib = read(&root().join("src/lib.rs"));
    let (mut complaints, mut seen) = (Vec::new(), 0);
    for path in sources() {
        let file = name(&path);
        let module = file.trim_start_matches("src/").split(['/', '.']).next().expect("a first part").to_owned();
        if module == "lib" || module == "book" {
            continue;
        }
        for (at, line) in code(&read(&path)).map(|(at, line)| (at, line.to_owned())) {
            for found in crate_paths(&line) {
                seen += 1;
                if found.is_empty() {
                    complaints.push(format!("{file}:{at}: `crate::{{…}}` hides the layers, one line each: {line}"));
                    continue;
                }
                let other = home(&lib, found).unwrap_or(found);
                complaints.extend(wrong_import(&module, other).map(|why| format!("{file}:{at}: {why}: {line}")));
            }
        }
    }
    assert!(seen > 50, "only {seen} imports found");
    check(&complaints);
}

/// `crate::` is the only way to another layer, so that the check above sees all of them.
#[test]
fn no_layer_reaches_another_through_super() {
    let mut complaints = Vec::new();
    for path in sources() {
        let file = name(&path);
        let depth = file.split('/').count() - 2 + usize::from(!file.ends_with("/mod.rs"));
        for (at, line) in read(&path).lines().enumerate() {
            let steps = line.matches("super::").count();
            // One step out of `mod tests` stays in the file.
            if !line.starts_with(' ') && !line.starts_with("//") && line.contains("super::super::") && steps >= depth {
                complaints.push(format!("{file}:{}: {line}", at + 1));
            }
            if depth <= 1 && line.starts_with("use super::") {
                complaints.push(format!("{file}:{}: {line}", at + 1));
            }
        }
    }
    check(&complaints);
}

#[test]
fn the_import_check_knows_up_from_down() {
    assert_eq!(wrong_import("net", "stream"), None);
    assert_eq!(wrong_import("stream", "sys"), None);
    assert_eq!(wrong_import("error", "sys"), None);
    assert_eq!(wrong_import("stream", "net"), Some("stream imports net".to_owned()));
    assert_eq!(wrong_import("sys", "event_loop"), Some("sys imports event_loop".to_owned()));
    assert_eq!(wrong_import("error", "net"), Some("error imports net".to_owned()));
    assert_eq!(crate_paths("use crate::net::Socket; crate::Result<()>"), ["net", "Result"]);
    assert_eq!(home("pub use self::net::{\n    Handle, Socket,\n};", "Socket"), Some("net"));
}

#[test]
fn every_program_begins_with_its_purpose() {
    let missing = programs().into_iter().filter(|path| !read(path).starts_with("//! "));
    check(&missing.map(|path| format!("{}: no `//!` line", name(&path))).collect::<Vec<_>>());
}

#[test]
fn no_file_is_too_long() {
    let long = programs().into_iter().map(|path| (read(&path).lines().count(), path)).filter(|(lines, _)| *lines > MAX_FILE);
    check(&long.map(|(lines, path)| format!("{}: {lines} lines", name(&path))).collect::<Vec<_>>());
}

/// The name of the function that begins in a line.
fn function(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    if rest.starts_with("pub(") {
        rest = rest.split_once(") ")?.1;
    }
    for word in ["pub ", "const ", "async ", "default "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    let rest = rest.strip_prefix("fn ")?;
    Some(&rest[..rest.bytes().take_while(|&byte| is_word(byte)).count()])
}

/// The functions of a formatted program with their first line and their length.
fn functions(text: &str) -> Vec<(usize, &str, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = function(line) else {
            continue;
        };
        let indent = &line[..line.len() - line.trim_start().len()];
        let is_last = |line: &&str| {
            line.strip_prefix(indent).is_some_and(|line| line.starts_with('}') || line.starts_with(") ") && line.ends_with(';'))
        };
        if line.ends_with([';', '}']) {
            found.push((at + 1, name, 1));
        } else if let Some(more) = lines[at + 1..].iter().position(is_last) {
            found.push((at + 1, name, more + 2));
        }
    }
    found
}

#[test]
fn no_function_is_too_long() {
    let (mut complaints, mut seen) = (Vec::new(), 0);
    for path in programs() {
        let text = read(&path);
        let functions = functions(&text);
        seen += functions.len();
        let long = functions.into_iter().filter(|(_, _, length)| *length > MAX_FUNCTION);
        complaints.extend(long.map(|(at, function, length)| format!("{}:{at}: {function}: {length} lines", name(&path))));
    }
    assert!(seen > 500, "only {seen} functions found");
    check(&complaints);
}

#[test]
fn the_length_of_a_function_is_measured_from_its_name_to_its_brace() {
    let text = "fn short() {}\npub(crate) fn long(\n    a: u8,\n) -> u8 {\n    a\n}\ntrait T {\n    fn no_body(&self);\n}\n";
    assert_eq!(functions(text), [(1, "short", 1), (2, "long", 5), (8, "no_body", 1)]);
}

#[test]
fn nothing_is_unsafe() {
    let mut complaints = Vec::new();
    for path in sources() {
        let text = read(&path);
        let found = code(&text).filter(|(_, line)| has_word(line, concat!("un", "safe")));
        complaints.extend(found.map(|(at, line)| format!("{}:{at}: {line}", name(&path))));
    }
    check(&complaints);
    let manifest = read(&root().join("Cargo.toml"));
    assert!(manifest.lines().any(|line| line == r#"unsafe_code = "forbid""#), "the lint is gone");
}

/// A file is chosen by platform, a line inside a function is not; descriptors for the outside are the one exception.
#[test]
fn only_sys_knows_the_platform() {
    let mut complaints = Vec::new();
    for path in sources() {
        let file = name(&path);
        if file.starts_with("src/sys/") || file == "src/net/interop.rs" {
            continue;
        }
        let text = read(&path);
        let systems = ["unix", "windows", "target_os", "target_family", "target_vendor"];
        let found = code(&text)
            .filter(|(_, line)| has_word(line, "cfg") || has_word(line, "cfg_attr"))
            .filter(|(_, line)| systems.iter().any(|system| has_word(line, system)));
        complaints.extend(found.map(|(at, line)| format!("{file}:{at}: {line}")));
    }
    check(&complaints);
}

#[test]
fn the_readme_names_the_test_command_that_ci_runs() {
    let command = "cargo test";
    let readme = read(&root().join("README.md"));
    assert!(readme.lines().any(|line| line == command), "README.md does not give `{command}` on a line of its own");
    let run = read(&root().join(".ci/run"));
    assert!(run.lines().any(|line| line.trim() == command), ".ci/run does not run `{command}`");
}

/// The targets of a page's links.
fn links(text: &str) -> Vec<&str> {
    let ends = text.split("](").skip(1);
    ends.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target).collect()
}

#[test]
fn relative_links_lead_somewhere() {
    let (mut complaints, mut seen) = (Vec::new(), 0);
    for path in pages() {
        let text = read(&path);
        for target in links(&text) {
            seen += 1;
            // An item path is rustdoc's to check.
            let is_elsewhere = target.contains("://") || target.contains("::") || target.starts_with('#');
            let file = target.split('#').next().unwrap_or_default();
            let exists = path.parent().is_some_and(|folder| folder.join(file).exists());
            if !is_elsewhere && !exists {
                complaints.push(format!("{}: {target}", name(&path)));
            }
        }
    }
    assert!(seen > 50, "only {seen} links found");
    check(&complaints);
}

/// In the book a link to a file would be dead in rustdoc: chapters link to chapters and items by path.
#[test]
fn chapters_link_by_path() {
    let mut complaints = Vec::new();
    for path in files("docs/book", &["md"]) {
        let text = read(&path);
        let found = links(&text).into_iter().filter(|target| target.contains(".md") && !target.contains("://"));
        complaints.extend(found.map(|target| format!("{}: {target}", name(&path))));
    }
    check(&complaints);
}

#[test]
fn every_chapter_is_compiled() {
    let book = read(&root().join("src/book.rs"));
    let missing = files("docs/book", &["md"]).into_iter().map(|path| name(&path));
    let missing = missing.filter(|chapter| !book.contains(&format!("include_str!(\"../{chapter}\")")));
    check(&missing.map(|chapter| format!("{chapter} is not in src/book.rs")).collect::<Vec<_>>());
}

#[test]
fn the_code_map_names_every_file_and_folder() {
    let map = read(&root().join("ARCHITECTURE.md"));
    let lines = map.lines().count();
    assert!(lines < MAX_ARCHITECTURE, "ARCHITECTURE.md has {lines} lines");
    let mut wanted = BTreeSet::new();
    for path in sources() {
        let file = name(&path);
        if !file.ends_with("mod.rs") {
            wanted.insert(format!("`{}`", file.rsplit('/').next().unwrap_or(&file)));
        }
        wanted.extend(file.rsplit_once('/').map(|(folder, _)| format!("`{folder}/`")));
    }
    check(&wanted.into_iter().filter(|name| !map.contains(name)).collect::<Vec<_>>());
}

#[test]
fn no_forbidden_words() {
    let words = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("unimplemented", "!"), concat!("/wo", "rk/")];
    let mut complaints = Vec::new();
    for path in programs().into_iter().chain(pages()).chain([root().join("Cargo.toml")]) {
        for (at, line) in read(&path).lines().enumerate() {
            if let Some(word) = words.iter().find(|word| line.contains(*word)) {
                complaints.push(format!("{}:{}: {word}", name(&path), at + 1));
            }
        }
    }
    check(&complaints);
}
