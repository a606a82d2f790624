//! What a program sets on a socket reaches the system: no delay, keep-alive, type of service; read back from the kernel.
#![cfg(unix)]

mod util;

use std::net::IpAddr;
use std::time::Duration;

use netloop::{KeepAlive, Reactor, ServerId, ServerOptions, Socket, SocketId, SocketOptions};
use socket2::SockRef;
use util::{Trace, close, run, run_until, watch, with};

const V4: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);

/// `SO_KEEPALIVE`, then the probes: idle seconds, interval in seconds, count.
type Probes = (bool, u64, u64, u32);

/// A client "C" and the socket "S" a server has accepted.
struct Pair {
    reactor: Reactor<World>,
    world: World,
    server: ServerId,
    port: u16,
    client: SocketId,
    accepted: SocketId,
}

#[derive(Default)]
struct World {
    trace: Trace,
    accepted: Vec<SocketId>,
}

impl AsMut<Trace> for World {
    fn as_mut(&mut self) -> &mut Trace {
        &mut self.trace
    }
}

fn is_here(host: IpAddr) -> bool {
    std::net::TcpListener::bind((host, 0)).is_ok()
}

/// Connects; `before` is done to the client before `connect`, `during` right after it.
fn pair(
    host: IpAddr,
    server: ServerOptions,
    client: SocketOptions,
    before: impl FnOnce(&mut Socket<'_, World>),
    during: impl FnOnce(&mut Socket<'_, World>),
) -> Pair {
    let (mut reactor, mut world) = (util::reactor(), World::default());
    let mut server = reactor.create_server_with(server, |socket, world: &mut World| {
        watch(socket, "S");
        world.accepted.push(socket.id());
    });
    let port = server.listen((host, 0)).port().expect("bound inside listen");
    let server = server.id();
    let mut socket = reactor.new_socket(client);
    watch(&mut socket, "C");
    before(&mut socket);
    socket.connect((host, port));
    during(&mut socket);
    let client = socket.id();
    run_until(&mut reactor, &mut world, |_, world| world.trace.has("C", "ready") && !world.accepted.is_empty());
    let accepted = world.accepted[0];
    Pair { reactor, world, server, port, client, accepted }
}

fn plain(host: IpAddr) -> Pair {
    pair(host, ServerOptions::new(), SocketOptions::new(), |_| {}, |_| {})
}

impl Pair {
    fn client(&mut self) -> Socket<'_, World> {
        self.reactor.socket(self.client).expect("it is open")
    }

    fn accepted(&mut self) -> Socket<'_, World> {
        self.reactor.socket(self.accepted).expect("it is open")
    }

    /// Both sockets and the server end in peace.
    fn finish(mut self) {
        for id in [self.client, self.accepted] {
            with(&mut self.reactor, id, |socket| socket.destroy());
        }
        close(&mut self.reactor, self.server);
        run(&mut self.reactor, &mut self.world);
        for name in ["C", "S"] {
            assert!(!self.world.trace.of(name).iter().any(|event| event.starts_with("error")), "{:#?}", self.world.trace);
        }
    }

    /// Closes the client and connects it again.
    fn reconnect(mut self) -> Self {
        let (port, client) = (self.port, self.client);
        self.world.trace.clear();
        self.world.accepted.clear();
        with(&mut self.reactor, client, |socket| {
            socket.destroy();
            socket.once_close(move |socket, _, _| {
                socket.connect((V4, port));
            });
        });
        let ready = |_: &mut Reactor<World>, world: &mut World| world.trace.has("C", "ready") && !world.accepted.is_empty();
        run_until(&mut self.reactor, &mut self.world, ready);
        self.accepted = self.world.accepted[0];
        self
    }
}

fn probes(socket: &Socket<'_, World>) -> Probes {
    let kernel = SockRef::from(socket);
    let idle = kernel.tcp_keepalive_time().expect("a TCP option").as_secs();
    let interval = kernel.tcp_keepalive_interval().expect("a TCP option").as_secs();
    (kernel.keepalive().expect("an option"), idle, interval, kernel.tcp_keepalive_retries().expect("a TCP option"))
}

