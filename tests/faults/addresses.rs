//! G: an address with a zone is an address, wherever one comes in or goes out.

use std::cell::RefCell;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};
use std::rc::Rc;
use std::sync::{Arc, mpsc};

use netloop::{
    Address, BlockList, ConnectOptions, Endpoint, Error, IntoEndpoint, LookupRequest, Reactor, SocketOptions, is_ip,
};

use crate::util::{self, Trace, check_error, run, watch, watch_server};

/// An address of an interface, and the interface.
#[derive(Debug)]
struct OfInterface {
    ip: Ipv6Addr,
    index: u32,
    name: String,
}

/// The IPv6 addresses of the interfaces: Linux has a list, elsewhere none can be had without a call that is unsafe.
fn interfaces() -> Vec<OfInterface> {
    let list = if cfg!(target_os = "linux") { std::fs::read_to_string("/proc/net/if_inet6") } else { Ok(String::new()) };
    let list = list.unwrap_or_default();
    let entry = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let ip = Ipv6Addr::from(u128::from_str_radix(words.next()?, 16).ok()?);
        let index = u32::from_str_radix(words.next()?, 16).ok()?;
        let flags = u8::from_str_radix(words.nth(2)?, 16).ok()?;
        // One that is still looked for on the link, or was found there twice, cannot be used.
        (flags & 0x48 == 0).then(|| OfInterface { ip, index, name: words.next().unwrap_or("").to_owned() })
    };
    list.lines().filter_map(entry).collect()
}

/// The loopback interface; without one that can be found the test has nothing to look at and returns.
fn loopback() -> Option<OfInterface> {
    let found = interfaces().into_iter().find(|interface| interface.ip.is_loopback());
    if found.is_none() {
        println!("not checked: the name of the loopback interface cannot be found here");
    }
    found
}

/// An interface with a link-local address of its own; without one the test has nothing to look at and returns.
fn link_local() -> Option<OfInterface> {
    let found = interfaces().into_iter().find(|interface| interface.ip.is_unicast_link_local());
    if found.is_none() {
        println!("not checked: no link-local address can be found here");
    }
    found
}

fn setup() -> (Reactor<Trace>, Trace) {
    (util::reactor(), Trace::default())
}

/// A server at every address that does not hold the loop.
fn port(reactor: &mut Reactor<Trace>) -> u16 {
    let mut server = reactor.create_server(|socket, _| socket.destroy());
    server.listen((Ipv6Addr::UNSPECIFIED, 0)).unref().port().expect("it is bound")
}

/// A port of ::1 that refuses connections for as long as the socket lives.
fn refused_port() -> (socket2::Socket, u16) {
    let socket = socket2::Socket::new(socket2::Domain::IPV6, socket2::Type::STREAM, None).expect("a socket");
    let any = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    socket.bind(&any.into()).expect("a free port");
    let port = socket.local_addr().ok().and_then(|address| address.as_socket()).expect("bound").port();
    (socket, port)
}

/// Options that say which names are looked up; none is found.
fn asked(names: &Rc<RefCell<Vec<String>>>) -> ConnectOptions {
    let names = Rc::clone(names);
    ConnectOptions::new().lookup(move |request| {
        names.borrow_mut().push(request.host().to_owned());
        request.fail("nothing is looked up here");
    })
}

/// What a socket says that connects to a text and then destroys itself.
fn said(host: &str, options: ConnectOptions) -> Trace {
    let (mut reactor, mut trace) = setup();
    let port = port(&mut reactor);
    let mut socket = reactor.connect_with((host, port), options);
    watch(&mut socket, "C");
    socket.on_connect(|socket, trace| {
        trace.push("C", format!("remote {}", util::place(&socket.remote_address().expect("connected"))));
        socket.destroy();
    });
    run(&mut reactor, &mut trace);
    trace
}

/// The error of a connect or listen.
fn error_of(act: impl FnOnce(&mut Reactor<Trace>, mpsc::Sender<Error>)) -> Error {
    let (mut reactor, mut trace) = setup();
    let (sender, receiver) = mpsc::channel();
    act(&mut reactor, sender);
    run(&mut reactor, &mut trace);
    receiver.try_recv().expect("an error")
}

