//! J: an error, a log line and an example say what happened, and to which peer.

use std::cell::RefCell;
use std::net::TcpStream;
use std::process::Command;
use std::sync::Once;
use std::time::Duration;

use netloop::{ConnectOptions, Error, Handle, ListenOptions, Reactor, SocketId, code};

use crate::util::{self, Trace, refused_port, resets_arrive, run, run_until};

thread_local! {
    /// What this thread has logged; the threads of other tests have their own.
    static LOGGED: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

struct Capture;

impl log::Log for Capture {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target().starts_with("netloop")
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            LOGGED.with_borrow_mut(|lines| {
                if let Some(lines) = lines {
                    lines.push(format!("{} {}", record.level(), record.args()));
                }
            });
        }
    }

    fn flush(&self) {}
}

/// What the crate logs on this thread while something is done.
fn logged(act: impl FnOnce()) -> Vec<String> {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        log::set_logger(&Capture).expect("no other logger in this binary");
        log::set_max_level(log::LevelFilter::Debug);
    });
    LOGGED.set(Some(Vec::new()));
    act();
    LOGGED.take().unwrap_or_default()
}

fn setup() -> (Reactor<Trace>, Trace) {
    (util::reactor(), Trace::default())
}

/// A server of which no connection hears errors, and the sockets it accepts.
fn deaf_server(reactor: &mut Reactor<Trace>) -> u16 {
    let mut server = reactor.create_server(|socket, trace: &mut Trace| trace.push("V", format!("{:?}", socket.id())));
    server.listen(([127, 0, 0, 1], 0)).port().expect("bound inside listen")
}

#[test]
fn fault_j_an_error_without_a_text_is_told_by_its_code() {
    let texts: [fn() -> Error; 4] = [
        || Error::with_code("ERR_MINE", ""),
        || Error::other(""),
        || Error::other(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
        || Error::other(std::io::Error::new(std::io::ErrorKind::ConnectionReset, " \n")),
    ];
    let expected = ["ERR_MINE", code::ERR_USER, "connection reset", code::ECONNRESET];
    for (error, expected) in texts.into_iter().zip(expected) {
        let (mut reactor, mut trace) = setup();
        let (near, _far) = reactor.socket_pair().expect("a pair");
        let mut socket = reactor.socket(near).expect("just made");
        socket.on_error(|_, error, trace| trace.push("S", error.to_string()));
        socket.destroy_with(error());
        run(&mut reactor, &mut trace);
        trace.check("S", &[expected]);
    }
    let (mut reactor, mut trace) = setup();
    let options = ConnectOptions::new().lookup(|request| request.fail(""));
    reactor.connect_with(("x.test", 1), options).on_error(|_, error, trace| trace.push("C", error.to_string()));
    run(&mut reactor, &mut trace);
    trace.check("C", &[code::ERR_USER]);
}

#[test]
fn fault_j_the_error_of_a_name_says_what_each_address_answered() {
    let (_held, port) = refused_port();
    let connect = move |reactor: &mut Reactor<Trace>| {
        let options = ConnectOptions::new().lookup(|request| request.answer(["127.0.0.1", "127.0.0.2"]));
        reactor.connect_with(("two.test", port), options).id()
    };
    let both = format!("connect ECONNREFUSED 127.0.0.1:{port}; connect ECONNREFUSED 127.0.0.2:{port}");
    let (mut reactor, mut trace) = setup();
    connect(&mut reactor);
    let error = reactor.run(&mut trace).expect_err("it is unheard");
    assert_eq!((error.to_string(), format!("{error:?}")), (both.clone(), both.clone()));
    let source = std::error::Error::source(&error).expect("the first attempt's error");
    assert_eq!(source.to_string(), format!("connect ECONNREFUSED 127.0.0.1:{port}"));

    let mut id = None;
    let lines = logged(|| {
        reactor.set_immediate(move |reactor, trace| {
            let id = connect(reactor);
            trace.push("C", format!("{id:?}"));
        });
        run(&mut reactor, &mut trace);
        id = trace.of("C").first().cloned();
    });
    assert_eq!(lines, [format!("WARN unhandled error of {}: {both}", id.expect("connected"))]);
}

/// Set in the children of the next two tests.
const CHILD: &str = "NETLOOP_FAULT_J";

/// What `main` prints of an error that it returns: a child process, whose test returns it, shows it.
#[test]
fn fault_j_a_program_that_returns_the_error_of_run_prints_each_address() -> netloop::Result {
    if let Some(port) = std::env::var(CHILD).ok().and_then(|port| port.parse::<u16>().ok()) {
        let mut reactor = Reactor::<()>::new()?;
        let options = ConnectOptions::new().lookup(|request| request.answer(["127.0.0.1", "127.0.0.2"]));
        reactor.connect_with(("two.test", port), options);
        return reactor.run(&mut ());
    }
    let (_held, port) = refused_port();
    let test = "messages::fault_j_a_program_that_returns_the_error_of_run_prints_each_address";
    let mut child = Command::new(std::env::current_exe()?);
    let output = child.args(["--exact", test, "--nocapture"]).env(CHILD, port.to_string()).output()?;
    let printed = String::from_utf8_lossy(&[output.stderr, output.stdout].concat()).into_owned();
    let expected = format!("Error: connect ECONNREFUSED 127.0.0.1:{port}; connect ECONNREFUSED 127.0.0.2:{port}\n");
    assert!(printed.contains(&expected) && !output.status.success(), "{printed}");
    Ok(())
}

/// A child with few descriptors shows it.
#[cfg(unix)]
#[test]
fn fault_j_a_line_about_descriptors_names_the_server() {
    if std::env::var_os(CHILD).is_some() {
        let (mut reactor, mut trace) = setup();
        let mut server = reactor.create_server(|_, _| ());
        server.listen(([127, 0, 0, 1], 0));
        println!("\nexpected: {:?} ({})", server.id(), server.address().expect("it listens"));
        let port = server.port().expect("it listens");
        let _client = TcpStream::connect(("127.0.0.1", port)).expect("the backlog takes it");
        let _fillers: Vec<_> = std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect();
        let lines = logged(|| util::run_some(&mut reactor, &mut trace, 3));
        println!("\nlogged: {lines:?}");
        return;
    }
    let test = "messages::fault_j_a_line_about_descriptors_names_the_server";
    let mut child = Command::new("sh");
    child.args(["-c", "ulimit -n 64; exec \"$0\" \"$@\""]).arg(std::env::current_exe().expect("this test"));
    let output = child.args(["--exact", test, "--nocapture"]).env(CHILD, "1").output().expect("sh");
    let printed = String::from_utf8_lossy(&output.stdout);
    let after = |start: &str| printed.lines().find_map(|line| line.strip_prefix(start)).unwrap_or_else(|| panic!("{printed}"));
    let line = format!("WARN no descriptor is left for {}: waiting connections are closed", after("expected: "));
    assert_eq!(after("logged: "), format!("{:?}", [line]));
}

#[test]
fn fault_j_a_line_about_an_unheard_error_names_the_peer() {
    if !resets_arrive() {
        return;
    }
    let (mut reactor, mut trace) = setup();
    let port = deaf_server(&mut reactor);
    let client = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    let peer = client.local_addr().expect("connected");
    run_until(&mut reactor, &mut trace, |_, trace| !trace.of("V").is_empty());
    socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO)).expect("an option of TCP");
    drop(client);
    let lines = logged(|| run_until(&mut reactor, &mut trace, |reactor, _| reactor.sockets().next().is_none()));
    let id = &trace.of("V")[0];
    assert_eq!(lines, [format!("WARN unhandled error of {id} ({peer}): read ECONNRESET")]);
}