fn no_delay(socket: &Socket<'_, World>) -> bool {
    SockRef::from(socket).tcp_nodelay().expect("a TCP option")
}

fn keep_alive(delay_ms: u64, interval_ms: Option<u64>, count: Option<u32>) -> KeepAlive {
    KeepAlive { delay: Duration::from_millis(delay_ms), interval: interval_ms.map(Duration::from_millis), count }
}

/// §2.1: on a fresh connection each time, from the system's own timing.
#[test]
fn keep_alive_sets_what_node_sets() {
    let mut pair = plain(V4);
    let system = probes(&pair.client());
    assert!(!system.0);
    pair.finish();
    let only_on = (true, system.1, system.2, system.3);
    let table = [
        (keep_alive(0, None, None), only_on),
        (keep_alive(999, Some(5000), Some(3)), only_on),
        (keep_alive(1000, None, None), (true, 1, 1, 10)),
        (keep_alive(1999, None, None), (true, 1, 1, 10)),
        (keep_alive(5000, Some(7999), Some(4)), (true, 5, 7, 4)),
        (keep_alive(60_000, None, Some(3)), (true, 60, 1, 3)),
        (keep_alive(60_000, Some(20_000), None), (true, 60, 20, 10)),
        // Refused by libuv before it has set any of the three.
        (keep_alive(5000, Some(0), Some(4)), only_on),
        (keep_alive(5000, Some(999), Some(4)), only_on),
        (keep_alive(5000, Some(7000), Some(0)), only_on),
    ];
    for (given, expected) in table {
        let mut pair = plain(V4);
        pair.client().set_keep_alive(given.clone());
        assert_eq!(probes(&pair.client()), expected, "{given:?}");
        pair.accepted().set_keep_alive(given.clone());
        assert_eq!(probes(&pair.accepted()), expected, "{given:?} on an accepted socket");
        pair.finish();
    }
}

/// Linux takes at most 32767 seconds and 127 probes; what comes before the bad one stays, as in libuv.
#[cfg(target_os = "linux")]
#[test]
fn what_the_system_refuses_leaves_the_probes_on() {
    let mut pair = plain(V4);
    let (_, idle, interval, count) = probes(&pair.client());
    pair.client().set_keep_alive(keep_alive(40_000_000, None, None));
    assert_eq!(probes(&pair.client()), (true, idle, interval, count));
    pair.client().set_keep_alive(keep_alive(5000, Some(40_000_000), None));
    assert_eq!(probes(&pair.client()), (true, 5, interval, count));
    pair.client().set_keep_alive(keep_alive(6000, Some(2000), Some(200)));
    assert_eq!(probes(&pair.client()), (true, 6, 2, count));
    pair.client().set_keep_alive(keep_alive(u64::MAX, None, None));
    assert!(probes(&pair.client()).0);
    pair.finish();
}

#[test]
fn keep_alive_can_be_turned_off_and_changed_and_repeated() {
    let mut pair = plain(V4);
    let first = keep_alive(5000, Some(7000), Some(4));
    for _ in 0..2 {
        pair.client().set_keep_alive(first.clone());
        assert_eq!(probes(&pair.client()), (true, 5, 7, 4));
    }
    for _ in 0..2 {
        pair.client().set_keep_alive(None);
        assert_eq!(probes(&pair.client()), (false, 5, 7, 4));
    }
    pair.client().set_keep_alive(keep_alive(3000, None, None));
    assert_eq!(probes(&pair.client()), (true, 3, 1, 10));
    pair.finish();
}

/// A value that is set already is not set again: what was changed behind our back stays.
#[test]
fn repeating_a_value_does_not_ask_the_system() {
    let options = SocketOptions::new().no_delay(true).type_of_service(0x20).keep_alive(keep_alive(5000, None, None));
    let mut pair = pair(V4, ServerOptions::new(), options, |_| {}, |_| {});
    let socket = &mut pair.client();
    SockRef::from(&*socket).set_tcp_nodelay(false).expect("a TCP option");
    SockRef::from(&*socket).set_keepalive(false).expect("an option");
    SockRef::from(&*socket).set_tos_v4(0x10).expect("an IP option");
    socket.set_no_delay(true).set_keep_alive(keep_alive(5000, None, None)).set_type_of_service(0x20);
    assert_eq!((no_delay(socket), probes(socket).0, socket.type_of_service()), (false, false, 0x10));
    socket.set_no_delay(false).set_keep_alive(None).set_type_of_service(0);
    socket.set_no_delay(true).set_keep_alive(keep_alive(5000, None, None)).set_type_of_service(0x20);
    assert_eq!((no_delay(socket), probes(socket), socket.type_of_service()), (true, (true, 5, 1, 10), 0x20));
    pair.finish();
}

