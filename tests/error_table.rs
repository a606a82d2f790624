//! Node's errors row by row: code, system call, address, port, host name and message of each that can happen here.
//!
//! Not here, because a type or the owner of a value makes it impossible: `ERR_INVALID_ARG_TYPE`, `ERR_STREAM_NULL_VALUES`,
//! `ERR_MISSING_ARGS`, `ERR_SOCKET_BAD_PORT`, `ERR_INVALID_ADDRESS_FAMILY` (D-03); `ERR_SOCKET_HANDLE_ADOPTED` and `EEXIST` of one
//! descriptor listened at twice (adopting takes the descriptor). `ERR_SOCKET_CONNECTION_TIMEOUT` cannot be reached in Node either.
//! `reset EINVAL` does not happen.

#[path = "error_table/heard.rs"]
mod heard;
mod pair;
mod util;

use std::net::IpAddr;
use std::sync::Arc;

use netloop::{BlockList, ConnectOptions, Encoding, ListenOptions, Socket, SocketOptions};
use pair::{flowing, quiet};
use util::{Trace, check_error, close, refused_port, run, run_some};

use self::heard::{
    Fields, Heard, check_connect, check_listen, check_plain, connect_error, listen_error, lookup, served, setup,
};

#[test]
fn connect_refused() {
    let (_held, port) = refused_port();
    let message = format!("connect ECONNREFUSED 127.0.0.1:{port}");
    let fields = ("ECONNREFUSED", "connect", "127.0.0.1", Some(port));
    check_connect(([127, 0, 0, 1], port), ConnectOptions::new(), fields, &message);
    let (held_too, local) = refused_port();
    // Two may not have it there.
    let _held_too = Some(held_too).filter(|_| cfg!(unix));
    let from = ConnectOptions::new().local_address([127, 0, 0, 1].into()).local_port(local);
    check_connect(([127, 0, 0, 1], port), from, fields, &format!("{message} - Local (127.0.0.1:{local})"));
}

#[cfg(target_os = "linux")]
#[test]
fn connect_that_fails_inside_the_call() {
    let message = "connect ENETUNREACH 255.255.255.255:9 - Local (0.0.0.0:0)";
    let fields = ("ENETUNREACH", "connect", "255.255.255.255", Some(9));
    check_connect(([255, 255, 255, 255], 9), ConnectOptions::new(), fields, message);
}

/// In a process of its own, which has no descriptor left.
#[cfg(target_os = "linux")]
#[test]
fn connect_without_descriptors() {
    const CHILD: &str = "NETLOOP_NO_DESCRIPTORS";
    if std::env::var_os(CHILD).is_none() {
        let binary = std::env::current_exe().expect("this test");
        let status = std::process::Command::new("sh")
            .args(["-c", "ulimit -n 64; exec \"$0\" \"$@\""])
            .arg(binary)
            .args(["--exact", "connect_without_descriptors"])
            .env(CHILD, "1")
            .stdout(std::process::Stdio::null())
            .status();
        return assert!(status.expect("sh").success(), "run the test with {CHILD}=1 under `ulimit -n 64` to see why");
    }
    let (mut reactor, mut trace, heard) = (util::reactor::<Trace>(), Trace::default(), Heard::default());
    let mut fillers = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        fillers.push(file);
    }
    heard.event(&mut reactor.connect(([127, 0, 0, 1], 9)));
    run(&mut reactor, &mut trace);
    drop(fillers);
    let message = "connect EMFILE 127.0.0.1:9 - Local (undefined:undefined)";
    heard.check(&[("error", ("EMFILE", "connect", "127.0.0.1", Some(9)), message)]);
}

