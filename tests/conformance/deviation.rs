//! Documented deviations: patches in the head of a scenario's script, applied to Node's trace before ours is compared with it.
//!
//! ```text
//! // deviation Q-05: no data after destroy
//! //   S chunk 1
//! // - S chunk 1
//! //   S close false
//! ```
//!
//! A blank begins a line that both have, `-` one that only Node has, `+` one that only netloop has.
//! Lines of one object in a row are a hunk; `// @` begins another. The lines of a hunk without `+` must stand in a row in the
//! object's trace, at exactly one place.

/// One documented deviation of a scenario.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Deviation {
    pub(crate) id: String,
    hunks: Vec<Hunk>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Hunk {
    lines: Vec<(Mark, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Same,
    Gone,
    New,
}

fn object(line: &str) -> &str {
    line.split(' ').next().unwrap_or(line)
}

/// The deviations in the comments of a script.
pub(crate) fn parse(script: &str) -> Result<Vec<Deviation>, String> {
    let mut found: Vec<Deviation> = Vec::new();
    let mut is_open = false;
    for line in script.lines() {
        let Some(text) = line.strip_prefix("//") else {
            is_open = false;
            continue;
        };
        if let Some(rest) = text.trim_start().strip_prefix("deviation ") {
            let (id, reason) = rest.split_once(": ").ok_or_else(|| format!("`{line}` is not `// deviation ID: reason`"))?;
            if reason.trim().is_empty() {
                return Err(format!("deviation {id} has no reason"));
            }
            found.push(Deviation { id: id.to_owned(), hunks: vec![Hunk::default()] });
            is_open = true;
        } else if let (true, Some(deviation)) = (is_open, found.last_mut()) {
            deviation.add(text)?;
        }
    }
    match found.iter().find(|deviation| deviation.hunks.iter().all(|hunk| hunk.lines.is_empty())) {
        Some(deviation) => Err(format!("deviation {} has no lines", deviation.id)),
        None => Ok(found),
    }
}

impl Deviation {
    fn add(&mut self, text: &str) -> Result<(), String> {
        let (mark, line) = match text.get(..3) {
            Some("   ") => (Mark::Same, &text[3..]),
            Some(" - ") => (Mark::Gone, &text[3..]),
            Some(" + ") => (Mark::New, &text[3..]),
            _ if text.trim() == "@" => {
                self.hunks.push(Hunk::default());
                return Ok(());
            }
            _ => return Err(format!("deviation {}: `//{text}` begins with neither `//   `, `// - ` nor `// + `", self.id)),
        };
        self.hunks.last_mut().expect("made with one").lines.push((mark, line.trim_end().to_owned()));
        Ok(())
    }

    /// Node's trace as it is here: grouped by object, or in the order of what happened.
    pub(crate) fn apply(&self, trace: &[String], in_order: bool) -> Result<Vec<String>, String> {
        let mut patched = trace.to_vec();
        for hunk in self.hunks.iter().flat_map(|hunk| hunk.split(in_order)) {
            patched = hunk.apply(&patched, in_order).map_err(|why| format!("deviation {}: {why}", self.id))?;
        }
        if patched == trace {
            return Err(format!("deviation {} changes nothing", self.id));
        }
        Ok(patched)
    }
}

impl Hunk {
    /// A hunk for each object, unless all objects are one list.
    fn split(&self, in_order: bool) -> Vec<Self> {
        let groups = self.lines.chunk_by(|(_, a), (_, b)| in_order || object(a) == object(b));
        groups.map(|lines| Self { lines: lines.to_vec() }).collect()
    }

    fn apply(&self, trace: &[String], in_order: bool) -> Result<Vec<String>, String> {
        let of = |marks: [Mark; 2]| {
            let lines = self.lines.iter().filter(move |(mark, _)| marks.contains(mark));
            lines.map(|(_, line)| line.clone()).collect::<Vec<_>>()
        };
        let (old, new) = (of([Mark::Same, Mark::Gone]), of([Mark::Same, Mark::New]));
        let at = if old.is_empty() { self.place_of_new(trace, in_order)? } else { place(trace, &old)? };
        Ok([&trace[..at], &new[..], &trace[at + old.len()..]].concat())
    }

    /// Without a line to hold on to, only an object that says nothing in Node can be meant.
    fn place_of_new(&self, trace: &[String], in_order: bool) -> Result<usize, String> {
        let name = self.lines.first().map_or("", |(_, line)| object(line));
        if in_order || trace.iter().any(|line| object(line) == name) {
            return Err(format!("where do the new lines of {name} go? Give the line before or after them"));
        }
        Ok(trace.iter().take_while(|line| object(line) < name).count())
    }
}

fn place(trace: &[String], old: &[String]) -> Result<usize, String> {
    let mut places = (0..trace.len()).filter(|&at| trace[at..].starts_with(old));
    match (places.next(), places.next()) {
        (Some(at), None) => Ok(at),
        (None, _) => Err(format!("these lines do not stand in a row in Node's trace: {old:?}")),
        (Some(_), Some(_)) => Err(format!("these lines stand there more than once, give more of them: {old:?}")),
    }
}