fn connect_error(at: impl IntoEndpoint, options: ConnectOptions) -> Error {
    error_of(|reactor, sender| {
        let mut socket = reactor.connect_with(at, options);
        socket.on_error(move |_, error, _| sender.send(error.clone()).expect("somebody waits"));
    })
}

fn listen_error(at: impl IntoEndpoint) -> Error {
    error_of(|reactor, sender| {
        let mut server = reactor.create_server(|_, _| {});
        server.listen(at).on_error(move |_, error, _| sender.send(error.clone()).expect("somebody waits"));
    })
}

/// Node: `connectionAttempt`, `connect`, `ready`, and no `lookup`. A zone that does not exist is passed over, as in Node.
#[test]
fn fault_g_an_address_with_a_zone_is_connected_to_without_a_lookup() {
    let names = Rc::default();
    for zone in ["nosuch", "eth0.100", "a-b:1", "4294967296", "-1", "0"] {
        let trace = said(&format!("::1%{zone}"), asked(&names));
        trace.check("C", &["connectionAttempt [::1]:P", "connect", "remote [::1]:P", "ready", "close false"]);
    }
    // The first interface is the loopback one nearly everywhere, and elsewhere the system passes over the zone of `::1`.
    let trace = said("::1%1", asked(&names));
    trace.check("C", &["connectionAttempt [::1%1]:P", "connect", "remote [::1]:P", "ready", "close false"]);
    let trace = said("::%nosuch", asked(&names));
    trace.check("C", &["connectionAttempt [::]:P", "connect", "remote [::1]:P", "ready", "close false"]);
    if let Some(OfInterface { index, name, .. }) = loopback() {
        for zone in [name, index.to_string()] {
            let trace = said(&format!("::1%{zone}"), asked(&names));
            let attempt = format!("connectionAttempt [::1%{index}]:P");
            trace.check("C", &[&attempt, "connect", "remote [::1]:P", "ready", "close false"]);
        }
    }
    assert_eq!(*names.borrow(), [""; 0]);
}

/// As an address without one: the attempt is made on the next tick, in the order of the calls.
#[test]
fn fault_g_an_address_with_a_zone_costs_a_tick() {
    let (mut reactor, mut trace) = setup();
    let port = port(&mut reactor);
    for host in ["::1", "::1%nosuch", "::1"] {
        let mut socket = reactor.connect((host, port));
        let host = host.to_owned();
        socket.on_connection_attempt(move |_, _, trace: &mut Trace| trace.push("C", host.clone()));
        socket.on_connect(|socket, _| socket.destroy());
        reactor.next_tick(|_, trace: &mut Trace| trace.push("C", "tick"));
    }
    run(&mut reactor, &mut trace);
    trace.check("C", &["::1", "tick", "::1%nosuch", "tick", "::1", "tick"]);

    let (mut reactor, mut trace) = setup();
    let mut server = reactor.create_server(|_, _| {});
    watch_server(&mut server, "V");
    server.listen(("::1%nosuch", 0)).on_listening(|server, _| server.close());
    let id = server.id();
    assert!(!server.is_listening());
    reactor.next_tick(move |reactor, trace: &mut Trace| {
        let bound = reactor.server(id).expect("it listens").is_listening();
        trace.push("V", format!("tick after, bound {bound}"));
    });
    run(&mut reactor, &mut trace);
    trace.check("V", &["tick after, bound true", "listening", "close"]);
}

/// What `is_ip` calls an address is tried; what it does not is looked up.
#[test]
fn fault_g_a_text_is_an_address_or_a_name_as_is_ip_says() {
    let texts = [
        ("::1", true),
        ("::1%nosuch", true),
        ("::ffff:127.0.0.1%nosuch", true),
        ("127.0.0.1", true),
        ("127.0.0.1%nosuch", false),
        ("::1%", false),
        ("%nosuch", false),
        ("::1%a%b", false),
        ("::1%a/b", false),
        ("::1% a", false),
        ("[::1%nosuch]", false),
        ("localhost%nosuch", false),
    ];
    for (text, address) in texts {
        assert_eq!(is_ip(text).is_some(), address, "{text}");
        let names = Rc::default();
        let trace = said(text, asked(&names));
        // Not every system connects to a mapped address.
        let tried = trace.of("C").iter().any(|said| said.starts_with("connectionAttempt "));
        assert_eq!((tried, names.borrow().len()), (address, usize::from(!address)), "{text}: {trace:?}");
    }
}