/// The client has no name; the server that took it has one.
#[cfg(unix)]
#[test]
fn fault_j_a_line_about_a_local_peer_names_the_server() {
    let (dir, (mut reactor, mut trace)) = (util::TempDir::new(), setup());
    let path = dir.path("a.sock");
    let mut server = reactor.create_server(|socket, trace: &mut Trace| {
        trace.push("V", format!("{:?}", socket.id()));
        socket.destroy_with("enough");
    });
    let server = server.listen(&path).unref().id();
    let client = reactor.connect(&path).id();
    let lines = logged(|| run(&mut reactor, &mut trace));
    let id = &trace.of("V")[0];
    let of = format!("{server:?} ({})", path.display());
    assert_eq!(lines, [format!("WARN unhandled error of {id} of {of}: enough")]);

    let lines = logged(|| {
        let (_near, far) = reactor.socket_pair().expect("a pair");
        reactor.socket(far).expect("just made").destroy_with("a pair has no peer to name");
        run_until(&mut reactor, &mut trace, |reactor, _| reactor.socket(far).is_none());
        trace.push("far", format!("{far:?}"));
    });
    let far = &trace.of("far")[0];
    assert_eq!(lines, [format!("WARN unhandled error of {far}: a pair has no peer to name")]);
    assert!(reactor.socket(client).is_none());
}

