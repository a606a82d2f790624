//! J: an error, a log line and an example say what happened, and to which peer.

use std::process::Command;

use netloop::{ConnectOptions, Error, Reactor, code};

use crate::util::{self, Trace, refused_port, run};

fn setup() -> (Reactor<Trace>, Trace) {
    (util::reactor(), Trace::default())
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
    let error = reactor.run(&mut trace).expect_err("nobody hears it");
    assert_eq!((error.to_string(), format!("{error:?}")), (both.clone(), both.clone()));
    let source = std::error::Error::source(&error).expect("the first attempt's error");
    assert_eq!(source.to_string(), format!("connect ECONNREFUSED 127.0.0.1:{port}"));
}

/// Set in the child of the next test.
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