/// An attempt that hangs is given up, or is cancelled by `destroy`, which only `connectionAttemptFailed` tells.
#[cfg(target_os = "linux")]
#[test]
fn connect_attempt_abandoned_and_cancelled() {
    use netloop::{ManualClock, Reactor, ReactorOptions};
    use util::{black_hole, run_until, watch, with};

    for cancelled in [false, true] {
        let ((_listener, _fill, port), clock, heard) = (black_hole(), ManualClock::new(), Heard::default());
        let mut reactor = Reactor::with_options(ReactorOptions::new().clock(&clock)).expect("a selector");
        let mut trace = Trace::default();
        let options = lookup(|request| request.answer(["127.0.0.1", "127.0.0.2"]));
        let mut socket = reactor.connect_with(("two.test", port), options);
        watch(&mut socket, "C");
        heard.event(&mut socket);
        let keep = heard.clone();
        let id = socket.on_connection_attempt_failed(move |_, _, error, _| keep.keep("failed", error)).id();
        run_until(&mut reactor, &mut trace, |_, trace| trace.has("C", "connectionAttempt 127.0.0.1:P"));
        run_some(&mut reactor, &mut trace, 3);
        match cancelled {
            true => with(&mut reactor, id, |socket| socket.destroy()),
            false => clock.advance(std::time::Duration::from_millis(500)),
        }
        run(&mut reactor, &mut trace);
        if cancelled {
            let message = format!("connect ECANCELED 127.0.0.1:{port}");
            heard.check(&[("failed", ("ECANCELED", "connect", "127.0.0.1", Some(port)), &message)]);
        } else {
            let heard = heard.0.borrow();
            let message = format!("connect ETIMEDOUT 127.0.0.1:{port}");
            let (by, all) = heard.last().expect("an error at last");
            assert_eq!(by, "error");
            check_error(all, ("ETIMEDOUT", "", "", None), &format!("{message}; {}", all.errors()[1]));
            check_plain(&all.errors()[0], ("ETIMEDOUT", "connect", "127.0.0.1", Some(port)), &message);
        }
    }
}

#[test]
fn connect_twice() {
    let (mut reactor, mut trace) = setup();
    let (port, heard) = (served(&mut reactor), Heard::default());
    let mut socket = reactor.connect(([127, 0, 0, 1], port));
    heard.event(socket.connect(([127, 0, 0, 1], port)));
    run(&mut reactor, &mut trace);
    let message = heard.0.borrow()[0].1.to_string();
    assert_eq!(util::mask_ports(&message), "connect EALREADY 127.0.0.1:P - Local (127.0.0.1:P)");
    heard.check(&[("error", ("EALREADY", "connect", "127.0.0.1", Some(port)), &message)]);
}

#[test]
fn bind_of_the_local_end() {
    let (mut reactor, _) = setup();
    let port = served(&mut reactor);
    let from = |ip: &str| ConnectOptions::new().local_address(ip.parse().expect("a literal"));
    let foreign = ("EADDRNOTAVAIL", "bind", "198.51.100.7", None);
    check_connect(([127, 0, 0, 1], port), from("198.51.100.7"), foreign, "bind EADDRNOTAVAIL 198.51.100.7");
    let taken = ("EADDRINUSE", "bind", "0.0.0.0", Some(port));
    let message = format!("bind EADDRINUSE 0.0.0.0:{port}");
    check_connect(([127, 0, 0, 1], port), ConnectOptions::new().local_port(port), taken, &message);
    check_connect(([127, 0, 0, 1], port), from("::1"), ("EINVAL", "bind", "::1", None), "bind EINVAL ::1");
}

#[cfg(unix)]
#[test]
fn connect_to_a_path() {
    let dir = util::TempDir::new();
    let check = |name: &str, code: &str, local: &str| {
        let path = dir.path(name);
        let shown = path.display().to_string();
        let message = format!("connect {code} {shown}{local}");
        check_connect(&path, ConnectOptions::new(), (code, "connect", &shown, None), &message);
    };
    check("none.sock", "ENOENT", "");
    std::fs::write(dir.path("file"), "").expect("a file");
    check("file", "ECONNREFUSED", "");
    check(&"x".repeat(200), "EINVAL", " - Local (undefined:undefined)");
    if !heard::is_almighty("connect EACCES") {
        drop(std::os::unix::net::UnixListener::bind(dir.path("locked.sock")).expect("a socket"));
        let none = std::os::unix::fs::PermissionsExt::from_mode(0o000);
        std::fs::set_permissions(dir.path("locked.sock"), none).expect("one's own file");
        check("locked.sock", "EACCES", "");
    }
}