/// Node: the message has the zone as it was given.
#[test]
fn fault_g_an_error_names_the_zone_as_it_was_given() {
    let (_held, port) = refused_port();
    let refused = |host: &str| connect_error((host, port), ConnectOptions::new());
    let fields = ("ECONNREFUSED", "connect", "::1", Some(port));
    check_error(&refused("::1%nosuch"), fields, &format!("connect ECONNREFUSED ::1%nosuch:{port}"));
    if let Some(OfInterface { index, name, .. }) = loopback() {
        check_error(&refused(&format!("::1%{name}")), fields, &format!("connect ECONNREFUSED ::1%{name}:{port}"));
        check_error(&refused(&format!("::1%{index}")), fields, &format!("connect ECONNREFUSED ::1%{index}:{port}"));
        // Only its number is known.
        let address = SocketAddr::from(SocketAddrV6::new(Ipv6Addr::LOCALHOST, port, 0, index));
        let error = connect_error(address, ConnectOptions::new());
        check_error(&error, fields, &format!("connect ECONNREFUSED ::1%{name}:{port}"));
    }

    let (mut reactor, mut trace) = setup();
    let mut first = reactor.create_server(|_, _| {});
    let port = first.listen((Ipv6Addr::LOCALHOST, 0)).port().expect("bound");
    let fields = ("EADDRINUSE", "listen", "::1", Some(port));
    let error = listen_error(("::1%nosuch", port));
    check_error(&error, fields, &format!("listen EADDRINUSE: address already in use ::1%nosuch:{port}"));
    first.close();
    run(&mut reactor, &mut trace);
}

/// Node: `listen EINVAL: invalid argument fe80::1%nosuch`. Other systems have other words for it.
#[test]
fn fault_g_a_server_at_a_link_local_address_needs_a_zone_that_exists() {
    for host in ["fe80::1%nosuch", "fe80::1"] {
        let error = listen_error((host, 0));
        if cfg!(target_os = "linux") {
            check_error(&error, ("EINVAL", "listen", "fe80::1", None), &format!("listen EINVAL: invalid argument {host}"));
        } else {
            assert!(error.to_string().ends_with(host), "{error}");
        }
    }
}

/// Both ends, by the name of the interface and by its number; in Node a number counts on Windows only.
#[test]
fn fault_g_a_link_local_address_is_listened_at_and_connected_to_by_its_zone() {
    let Some(OfInterface { ip, index, name }) = link_local() else {
        return;
    };
    for zone in [name.clone(), index.to_string()] {
        let host = format!("{ip}%{zone}");
        let (mut reactor, mut trace) = setup();
        let mut server = reactor.create_server(|socket, trace: &mut Trace| {
            trace.push("S", util::place(&socket.remote_address().expect("connected")));
            trace.push("S", util::place(&socket.local_address().expect("connected")));
            socket.destroy();
        });
        watch_server(&mut server, "V");
        server.listen((host.as_str(), 0)).on_listening(move |server, _| {
            let address = server.address().expect("it listens");
            // What is shown can be read back.
            let endpoint: Endpoint = address.to_string().parse().expect("an address");
            assert_eq!(endpoint, Endpoint::from(&address));
            let id = server.id();
            let mut client = server.reactor().connect((host.as_str(), address.port().expect("TCP")));
            watch(&mut client, "C");
            client.on_connect(|socket, trace| {
                trace.push("C", util::place(&socket.remote_address().expect("connected")));
                trace.push("C", util::place(&socket.local_address().expect("connected")));
            });
            client.on_close(move |client, _, _| util::close(client.reactor(), id));
        });
        run(&mut reactor, &mut trace);
        let place = format!("[{ip}%{index}]:P");
        trace.check("V", &["listening", "connection", "close"]);
        trace.check("S", &[&place, &place]);
        let attempt = format!("connectionAttempt {place}");
        trace.check("C", &[&attempt, "connect", &place, &place, "ready", "end", "finish", "close false"]);
    }
    let (_held, port) = refused_port();
    let address = SocketAddr::from(SocketAddrV6::new(ip, port, 0, index));
    let error = connect_error(address, ConnectOptions::new());
    let message = format!("connect ECONNREFUSED {ip}%{name}:{port}");
    check_error(&error, ("ECONNREFUSED", "connect", &ip.to_string(), Some(port)), &message);
}