#[test]
fn fault_j_a_line_about_a_server_names_its_address() {
    let (mut reactor, mut trace) = setup();
    let lines = logged(|| {
        reactor.set_immediate(|reactor, trace: &mut Trace| {
            let mut first = reactor.create_server(|_, _| ());
            let port = first.listen(([127, 0, 0, 1], 0)).unref().port().expect("bound");
            first.listen_with(([127, 0, 0, 1], port), ListenOptions::new());
            let first = first.id();
            let second = reactor.create_server(|_, _| ()).listen(([127, 0, 0, 1], port)).unref().id();
            trace.push("V", format!("{first:?} {second:?} {port}"));
        });
        run(&mut reactor, &mut trace);
    });
    let ids: Vec<&str> = trace.of("V")[0].split(' ').collect();
    let [first, second, port] = ids[..] else { panic!("{ids:?}") };
    let twice = "Listen method has been called more than once without closing.";
    let in_use = format!("listen EADDRINUSE: address already in use 127.0.0.1:{port}");
    let expected = [
        format!("WARN unhandled error of {first} (127.0.0.1:{port}): {twice}"),
        format!("WARN unhandled error of {second}: {in_use}"),
    ];
    assert_eq!(lines, expected);
}

/// Both sides of a proxy: a client that resets, and an upstream that refuses.
#[test]
fn fault_j_a_line_about_a_proxy_names_the_socket_and_its_peer() {
    if !resets_arrive() {
        return;
    }
    let (mut reactor, mut trace) = setup();
    let (_held, refused) = refused_port();
    let mut upstream = reactor.create_server(|_, _| ());
    let port = upstream.listen(([127, 0, 0, 1], 0)).port().expect("bound");
    let proxy = |reactor: &mut Reactor<Trace>, to: u16| {
        let mut server = reactor.create_server(move |client, trace: &mut Trace| {
            let client_id = client.id();
            let upstream = client.reactor().connect(([127, 0, 0, 1], to)).id();
            trace.push("V", format!("{client_id:?} {upstream:?}"));
            client.reactor().proxy(client_id, upstream);
        });
        server.listen(([127, 0, 0, 1], 0)).unref().port().expect("bound")
    };
    let ids = |trace: &Trace, at: usize| -> Vec<String> { trace.of("V")[at].split(' ').map(str::to_owned).collect() };

    let client = TcpStream::connect(("127.0.0.1", proxy(&mut reactor, port))).expect("it listens");
    let peer = client.local_addr().expect("connected");
    run_until(&mut reactor, &mut trace, |reactor, trace| !trace.of("V").is_empty() && reactor.sockets().count() == 3);
    socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO)).expect("an option of TCP");
    drop(client);
    let lines = logged(|| run_until(&mut reactor, &mut trace, |reactor, _| reactor.sockets().count() == 0));
    let of_client = &ids(&trace, 0)[0];
    let reset = format!("DEBUG a proxied socket failed, {of_client} ({peer}): read ECONNRESET");
    assert!(lines.contains(&reset), "{lines:?}");

    let lines = logged(|| {
        let _client = TcpStream::connect(("127.0.0.1", proxy(&mut reactor, refused))).expect("it listens");
        run_until(&mut reactor, &mut trace, |reactor, trace| trace.of("V").len() == 2 && reactor.sockets().count() == 0);
    });
    let of_upstream = &ids(&trace, 1)[1];
    let message = format!("DEBUG a proxied socket failed, {of_upstream}: connect ECONNREFUSED 127.0.0.1:{refused}");
    assert_eq!(lines, [message]);
}

/// The hook gets the id; the reactor tells the peer's address by it.
#[test]
fn fault_j_a_hook_for_unheard_errors_finds_the_peer() {
    let (mut reactor, mut trace) = setup();
    let port = deaf_server(&mut reactor);
    reactor.on_unhandled_error(|reactor, handle, error, trace| {
        let Handle::Socket(id) = handle else { panic!("{handle:?}") };
        let peer = reactor.socket(id).and_then(|socket| socket.remote_address());
        trace.push("hook", format!("{} {error}", peer.is_some_and(|peer| peer.to_string().starts_with("127.0.0.1:"))));
    });
    let client: SocketId = reactor.connect(([127, 0, 0, 1], port)).id();
    run_until(&mut reactor, &mut trace, |_, trace| !trace.of("V").is_empty());
    let accepted = reactor.sockets().find(|&id| id != client).expect("accepted");
    reactor.socket(accepted).expect("open").destroy_with("no more");
    run_until(&mut reactor, &mut trace, |reactor, _| reactor.socket(accepted).is_none());
    trace.check("hook", &["true no more"]);
}

/// Dropping the reactor finds no file any more.
#[cfg(unix)]
#[test]
fn fault_j_a_removed_socket_file_is_told_by_its_path() {
    let (dir, (mut reactor, _)) = (util::TempDir::new(), setup());
    let path = dir.path("a.sock");
    assert!(reactor.create_server(|_, _| ()).listen(&path).is_listening());
    std::fs::remove_file(&path).expect("the server made it");
    let lines = logged(|| drop(reactor));
    assert_eq!(lines.len(), 1, "{lines:?}");
    let start = format!("DEBUG the socket file {} cannot be removed: ", path.display());
    assert!(lines[0].starts_with(&start), "{lines:?}");
}