#[test]
fn listen_at_an_address_in_use() {
    for (host, bare) in [("127.0.0.1", false), ("::1", false), ("::", true)] {
        let (mut reactor, _) = setup();
        let ip: IpAddr = host.parse().expect("a literal");
        let port = reactor.create_server(|_, _| {}).listen((ip, 0)).port().expect("bound inside listen");
        let (message, fields) =
            (format!("listen EADDRINUSE: address already in use {host}:{port}"), ("EADDRINUSE", "listen", host, Some(port)));
        match bare {
            true => check_listen(port, fields, &message),
            false => check_listen((ip, port), fields, &message),
        }
    }
}

#[test]
fn listen_at_a_foreign_address() {
    let (message, ip) = ("listen EADDRNOTAVAIL: address not available 198.51.100.7", "198.51.100.7");
    check_listen(([198, 51, 100, 7], 0), ("EADDRNOTAVAIL", "listen", ip, None), message);
    check_listen(([198, 51, 100, 7], 4567), ("EADDRNOTAVAIL", "listen", ip, Some(4567)), &format!("{message}:4567"));
}

/// Node's errors of a path have the port -1, ours none.
#[cfg(unix)]
#[test]
fn listen_at_a_path() {
    let dir = util::TempDir::new();
    let check = |name: &str, code: &str, text: &str| {
        let path = dir.path(name);
        let shown = path.display().to_string();
        check_listen(&path, (code, "listen", &shown, None), &format!("listen {code}: {text} {shown}"));
    };
    std::fs::write(dir.path("file"), "").expect("a file");
    check("file", "EADDRINUSE", "address already in use");
    let _live = std::os::unix::net::UnixListener::bind(dir.path("live.sock")).expect("a socket");
    check("live.sock", "EADDRINUSE", "address already in use");
    check("no/x.sock", "EACCES", "permission denied");
    check(&"x".repeat(200), "EINVAL", "invalid argument");
    check("a\0b", "EINVAL", "invalid argument");
    if !heard::is_almighty("listen EACCES at a path") {
        std::fs::create_dir(dir.path("locked")).expect("a directory");
        let none = std::os::unix::fs::PermissionsExt::from_mode(0o000);
        std::fs::set_permissions(dir.path("locked"), none).expect("one's own directory");
        check("locked/x.sock", "EACCES", "permission denied");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn listen_at_a_privileged_port() {
    if std::net::TcpListener::bind(("127.0.0.1", 81)).err().map(|error| error.kind())
        != Some(std::io::ErrorKind::PermissionDenied)
    {
        println!("skipped: listen EACCES at a port: this process may bind port 81, or cannot tell");
        return;
    }
    let fields = ("EACCES", "listen", "127.0.0.1", Some(81));
    check_listen(([127, 0, 0, 1], 81), fields, "listen EACCES: permission denied 127.0.0.1:81");
}

#[cfg(unix)]
#[test]
fn listen_at_a_descriptor_that_cannot_listen() {
    let (mut reactor, mut trace, heard) = (util::reactor::<Trace>(), Trace::default(), Heard::default());
    let file = std::fs::File::open("/dev/null").expect("a device");
    let (keep, mut server) = (heard.clone(), reactor.create_server(|_, _| {}));
    server.adopt(std::os::fd::OwnedFd::from(file)).on_error(move |_, error, _| keep.keep("error", error));
    run(&mut reactor, &mut trace);
    heard.check(&[("error", ("EINVAL", "listen", "", None), "listen EINVAL: invalid argument")]);
}

/// The text is no name for any resolver, so that no network is asked.
#[test]
fn a_name_that_is_not_found() {
    let connect = connect_error(("no..name", 9), SocketOptions::new(), ConnectOptions::new());
    for error in [connect, listen_error(("no..name", 80), ListenOptions::new())] {
        check_error(&error, ("ENOTFOUND", "getaddrinfo", "", None), "getaddrinfo ENOTFOUND no..name");
        assert_eq!(error.hostname(), Some("no..name"));
    }
}

#[test]
fn all_addresses_of_a_name_fail() {
    let (_held, port) = refused_port();
    let options = lookup(|request| request.answer(["127.0.0.1", "127.0.0.2"]));
    let error = connect_error(("two.test", port), SocketOptions::new(), options);
    let refused = |ip| format!("connect ECONNREFUSED {ip}:{port}");
    let message = format!("{}; {}", refused("127.0.0.1"), refused("127.0.0.2"));
    check_error(&error, ("ECONNREFUSED", "", "", None), &message);
    assert_eq!((error.errors().len(), error.hostname()), (2, None));
    for (error, ip) in error.errors().iter().zip(["127.0.0.1", "127.0.0.2"]) {
        check_plain(error, ("ECONNREFUSED", "connect", ip, Some(port)), &refused(ip));
    }
}

#[test]
fn an_answer_that_is_no_address() {
    for all in [true, false] {
        let options = lookup(|request| request.answer(["foo"])).auto_select_family(all);
        let fields = ("ERR_INVALID_IP_ADDRESS", "", "", None);
        check_connect(("x.test", 9), options, fields, "Invalid IP address: foo");
    }
}

#[test]
fn a_blocked_target() {
    let mut list = BlockList::new();
    list.add_address([127, 0, 0, 1]);
    list.add_address([127, 0, 0, 2]);
    let list = Arc::new(list);
    let connect = |host: &str, options| connect_error((host, 9), SocketOptions::new().block_list(Arc::clone(&list)), options);
    let blocked = |ip: &str| format!("IP({ip}) is blocked by net.BlockList");
    let code = ("ERR_IP_BLOCKED", "", "", None);
    check_plain(&connect("127.0.0.1", ConnectOptions::new()), code, &blocked("127.0.0.1"));
    for all in [true, false] {
        let options = lookup(|request| request.answer(["127.0.0.1"])).auto_select_family(all);
        check_plain(&connect("one.test", options), code, &blocked("127.0.0.1"));
    }
    let both = connect("two.test", lookup(|request| request.answer(["127.0.0.1", "127.0.0.2"])));
    check_error(&both, code, &format!("{}; {}", blocked("127.0.0.1"), blocked("127.0.0.2")));
    assert_eq!(both.errors().len(), 2);
    check_plain(&both.errors()[0], code, &blocked("127.0.0.1"));
    check_plain(&both.errors()[1], code, &blocked("127.0.0.2"));
}

/// Node prints the host between single quotes, with `\x00`.
#[test]
fn a_host_with_a_nul() {
    let message = "The property 'options.host' must be a string without null bytes. Received ";
    let error = connect_error(("a\0b", 9), SocketOptions::new(), ConnectOptions::new());
    check_plain(&error, ("ERR_INVALID_ARG_VALUE", "", "", None), &format!("{message}'a\\x00b'"));
}

#[test]
fn an_attempt_timeout_of_zero() {
    let options = ConnectOptions::new().attempt_timeout(std::time::Duration::ZERO);
    let message = "The value of \"options.autoSelectFamilyAttemptTimeout\" is out of range. \
                   It must be >= 1 && <= 2147483647. Received 0";
    let error = connect_error(("localhost", 9), SocketOptions::new(), options);
    check_plain(&error, ("ERR_OUT_OF_RANGE", "", "", None), message);
}

#[test]
fn read_of_a_connection_that_was_reset() {
    if !util::resets_arrive() {
        return;
    }
    let (mut pair, heard) = (flowing().connect(), Heard::default());
    heard.event(&mut pair.see_s());
    pair.see_c().reset_and_destroy();
    pair.run();
    heard.check(&[("error", ("ECONNRESET", "read", "", None), "read ECONNRESET")]);
}

#[test]
fn write_to_a_connection_that_was_reset() {
    if !util::resets_arrive() {
        return;
    }
    let (mut pair, heard) = (quiet().paused_on_connect().connect(), Heard::default());
    heard.event(&mut pair.see_s());
    pair.see_c().reset_and_destroy();
    pair.settle();
    pair.see_s().write_then("x", heard.callback("write"));
    pair.run();
    let reset = ("ECONNRESET", "write", "", None);
    heard.check(&[("write", reset, "write ECONNRESET"), ("error", reset, "write ECONNRESET")]);
}

#[test]
fn write_to_a_peer_that_is_gone() {
    if !util::resets_arrive() {
        return;
    }
    let (mut pair, heard) = (flowing().half_open(false, true).connect(), Heard::default());
    heard.event(&mut pair.see_c());
    pair.see_s().destroy();
    pair.until("C", "end");
    pair.see_c().write("the first is answered with a reset");
    pair.settle();
    pair.see_c().write_then("x", heard.callback("write"));
    pair.run();
    let (gone, message) = ((util::BROKEN, "write", "", None), format!("write {}", util::BROKEN));
    heard.check(&[("write", gone, &message), ("error", gone, &message)]);
}

#[test]
fn write_after_the_end_of_the_peer() {
    let (mut pair, heard) = (flowing().connect(), Heard::default());
    heard.event(&mut pair.see_s());
    let late = heard.clone();
    pair.see_s().once_end(move |s, _| {
        s.next_tick(move |s, _| s.next_tick(move |s, _| s.write_then("late", late.callback("write"))));
    });
    pair.see_c().end();
    pair.run();
    let (ended, message) = (("EPIPE", "", "", None), "This socket has been ended by the other party");
    heard.check(&[("write", ended, message), ("error", ended, message)]);
}

#[test]
fn a_write_that_destroy_cancels() {
    let (mut pair, heard) = (flowing().c_quiet().connect(), Heard::default());
    pair.narrow();
    let mut s = pair.see_s();
    s.write_owned_then(vec![1; 8 << 20], heard.callback("write"));
    s.destroy();
    pair.until("S", "close false");
    heard.check(&[("write", ("ECANCELED", "write", "", None), "write ECANCELED")]);
}

#[test]
fn listen_twice_and_close_without_listening() {
    let (mut reactor, mut trace, heard) = (util::reactor::<Trace>(), Trace::default(), Heard::default());
    let (twice, not_running) = (heard.clone(), heard.clone());
    let mut server = reactor.create_server(|_, _| {});
    server.listen(0).on_error(move |_, error, _| twice.keep("error", error));
    let id = server.listen(0).id();
    server.reactor().create_server(|_, _| {}).close_then(move |_, result, _| {
        not_running.keep("close", &result.expect_err("it never listened"));
    });
    run_some(&mut reactor, &mut trace, 2);
    close(&mut reactor, id);
    run(&mut reactor, &mut trace);
    let already = "Listen method has been called more than once without closing.";
    heard.check(&[
        ("error", ("ERR_SERVER_ALREADY_LISTEN", "", "", None), already),
        ("close", ("ERR_SERVER_NOT_RUNNING", "", "", None), "Server is not running."),
    ]);
}

/// What a socket that never connects tells.
#[track_caller]
fn check_unconnected(act: impl FnOnce(&mut Socket<'_, Trace>, &Heard), expected: &[(&str, Fields<'_>, &str)]) {
    let (mut reactor, mut trace, heard) = (util::reactor::<Trace>(), Trace::default(), Heard::default());
    let mut socket = reactor.new_socket(SocketOptions::new());
    heard.event(&mut socket);
    act(&mut socket, &heard);
    run(&mut reactor, &mut trace);
    heard.check(expected);
}

#[test]
fn calls_without_a_connection() {
    let (closed, message) = (("ERR_SOCKET_CLOSED", "", "", None), "Socket is closed");
    let both = [("write", closed, message), ("error", closed, message)];
    check_unconnected(|socket, heard| _ = socket.write_then("x", heard.callback("write")), &both);
    check_unconnected(|socket, _| socket.reset_and_destroy(), &both[1..]);
}

#[test]
fn calls_after_destroy() {
    let destroyed = ("ERR_STREAM_DESTROYED", "", "", None);
    let write = [("write", destroyed, "Cannot call write after a stream was destroyed")];
    let write_late = |socket: &mut Socket<'_, Trace>, heard: &Heard| {
        socket.destroy();
        socket.write_then("x", heard.callback("write"));
    };
    check_unconnected(write_late, &write);
    let end_late = |socket: &mut Socket<'_, Trace>, heard: &Heard| {
        socket.destroy();
        socket.end_then("", heard.callback("end"));
    };
    check_unconnected(end_late, &[("end", destroyed, "Cannot call end after a stream was destroyed")]);
    let (mut pair, heard) = (flowing().connect(), Heard::default());
    let mut s = pair.see_s();
    s.cork();
    s.write_then("corked", heard.callback("write"));
    s.destroy();
    pair.run();
    heard.check(&write);
}