/// §3.10.
#[test]
fn what_is_set_before_or_while_connecting_holds_once_connected() {
    let set = |socket: &mut Socket<'_, World>| {
        socket.set_no_delay(true).set_keep_alive(keep_alive(5000, Some(7000), Some(4))).set_type_of_service(0x10);
        assert_eq!(socket.type_of_service(), 0x10);
    };
    let early = pair(V4, ServerOptions::new(), SocketOptions::new(), set, |_| {});
    let late = pair(V4, ServerOptions::new(), SocketOptions::new(), |_| {}, set);
    for mut pair in [early, late] {
        let socket = pair.client();
        assert_eq!((no_delay(&socket), probes(&socket), socket.type_of_service()), (true, (true, 5, 7, 4), 0x10));
        let socket = pair.accepted();
        assert_eq!((no_delay(&socket), probes(&socket).0, socket.type_of_service()), (false, false, 0));
        pair.finish();
    }
}

#[test]
fn what_is_taken_back_before_connecting_is_not_set() {
    let take_back = |socket: &mut Socket<'_, World>| {
        socket.set_no_delay(true).set_keep_alive(keep_alive(5000, None, None)).set_type_of_service(0x10);
        socket.set_no_delay(false).set_keep_alive(None).set_type_of_service(0);
    };
    let mut pair = pair(V4, ServerOptions::new(), SocketOptions::new(), take_back, |_| {});
    let socket = pair.client();
    assert_eq!((no_delay(&socket), probes(&socket).0, socket.type_of_service()), (false, false, 0));
    pair.finish();
}

#[test]
fn the_options_of_a_socket_hold_in_every_life() {
    let options = SocketOptions::new().no_delay(true).keep_alive(keep_alive(1500, None, Some(3))).type_of_service(0x28);
    let mut pair = pair(V4, ServerOptions::new(), options, |_| {}, |_| {});
    for _ in 0..2 {
        let socket = pair.client();
        assert_eq!((no_delay(&socket), probes(&socket), socket.type_of_service()), (true, (true, 1, 1, 3), 0x28));
        pair = pair.reconnect();
    }
    pair.finish();
}

#[test]
fn what_was_changed_in_one_life_holds_in_the_next() {
    let mut pair = plain(V4);
    pair.client().set_no_delay(true).set_keep_alive(keep_alive(9000, None, None)).set_type_of_service(0x08);
    let mut pair = pair.reconnect();
    let socket = pair.client();
    assert_eq!((no_delay(&socket), probes(&socket), socket.type_of_service()), (true, (true, 9, 1, 10), 0x08));
    pair.finish();
}

#[test]
fn the_options_of_a_server_hold_for_each_socket_it_accepts() {
    let options = ServerOptions::new().no_delay(true).keep_alive(keep_alive(2500, Some(9000), Some(5)));
    let mut pair = pair(V4, options, SocketOptions::new(), |_| {}, |_| {});
    for _ in 0..2 {
        let socket = pair.accepted();
        assert_eq!((no_delay(&socket), probes(&socket), socket.type_of_service()), (true, (true, 2, 9, 5), 0));
        let socket = pair.client();
        assert_eq!((no_delay(&socket), probes(&socket).0), (false, false));
        pair = pair.reconnect();
    }
    pair.accepted().set_no_delay(false).set_keep_alive(None);
    assert_eq!((no_delay(&pair.accepted()), probes(&pair.accepted()).0), (false, false));
    pair.finish();
}

