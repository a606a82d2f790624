//! What netloop's servers and sockets do, recorded as `trace.js` records it in Node: the state of every scenario's reactor.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;

use netloop::{Address, Error, Family, Reactor, ReadyState, Result, Server, Socket, SocketId, code};

/// The events in their order, the names of ports and paths, and the sockets by name.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    entries: Vec<(String, String)>,
    names: Vec<(Named, String)>,
    sockets: BTreeMap<String, SocketId>,
    is_over: bool,
}

#[derive(Debug)]
enum Named {
    Port(String),
    Path(String),
}

impl Trace {
    /// One line of an object.
    pub(crate) fn log(&mut self, name: &str, text: impl Into<String>) {
        if !self.is_over {
            self.entries.push((name.to_owned(), text.into()));
        }
    }

    /// A returned value or a property: `log.note("C", "write a ->", c.write("a"))`.
    pub(crate) fn note(&mut self, name: &str, label: &str, value: impl Display) {
        self.log(name, format!("{label} {value}"));
    }

    /// An error in full: a line, and one more for each error of an aggregate.
    pub(crate) fn error(&mut self, name: &str, text: &str, error: &Error) {
        let event = text.split(' ').next().unwrap_or(text);
        self.log(name, format!("{text} {}", describe(error)));
        for (at, inner) in error.errors().iter().enumerate() {
            self.log(name, format!("{event}.{} {}", at + 1, describe(inner)));
        }
    }

    /// From now on the number stands as `<SYMBOL>` in every line but those of data.
    pub(crate) fn name_port(&mut self, port: u16, symbol: &str) {
        self.names.push((Named::Port(port.to_string()), format!("<{symbol}>")));
    }

    /// From now on the path stands as `<SYMBOL>` in every line but those of data.
    pub(crate) fn name_path(&mut self, path: &Path, symbol: &str) {
        self.names.push((Named::Path(path.display().to_string()), format!("<{symbol}>")));
    }

    /// Remembers a socket by name for other callbacks.
    pub(crate) fn keep(&mut self, name: &str, id: SocketId) {
        self.sockets.insert(name.to_owned(), id);
    }

    /// The socket that was kept by this name, if one was.
    pub(crate) fn kept(&self, name: &str) -> Option<SocketId> {
        self.sockets.get(name).copied()
    }

    /// Nothing is recorded any more, and the scenario ends after this iteration: where something stays open.
    pub(crate) fn end(&mut self) {
        self.is_over = true;
    }

    /// Whether [`Self::end`] was called.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// The trace as it stands in a file: in the order of what happened, or grouped by the names of the objects.
    pub(crate) fn lines(&self, in_order: bool) -> Vec<String> {
        let mut entries: Vec<_> = self.entries.iter().collect();
        if !in_order {
            entries.sort_by_key(|(name, _)| name.as_str());
        }
        merge(entries.into_iter().map(|(name, text)| format!("{name} {}", self.replace_names(text))))
    }

    fn replace_names(&self, text: &str) -> String {
        if text.starts_with("data ") || text.starts_with("chunk ") {
            return text.to_owned();
        }
        self.names.iter().fold(text.to_owned(), |line, (named, symbol)| match named {
            Named::Port(port) => replace_port(&line, port, symbol),
            Named::Path(path) => line.replace(path, symbol),
        })
    }
}

/// Replaces a number that is not part of a longer one or of an address.
fn replace_port(line: &str, port: &str, symbol: &str) -> String {
    let (mut replaced, mut rest) = (String::new(), line);
    while let Some(at) = rest.find(port) {
        let (before, after) = (&rest[..at], &rest[at + port.len()..]);
        let is_longer =
            before.ends_with(|c: char| c.is_ascii_digit() || c == '.') || after.starts_with(|c: char| c.is_ascii_digit());
        replaced.push_str(before);
        replaced.push_str(if is_longer { port } else { symbol });
        rest = after;
    }
    replaced + rest
}

/// `data 2` after `data 1` is `data 3`: how TCP cuts bytes is nobody's promise.
fn merge(lines: impl Iterator<Item = String>) -> Vec<String> {
    let bytes = |line: &str| {
        let (name, count) = line.split_once(" data ")?;
        (!name.contains(' ')).then(|| Some((name.to_owned(), count.parse::<usize>().ok()?)))?
    };
    let mut merged: Vec<String> = Vec::new();
    for line in lines {
        match (merged.last().and_then(|last| bytes(last)), bytes(&line)) {
            (Some((last, before)), Some((name, more))) if last == name => {
                merged.pop();
                merged.push(format!("{name} data {}", before + more));
            }
            _ => merged.push(line),
        }
    }
    merged
}