#[test]
fn calls_before_a_connection_that_never_comes() {
    let (mut reactor, mut trace, heard) = (util::reactor::<Trace>(), Trace::default(), Heard::default());
    let mut socket = reactor.connect(([127, 0, 0, 1], 9));
    heard.event(&mut socket);
    socket.write_then("a", heard.callback("first"));
    socket.write_then("b", heard.callback("second"));
    socket.end_then("", heard.callback("end"));
    socket.destroy();
    run(&mut reactor, &mut trace);
    let message = "Socket closed before the connection was established";
    heard.check(&["first", "second", "end"].map(|by| (by, ("ERR_SOCKET_CLOSED_BEFORE_CONNECTION", "", "", None), message)));
}

#[test]
fn calls_after_end() {
    let (mut pair, heard) = (flowing().connect(), Heard::default());
    let mut s = pair.see_s();
    heard.event(&mut s);
    s.end_then("x", heard.callback("end"));
    s.write_then("y", heard.callback("write"));
    pair.run();
    heard.check(&["write", "end", "error"].map(|by| (by, ("ERR_STREAM_WRITE_AFTER_END", "", "", None), "write after end")));
    let (mut pair, heard) = (flowing().connect(), Heard::default());
    let late = heard.clone();
    pair.see_s().once_finish(move |s, _| s.end_then("", late.callback("end")));
    pair.see_s().end();
    pair.run();
    let message = "Cannot call end after a stream was finished";
    heard.check(&[("end", ("ERR_STREAM_ALREADY_FINISHED", "", "", None), message)]);
}

