//! Traces: what each object said, in order, as one text an event. Tests compare whole lists.
//!
//! ```ignore
//! mod util;
//! let mut reactor = util::reactor();
//! let mut trace = Trace::default();
//! let server = reactor.create_server(|socket, _| util::watch(socket, "S")).listen(([127, 0, 0, 1], 0)).id();
//! // … connect, watch the client as "C" …
//! util::run(&mut reactor, &mut trace);
//! trace.check("C", &["connectionAttempt 127.0.0.1:P", "connect", "ready", "data 5", "end", "finish", "close false"]);
//! ```
// Every test file uses its own part of this.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use netloop::{Address, Error, Reactor, Result, Server, ServerId, Socket, SocketId};

/// The longest a scenario may take before it is given up: a bound, never an expectation.
const PATIENCE: Duration = Duration::from_secs(20);

/// The events of every object by its name: a reactor's state, or a part of it (`S: AsMut<Trace>`).
#[derive(Debug, Default)]
pub(crate) struct Trace {
    lists: BTreeMap<String, Vec<String>>,
}

impl AsMut<Self> for Trace {
    fn as_mut(&mut self) -> &mut Self {
        self
    }
}

impl Trace {
    /// Adds an entry. Bytes that arrive in a row are one `data`: how TCP cuts them is nobody's promise.
    pub(crate) fn push(&mut self, name: &str, entry: impl Into<String>) {
        let (entry, list) = (entry.into(), self.lists.entry(name.to_owned()).or_default());
        let bytes = |text: &str| text.strip_prefix("data ").and_then(|count| count.parse::<usize>().ok());
        match (list.last_mut(), bytes(&entry)) {
            (Some(last), Some(more)) if bytes(last).is_some() => {
                *last = format!("data {}", bytes(last).unwrap_or(0) + more);
            }
            _ => list.push(entry),
        }
    }

    /// What one object said.
    pub(crate) fn of(&self, name: &str) -> &[String] {
        self.lists.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether an object has said this.
    pub(crate) fn has(&self, name: &str, entry: &str) -> bool {
        self.of(name).iter().any(|said| said == entry)
    }

    /// Everything an object said is exactly this.
    #[track_caller]
    pub(crate) fn check(&self, name: &str, expected: &[&str]) {
        assert_eq!(self.of(name), expected, "{name}; the whole trace: {self:#?}");
    }

    /// Forgets what was said, for the next part of a scenario.
    pub(crate) fn clear(&mut self) {
        self.lists.clear();
    }
}

/// A reactor for traces.
pub(crate) fn reactor<S>() -> Reactor<S> {
    Reactor::new().expect("the system gives a selector")
}

/// A port of 127.0.0.1 that refuses connections for as long as the socket lives: bound, but not listening.
pub(crate) fn refused_port() -> (socket2::Socket, u16) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    // Lets a test connect from this port while it is held; on Windows the flag means something else.
    if cfg!(unix) {
        socket.set_reuse_address(true).expect("a flag of every system");
    }
    let any: std::net::SocketAddr = ([127, 0, 0, 1], 0).into();
    socket.bind(&any.into()).expect("a free port");
    let port = socket.local_addr().ok().and_then(|address| address.as_socket()).expect("bound").port();
    (socket, port)
}

/// A port of 127.0.0.1 where connects hang: its listener's queue is full and nobody accepts.
#[cfg(target_os = "linux")]
pub(crate) fn black_hole() -> (socket2::Socket, Vec<TcpStream>, u16) {
    let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    listener.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a free port");
    listener.listen(0).expect("it listens");
    let address = listener.local_addr().ok().and_then(|address| address.as_socket()).expect("bound");
    let filling = std::iter::from_fn(|| TcpStream::connect_timeout(&address, Duration::from_millis(50)).ok());
    let fill = filling.take(16).collect();
    (listener, fill, address.port())
}

/// Whether a reset reaches the peer as one; the test that asks and gets `false` has nothing to look at and returns. Wine 8
/// shows it as an end, and neither does it send one for input that was not read.
pub(crate) fn resets_arrive() -> bool {
    static ARRIVE: OnceLock<bool> = OnceLock::new();
    let arrive = cfg!(unix) || *ARRIVE.get_or_init(reset_one);
    if !arrive {
        println!("not checked: on this system a reset looks like an end");
    }
    arrive
}

/// Resets a connection of the standard library's own sockets.
fn reset_one() -> bool {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let near = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
    let (mut far, _) = listener.accept().expect("it has connected");
    socket2::SockRef::from(&near).set_linger(Some(Duration::ZERO)).expect("an option of TCP");
    drop(near);
    far.read(&mut [0]).is_err()
}