/// A lookup of one's own may answer with text, and each address with its zone is one of its own, as in Node.
#[test]
fn fault_g_an_answer_of_a_lookup_may_have_a_zone() {
    let answer = |answers: Vec<String>| {
        let options = ConnectOptions::new().lookup(move |request: LookupRequest| request.answer(answers.clone()));
        said("a.test", options)
    };
    let one = answer(vec!["::1%nosuch".to_owned()]);
    let connected = ["connect", "remote [::1]:P", "ready", "close false"];
    one.check("C", &[&["lookup ::1 a.test", "connectionAttempt [::1]:P"][..], &connected].concat());
    let invalid = answer(vec!["127.0.0.1%nosuch".to_owned(), "::1%".to_owned()]);
    let error = "lookup ERR_INVALID_IP_ADDRESS a.test";
    invalid.check("C", &[error, error, "error ERR_INVALID_IP_ADDRESS", "close true"]);
    if let Some(OfInterface { index, name, .. }) = loopback() {
        let several = answer(vec![format!("::1%{name}"), "::1".to_owned(), format!("::1%{index}")]);
        let found = ["lookup ::1 a.test"; 3];
        let attempt = format!("connectionAttempt [::1%{index}]:P");
        several.check("C", &[&found[..], &[&attempt], &connected].concat());
    }
    if let Some(OfInterface { ip, index, name }) = link_local() {
        let one = answer(vec![format!("{ip}%{name}")]);
        let (found, place) = (format!("lookup {ip} a.test"), format!("[{ip}%{index}]:P"));
        let (attempt, remote) = (format!("connectionAttempt {place}"), format!("remote {place}"));
        one.check("C", &[&found, &attempt, "connect", &remote, "ready", "close false"]);
    }
}

/// Node's `localAddress` may have one: `bind EINVAL fe80::1%nosuch`.
#[test]
fn fault_g_a_local_address_may_have_a_zone() {
    let from = |ip: &Ipv6Addr, zone: &str| ConnectOptions::new().local_address((*ip).into()).local_zone(zone);
    let connected = ["connectionAttempt [::1]:P", "connect", "remote [::1]:P", "ready", "close false"];
    said("::1", from(&Ipv6Addr::LOCALHOST, "nosuch")).check("C", &connected);
    // Only an IPv6 address has one.
    let v4 = ConnectOptions::new().local_address([127, 0, 0, 1].into()).local_zone("nosuch");
    said("127.0.0.1", v4)
        .check("C", &["connectionAttempt 127.0.0.1:P", "connect", "remote 127.0.0.1:P", "ready", "close false"]);
    said("::1", ConnectOptions::new().local_zone("nosuch")).check("C", &connected);
    if let Some(OfInterface { ip, index, name }) = link_local() {
        for zone in [name.clone(), index.to_string()] {
            let trace = said(&format!("{ip}%{name}"), from(&ip, &zone));
            let (attempt, remote) = (format!("connectionAttempt [{ip}%{index}]:P"), format!("remote [{ip}%{index}]:P"));
            trace.check("C", &[&attempt, "connect", &remote, "ready", "close false"]);
        }
        let error = connect_error((ip, 1), from(&ip, "nosuch"));
        check_error(&error, ("EINVAL", "bind", &ip.to_string(), None), &format!("bind EINVAL {ip}%nosuch"));
        let error = connect_error((ip, 1), from(&ip, "nosuch").local_port(1));
        check_error(&error, ("EINVAL", "bind", &ip.to_string(), Some(1)), &format!("bind EINVAL {ip}%nosuch:1"));
    }
    for bad in ["", "a b", "a%b"] {
        let error = connect_error((Ipv6Addr::LOCALHOST, 1), from(&Ipv6Addr::LOCALHOST, bad));
        check_error(&error, ("ERR_INVALID_IP_ADDRESS", "", "", None), &format!("Invalid IP address: ::1%{bad}"));
    }
    let (_held, port) = refused_port();
    let error = connect_error(("::1%nosuch", port), from(&Ipv6Addr::LOCALHOST, "nosuch").local_port(free_port()));
    let local = error.local_address().and_then(Address::port).expect("asked for");
    let message = format!("connect ECONNREFUSED ::1%nosuch:{port} - Local (::1%nosuch:{local})");
    check_error(&error, ("ECONNREFUSED", "connect", "::1", Some(port)), &message);
}