/// IPv6 has an option of its own for it.
#[test]
fn the_type_of_service_is_that_of_the_sockets_family() {
    for host in [V4, V6].into_iter().filter(|&host| is_here(host)) {
        let options = SocketOptions::new().type_of_service(0x20);
        let mut pair = pair(host, ServerOptions::new(), options, |_| {}, |_| {});
        let kernel = |socket: &Socket<'_, World>| {
            let socket = SockRef::from(socket);
            let value = if host.is_ipv4() { socket.tos_v4() } else { socket.tclass_v6() };
            value.expect("an IP option")
        };
        assert_eq!((kernel(&pair.client()), pair.client().type_of_service()), (0x20, 0x20), "{host}");
        assert_eq!((kernel(&pair.accepted()), pair.accepted().type_of_service()), (0, 0), "{host}");
        for value in [0x28, 0x28, 0, 0x10] {
            pair.client().set_type_of_service(value);
            pair.accepted().set_type_of_service(value);
            assert_eq!((kernel(&pair.client()), pair.client().type_of_service()), (value.into(), value), "{host}");
            assert_eq!((kernel(&pair.accepted()), pair.accepted().type_of_service()), (value.into(), value), "{host}");
        }
        pair.finish();
    }
}

/// Linux; measured with Node too.
#[cfg(target_os = "linux")]
#[test]
fn tcp_keeps_the_bits_of_congestion_for_itself() {
    for host in [V4, V6].into_iter().filter(|&host| is_here(host)) {
        let mut pair = plain(host);
        assert_eq!(pair.client().set_type_of_service(0xff).type_of_service(), 0xfc, "{host}");
        pair.finish();
    }
}

/// An IPv4 peer of a dual-stack server is on an IPv6 socket.
#[cfg(target_os = "linux")]
#[test]
fn the_type_of_service_of_a_mapped_peer_is_that_of_ipv6() {
    if !is_here(V6) {
        return;
    }
    let (mut reactor, mut world) = (util::reactor::<World>(), World::default());
    let mut server = reactor.create_server(|socket, world: &mut World| {
        socket.set_type_of_service(0x10);
        let class = SockRef::from(&*socket).tclass_v6().expect("an IPv6 option");
        world.trace.push("S", format!("{class} {}", socket.type_of_service()));
        socket.destroy();
    });
    let port = server.listen((IpAddr::from([0; 16]), 0)).port().expect("bound inside listen");
    let server = server.id();
    reactor.connect((V4, port)).on_close(move |socket, _, _| close(socket.reactor(), server)).resume();
    run(&mut reactor, &mut world);
    world.trace.check("S", &["16 16"]);
}

#[test]
fn without_a_connection_the_type_of_service_is_the_last_one_set() {
    let mut pair = plain(V4);
    let mut fresh = pair.reactor.new_socket(SocketOptions::new());
    assert_eq!(fresh.type_of_service(), 0);
    assert_eq!(fresh.set_type_of_service(0xff).type_of_service(), 0xff);
    let mut socket = pair.client();
    socket.set_type_of_service(0x28).destroy();
    assert_eq!(socket.type_of_service(), 0x28);
    assert_eq!(socket.set_type_of_service(3).type_of_service(), 3);
    // Harmless on a socket that is gone for good.
    socket.set_no_delay(true).set_keep_alive(keep_alive(5000, None, None));
    pair.finish();
}

/// §6.
#[test]
fn options_of_tcp_do_nothing_to_a_local_socket() {
    let (mut reactor, mut world) = (util::reactor::<World>(), World::default());
    let (near, far) = reactor.socket_pair().expect("a pair");
    let mut socket = reactor.socket(near).expect("just made");
    assert_eq!(socket.type_of_service(), 0);
    socket.set_no_delay(true).set_keep_alive(keep_alive(5000, None, None)).set_type_of_service(0x10);
    assert_eq!(socket.type_of_service(), 0x10);
    assert!(!SockRef::from(&socket).keepalive().expect("an option of every socket"));
    watch(&mut socket, "C");
    socket.end_with("hello");
    watch(&mut reactor.socket(far).expect("just made"), "S");
    run(&mut reactor, &mut world);
    world.trace.check("S", &["data 5", "end", "finish", "close false"]);
    world.trace.check("C", &["finish", "end", "close false"]);
}