/// What a write says on a connection that the peer has reset: libuv makes this of Windows' answer.
pub(crate) const BROKEN: &str = if cfg!(windows) { "ECONNRESET" } else { "EPIPE" };

/// Runs until nothing holds the loop; fails with the trace if that never comes.
#[track_caller]
pub(crate) fn run<S: AsMut<Trace>>(reactor: &mut Reactor<S>, state: &mut S) {
    let watchdog = reactor.set_timeout(PATIENCE, |reactor, state: &mut S| {
        panic!("the loop does not end: {:#?}\n{:?}", state.as_mut(), reactor.handles().collect::<Vec<_>>());
    });
    reactor.unref_timer(watchdog);
    let result = reactor.run(state);
    reactor.clear_timer(watchdog);
    result.expect("every error is heard");
}

/// Runs single iterations until `done`; fails with the trace if that never comes or nothing is left to run.
#[track_caller]
pub(crate) fn run_until<S: AsMut<Trace>>(
    reactor: &mut Reactor<S>,
    state: &mut S,
    mut done: impl FnMut(&mut Reactor<S>, &mut S) -> bool,
) {
    let watchdog = reactor.set_timeout(PATIENCE, |_, state: &mut S| panic!("it never comes: {:#?}", state.as_mut()));
    reactor.unref_timer(watchdog);
    while !done(reactor, state) {
        // Ticks that wait may bring it: they must not be followed by a wait for more.
        reactor.run_nowait(state).expect("every error is heard");
        if done(reactor, state) {
            break;
        }
        let alive = reactor.run_once(state).expect("every error is heard");
        assert!(alive || done(reactor, state), "nothing is left to run: {:#?}", state.as_mut());
    }
    reactor.clear_timer(watchdog);
}

/// Runs `count` iterations that wait for nothing: for what must not happen.
pub(crate) fn run_some<S>(reactor: &mut Reactor<S>, state: &mut S, count: usize) {
    for _ in 0..count {
        reactor.run_nowait(state).expect("every error is heard");
    }
}

/// Records every event of a socket but `data`, `pause` and `resume`: so it does not flow.
pub(crate) fn watch_quiet<S: AsMut<Trace> + 'static>(socket: &mut Socket<'_, S>, name: &str) {
    let tell = |event: &'static str| {
        let name = name.to_owned();
        move |_: &mut Socket<'_, S>, state: &mut S| state.as_mut().push(&name, event)
    };
    socket
        .on_connect(tell("connect"))
        .on_ready(tell("ready"))
        .on_end(tell("end"))
        .on_finish(tell("finish"))
        .on_drain(tell("drain"))
        .on_timeout(tell("timeout"));
    let names = || name.to_owned();
    let name = names();
    socket.on_lookup(move |_, result, host, state: &mut S| {
        let outcome = result.map_or_else(|error| error.code().to_owned(), |ip| ip.to_string());
        state.as_mut().push(&name, format!("lookup {outcome} {host}"));
    });
    let name = names();
    socket.on_connection_attempt(move |_, address, state| {
        state.as_mut().push(&name, format!("connectionAttempt {}", place(address)));
    });
    let name = names();
    socket.on_connection_attempt_failed(move |_, address, error, state| {
        state.as_mut().push(&name, format!("connectionAttemptFailed {} {}", place(address), error.code()));
    });
    let name = names();
    socket.on_connection_attempt_timeout(move |_, address, state| {
        state.as_mut().push(&name, format!("connectionAttemptTimeout {}", place(address)));
    });
    let name = names();
    socket.on_error(move |_, error, state| state.as_mut().push(&name, format!("error {}", error.code())));
    let name = names();
    socket.on_close(move |_, had_error, state| state.as_mut().push(&name, format!("close {had_error}")));
}

/// Records every event of a socket but `pause` and `resume`; it flows.
pub(crate) fn watch<S: AsMut<Trace> + 'static>(socket: &mut Socket<'_, S>, name: &str) {
    watch_quiet(socket, name);
    watch_data(socket, name);
}

/// Records `data`; it flows from now on.
pub(crate) fn watch_data<S: AsMut<Trace> + 'static>(socket: &mut Socket<'_, S>, name: &str) {
    let name = name.to_owned();
    socket.on_data(move |_, chunk, state| state.as_mut().push(&name, format!("data {}", chunk.len())));
}