/// A port of ::1 that was free a moment ago.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("bound").port()
}

#[test]
fn fault_g_a_text_with_a_zone_is_an_endpoint() {
    let same = |text: &str, expected: Endpoint| assert_eq!(text.parse::<Endpoint>().expect(text), expected);
    same("[fe80::1%lo]:80", ("fe80::1%lo", 80).into());
    same("[fe80::1%eth0.100]:0", ("fe80::1%eth0.100", 0).into());
    // The number of an interface is the form of the standard library.
    same("[fe80::1%7]:80", SocketAddr::from(SocketAddrV6::new("fe80::1".parse().expect("an address"), 80, 0, 7)).into());
    same("[fe80::1%4294967296]:80", ("fe80::1%4294967296", 80).into());
    for bad in [
        "[fe80::1%]:80",
        "[fe80::1%a b]:80",
        "[fe80::1%a%b]:80",
        "[fe80::1%lo]",
        "[fe80::1%lo]:",
        "[fe80::1%lo]:65536",
        "[fe80::1%lo]:+80",
        "[::1]:+80",
        "[fe80::1%lo]80",
        "[fe80::1%lo:80",
        "fe80::1%lo:80",
    ] {
        let error = bad.parse::<Endpoint>().expect_err(bad);
        assert_eq!(error.code(), netloop::code::ERR_INVALID_ARG_VALUE, "{bad}");
    }
    let (mut reactor, mut trace) = setup();
    let port = port(&mut reactor);
    let endpoint: Endpoint = format!("[::1%nosuch]:{port}").parse().expect("an endpoint");
    let mut socket = reactor.connect(endpoint);
    watch(&mut socket, "C");
    socket.on_connect(|socket, _| socket.destroy());
    run(&mut reactor, &mut trace);
    trace.check("C", &["connectionAttempt [::1]:P", "connect", "ready", "close false"]);
}

/// A rule does not look at the zone; the error has it: `IP(::1%nosuch) is blocked by net.BlockList`.
#[test]
fn fault_g_a_block_list_blocks_an_address_in_every_zone() {
    let mut list = BlockList::new();
    list.add_address(Ipv6Addr::LOCALHOST);
    let list = Arc::new(list);
    let blocked = |at: Endpoint| {
        error_of(|reactor, sender| {
            let mut socket = reactor.new_socket(SocketOptions::new().block_list(Arc::clone(&list)));
            socket.on_error(move |_, error, _| sender.send(error.clone()).expect("somebody waits")).connect(at);
        })
    };
    let error = blocked(("::1%nosuch", 80).into());
    check_error(&error, ("ERR_IP_BLOCKED", "", "", None), "IP(::1%nosuch) is blocked by net.BlockList");
    if let Some(OfInterface { index, name, .. }) = loopback() {
        let error = blocked(SocketAddr::from(SocketAddrV6::new(Ipv6Addr::LOCALHOST, 80, 0, index)).into());
        assert_eq!(error.to_string(), format!("IP(::1%{name}) is blocked by net.BlockList"));
    }
    let error = blocked((Ipv6Addr::LOCALHOST, 80).into());
    assert_eq!(error.to_string(), "IP(::1) is blocked by net.BlockList");
}