#[cfg(unix)]
#[test]
fn a_reset_of_a_local_socket() {
    let (mut reactor, mut trace, heard) = (util::reactor::<Trace>(), Trace::default(), Heard::default());
    let (near, _) = reactor.socket_pair().expect("two sockets");
    let mut socket = reactor.socket(near).expect("just made");
    heard.event(&mut socket);
    socket.reset_and_destroy();
    socket.next_tick(|socket, _| socket.next_tick(|socket, _| socket.destroy()));
    run(&mut reactor, &mut trace);
    heard.check(&[("error", ("ERR_INVALID_HANDLE_TYPE", "", "", None), "This handle type cannot be sent")]);
}

#[cfg(unix)]
#[test]
fn a_descriptor_that_is_no_socket() {
    let (mut reactor, mut trace, heard) = (util::reactor::<Trace>(), Trace::default(), Heard::default());
    let file = std::fs::File::open("/dev/null").expect("a device");
    heard.event(&mut reactor.adopt(std::os::fd::OwnedFd::from(file)));
    run(&mut reactor, &mut trace);
    heard.check(&[("error", ("ERR_INVALID_FD_TYPE", "", "", None), "Unsupported fd type: FILE")]);
}

#[test]
fn an_aborted_signal() {
    let (mut reactor, mut trace, heard) = (util::reactor::<Trace>(), Trace::default(), Heard::default());
    let signal = reactor.abort_signal();
    heard.event(&mut reactor.new_socket(SocketOptions::new().signal(signal)));
    reactor.abort(signal);
    run(&mut reactor, &mut trace);
    heard.check(&[("error", ("ABORT_ERR", "", "", None), "The operation was aborted")]);
}

#[test]
fn texts_that_are_refused_at_once() {
    let encoding = "zz".parse::<Encoding>().expect_err("no encoding");
    check_plain(&encoding, ("ERR_UNKNOWN_ENCODING", "", "", None), "Unknown encoding: zz");
    let no_address = BlockList::new().add_cidr("foo/8").expect_err("no address");
    check_plain(&no_address, ("ERR_INVALID_ADDRESS", "", "", None), "Invalid socket address");
    let message = "The value of \"prefix\" is out of range. It must be >= 0 && <= 32. Received 33";
    let too_long = BlockList::new().add_cidr("10.0.0.0/33").expect_err("no prefix");
    check_plain(&too_long, ("ERR_OUT_OF_RANGE", "", "", None), message);
}