/// Records `pause` and `resume`.
pub(crate) fn watch_flow<S: AsMut<Trace> + 'static>(socket: &mut Socket<'_, S>, name: &str) {
    let (paused, resumed) = (name.to_owned(), name.to_owned());
    socket
        .on_pause(move |_, state| state.as_mut().push(&paused, "pause"))
        .on_resume(move |_, state| state.as_mut().push(&resumed, "resume"));
}

/// Records every event of a server.
pub(crate) fn watch_server<S: AsMut<Trace> + 'static>(server: &mut Server<'_, S>, name: &str) {
    let tell = |event: &'static str| {
        let name = name.to_owned();
        move |_: &mut Server<'_, S>, state: &mut S| state.as_mut().push(&name, event)
    };
    server.on_listening(tell("listening")).on_close(tell("close"));
    let (connection, dropped, failed) = (name.to_owned(), name.to_owned(), name.to_owned());
    server
        .on_connection(move |_, state| state.as_mut().push(&connection, "connection"))
        .on_drop(move |_, _, state| state.as_mut().push(&dropped, "drop"))
        .on_error(move |_, error, state| state.as_mut().push(&failed, format!("error {}", error.code())));
}

/// A completion callback of a socket that records `label()` or `label(CODE)`.
pub(crate) fn done<S: AsMut<Trace>>(
    name: &str,
    label: &str,
) -> impl FnOnce(&mut Socket<'_, S>, Result, &mut S) + 'static + use<S> {
    let (name, label) = (name.to_owned(), label.to_owned());
    move |_, result, state| state.as_mut().push(&name, outcome(&label, &result))
}

/// The same for [`Server::close_then`].
pub(crate) fn closed<S: AsMut<Trace>>(
    name: &str,
    label: &str,
) -> impl FnOnce(&mut Server<'_, S>, Result, &mut S) + 'static + use<S> {
    let (name, label) = (name.to_owned(), label.to_owned());
    move |_, result, state| state.as_mut().push(&name, outcome(&label, &result))
}

fn outcome(label: &str, result: &Result) -> String {
    format!("{label}({})", result.as_ref().err().map_or("", Error::code))
}

/// An error is exactly this: code, system call, address without port (empty for none), port, and message.
#[track_caller]
pub(crate) fn check_error(error: &Error, fields: (&str, &str, &str, Option<u16>), message: &str) {
    let address = match error.address() {
        Some(Address::Tcp(address)) => address.ip().to_string(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    assert_eq!(error.to_string(), message);
    assert_eq!((error.code(), error.syscall().unwrap_or(""), address.as_str(), error.port()), fields, "{error}");
}

/// Does something to a socket, if it is still there.
pub(crate) fn with<S>(reactor: &mut Reactor<S>, id: SocketId, act: impl FnOnce(&mut Socket<'_, S>)) {
    if let Some(mut socket) = reactor.socket(id) {
        act(&mut socket);
    }
}

/// Closes a server, if it is still there.
pub(crate) fn close<S>(reactor: &mut Reactor<S>, id: ServerId) {
    if let Some(mut server) = reactor.server(id) {
        server.close();
    }
}

/// An address as it stands in a trace: the port as P, a path without its directory.
pub(crate) fn place(address: &Address) -> String {
    match address.path() {
        Some(path) => path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
        None => mask_ports(&address.to_string()),
    }
}

/// A text with every port that the system may have chosen (1024 and up, after a colon) as P.
pub(crate) fn mask_ports(text: &str) -> String {
    let mut parts = text.split(':');
    let mut masked = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        let (number, rest) = part.split_at(digits);
        let number = if number.parse::<u32>().is_ok_and(|port| port >= 1024) { "P" } else { number };
        let _ = write!(masked, ":{number}{rest}");
    }
    masked
}

/// A directory of a test's own, for the paths of sockets; it goes with the value.
#[derive(Debug)]
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    /// A new, empty one.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("netloop-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        // A killed run may have left one behind under the same process id.
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).expect("a directory for the test");
        Self(path)
    }

    /// A path in it; nothing is there yet.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The directory itself.
    pub(crate) fn dir(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Whether faults are injected (`--cfg netloop_faults`, `NETLOOP_FAULTS`): then a test that cannot hold prints why, and ends.
pub(crate) fn faults_are_injected(reason: &str) -> bool {
    let injected = cfg!(netloop_faults) && std::env::var_os("NETLOOP_FAULTS").is_some();
    if injected {
        println!("not under injected faults: {reason}");
    }
    injected
}