/// `CODE syscall address port host=NAME "message"`, as far as it is there.
fn describe(error: &Error) -> String {
    let address = error.address().map(|address| address.ip().map_or_else(|| address.to_string(), |ip| ip.to_string()));
    let count = error.errors().len();
    let parts = [
        code_of(error).map(str::to_owned),
        error.syscall().map(str::to_owned),
        address,
        error.port().map(|port| port.to_string()),
        error.hostname().map(|host| format!("host={host}")),
        (count > 0).then(|| format!("{count} errors")),
        Some(format!("\"{error}\"")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// A foreign error has a code here, which it has not in Node.
fn code_of(error: &Error) -> Option<&'static str> {
    Some(error.code()).filter(|&code| code != code::ERR_USER)
}

/// How an error stands in a short line: by its code, or its message if it has none in Node.
fn short(error: &Error) -> String {
    code_of(error).map_or_else(|| format!("\"{error}\""), str::to_owned)
}

/// The label of a completion callback and, if it got an error, the code.
pub(crate) fn outcome(label: &str, result: &Result) -> String {
    result.as_ref().map_or_else(|error| format!("{label} {}", short(error)), |()| label.to_owned())
}

/// A completion callback of a socket: logs its label and, if it got an error, the code.
pub(crate) fn cb(name: &str, label: &str) -> impl FnOnce(&mut Socket<'_, Trace>, Result, &mut Trace) + 'static + use<> {
    let (name, label) = (name.to_owned(), label.to_owned());
    move |_, result, log| log.log(&name, outcome(&label, &result))
}

/// The same of a server, for `close_then`.
pub(crate) fn server_cb(name: &str, label: &str) -> impl FnOnce(&mut Server<'_, Trace>, Result, &mut Trace) + 'static + use<> {
    let (name, label) = (name.to_owned(), label.to_owned());
    move |_, result, log| log.log(&name, outcome(&label, &result))
}

/// The socket of an id that must still be there.
#[track_caller]
pub(crate) fn socket(reactor: &mut Reactor<Trace>, id: SocketId) -> Socket<'_, Trace> {
    reactor.socket(id).expect("the socket is closed and gone")
}

/// A value, or Node's `undefined`.
pub(crate) fn or_undefined(value: Option<impl Display>) -> String {
    value.map_or_else(|| "undefined".to_owned(), |value| value.to_string())
}

/// Node's word for a state.
pub(crate) fn ready_state(socket: &Socket<'_, Trace>) -> &'static str {
    match socket.ready_state() {
        ReadyState::Opening => "opening",
        ReadyState::Open => "open",
        ReadyState::ReadOnly => "readOnly",
        ReadyState::WriteOnly => "writeOnly",
        _ => "closed",
    }
}

/// Node's word for a family.
pub(crate) fn family(address: &Address) -> &'static str {
    if address.family() == Family::IPv6 { "IPv6" } else { "IPv4" }
}

/// `127.0.0.1 80 4`, or a path.
fn place(address: &Address) -> String {
    match (address.ip(), address.port()) {
        (Some(ip), Some(port)) => format!("{ip} {port} {}", if ip.is_ipv4() { 4 } else { 6 }),
        _ => address.to_string(),
    }
}

/// What to record of a socket besides the other events; each starts the flow, but `flow`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Watch {
    /// Bytes as `data COUNT`; what arrives in a row is one line.
    pub(crate) data: bool,
    /// Each chunk as `chunk COUNT`.
    pub(crate) chunks: bool,
    /// Each chunk as `text "…"`.
    pub(crate) text: bool,
    /// `pause` and `resume`.
    pub(crate) flow: bool,
    /// None of all this.
    pub(crate) nothing: bool,
}

impl Watch {
    /// Nothing more.
    pub(crate) const QUIET: Self = Self { data: false, chunks: false, text: false, flow: false, nothing: false };
    /// Nothing at all: the side of a pair that is not watched and does not flow.
    pub(crate) const NOTHING: Self = Self { nothing: true, ..Self::QUIET };
    /// Bytes too.
    pub(crate) const DATA: Self = Self { data: true, ..Self::QUIET };
    /// Chunks too.
    pub(crate) const CHUNKS: Self = Self { chunks: true, ..Self::QUIET };
    /// Text too.
    pub(crate) const TEXT: Self = Self { text: true, ..Self::QUIET };
}

/// Records every event of a socket but `data`, `pause` and `resume`.
pub(crate) fn watch(socket: &mut Socket<'_, Trace>, name: &str) {
    watch_with(socket, name, Watch::QUIET);
}

/// The same, with more.
pub(crate) fn watch_with(socket: &mut Socket<'_, Trace>, name: &str, more: Watch) {
    if more.nothing {
        socket.on_error(|_, _, _| {});
        return;
    }
    watch_connecting(socket, name);
    let tell = |event: &'static str| {
        let name = name.to_owned();
        move |_: &mut Socket<'_, Trace>, log: &mut Trace| log.log(&name, event)
    };
    socket.on_end(tell("end")).on_finish(tell("finish")).on_drain(tell("drain")).on_timeout(tell("timeout"));
    if more.flow {
        socket.on_pause(tell("pause")).on_resume(tell("resume"));
    }
    let own = name.to_owned();
    socket.on_error(move |_, error, log| log.error(&own, "error", error));
    let own = name.to_owned();
    socket.on_close(move |_, had_error, log| log.log(&own, format!("close {had_error}")));
    if more.text {
        let own = name.to_owned();
        socket.on_text(move |_, text, log| log.log(&own, format!("text \"{text}\"")));
    }
    for (wanted, event) in [(more.data, "data"), (more.chunks, "chunk")] {
        if wanted {
            let own = name.to_owned();
            socket.on_data(move |_, chunk, log| log.log(&own, format!("{event} {}", chunk.len())));
        }
    }
}

fn watch_connecting(socket: &mut Socket<'_, Trace>, name: &str) {
    let own = name.to_owned();
    socket.on_lookup(move |_, result, host, log| {
        let found = |ip: std::net::IpAddr| format!("{ip} {}", if ip.is_ipv4() { 4 } else { 6 });
        log.log(&own, format!("lookup {} {host}", result.map_or_else(short, found)));
    });
    let own = name.to_owned();
    socket.on_connection_attempt(move |_, address, log| log.log(&own, format!("connectionAttempt {}", place(address))));
    let own = name.to_owned();
    socket.on_connection_attempt_failed(move |_, address, error, log| {
        log.error(&own, &format!("connectionAttemptFailed {}", place(address)), error);
    });
    let own = name.to_owned();
    socket.on_connection_attempt_timeout(move |_, address, log| {
        log.log(&own, format!("connectionAttemptTimeout {}", place(address)));
    });
    let own = name.to_owned();
    socket.on_connect(move |_, log| log.log(&own, "connect"));
    let own = name.to_owned();
    socket.on_ready(move |_, log| log.log(&own, "ready"));
}

/// Records every event of a server.
pub(crate) fn watch_server(server: &mut Server<'_, Trace>, name: &str) {
    let own = name.to_owned();
    server.on_listening(move |_, log| log.log(&own, "listening"));
    let own = name.to_owned();
    server.on_close(move |_, log| log.log(&own, "close"));
    let own = name.to_owned();
    server.on_connection(move |_, log| log.log(&own, "connection"));
    let own = name.to_owned();
    server.on_error(move |_, error, log| log.error(&own, "error", error));
    let own = name.to_owned();
    server.on_drop(move |_, drop, log| {
        let side =
            |address: &Address| format!(" {} {} {}", or_undefined(address.ip()), or_undefined(address.port()), family(address));
        let sides = [&drop.local, &drop.remote].map(|address| address.as_ref().map(side).unwrap_or_default());
        log.log(&own, format!("drop{}", sides.concat()));
    });
}

/// A line of the pseudo object `log`, from a tick.
pub(crate) fn tick(reactor: &mut Reactor<Trace>, text: &'static str) {
    reactor.next_tick(move |_, log| log.log("log", text));
}

/// A line of the pseudo object `log`, from an immediate.
pub(crate) fn immediate(reactor: &mut Reactor<Trace>, text: &'static str) {
    reactor.set_immediate(move |_, log| log.log("log", text));
}

/// A line of the pseudo object `log`, from a timer.
pub(crate) fn timer(reactor: &mut Reactor<Trace>, text: &'static str, after_ms: u64) {
    reactor.set_timeout(std::time::Duration::from_millis(after_ms), move |_, log| log.log("log", text));
}
