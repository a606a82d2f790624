//! What went wrong once, and must not again.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use netloop::{Reactor, SocketId, code};

/// What happened, in order.
type Log = Vec<String>;

fn pair(reactor: &mut Reactor<Log>) -> (SocketId, SocketId) {
    let (near, far) = reactor.socket_pair().expect("a pair");
    // Over TCP, as on Windows, a megabyte might fit.
    for id in [near, far] {
        let socket = reactor.socket(id).expect("just made");
        let kernel = socket2::SockRef::from(&socket);
        if cfg!(windows) {
            kernel.set_send_buffer_size(16 * 1024).expect("a buffer size");
            kernel.set_recv_buffer_size(16 * 1024).expect("a buffer size");
        }
    }
    (near, far)
}

/// Reads everything, and logs how much there was when it ends.
fn count(reactor: &mut Reactor<Log>, id: SocketId) {
    let mut bytes = 0;
    reactor
        .socket(id)
        .expect("just made")
        .on_data(move |socket, chunk, log| {
            bytes += chunk.len();
            if chunk.is_empty() {
                log.push("an empty chunk".to_owned());
            }
            assert_eq!(socket.bytes_read(), bytes as u64);
        })
        .on_end(|socket, log| log.push(format!("{} bytes", socket.bytes_read())));
}

/// Runs until a panic comes out, then to the end.
fn run_through_a_panic(reactor: &mut Reactor<Log>, log: &mut Log) {
    let panic = catch_unwind(AssertUnwindSafe(|| reactor.run(log)));
    assert!(panic.is_err(), "the planted panic");
    reactor.run(log).expect("it runs again");
}

/// The kernel takes a part of what was corked: the rest waits for an event, which has to be asked for.
#[test]
fn corked_bytes_that_the_kernel_refuses_follow_later() {
    for corked in [true, false] {
        let (mut reactor, mut log) = (Reactor::new().expect("a reactor"), Log::new());
        let (near, far) = pair(&mut reactor);
        count(&mut reactor, far);
        let mut socket = reactor.socket(near).expect("just made");
        if corked {
            socket.cork();
            socket.write(vec![1; 1 << 20]);
        } else {
            socket.write_vectored(&[std::io::IoSlice::new(&vec![1; 1 << 20])]);
        }
        socket.end();
        reactor.run(&mut log).expect("no error");
        assert_eq!(log, ["1048576 bytes"], "corked: {corked}");
    }
}

/// A write under way holds the loop, corked before or not.
#[test]
fn a_vectored_write_of_an_unrefd_socket_is_sent_before_the_loop_ends() {
    let (mut reactor, mut log) = (Reactor::new().expect("a reactor"), Log::new());
    let (near, far) = pair(&mut reactor);
    count(&mut reactor, far);
    let mut peer = reactor.socket(far).expect("just made");
    peer.unref();
    let mut socket = reactor.socket(near).expect("just made");
    socket.unref().next_tick(|socket, _| socket.write_vectored(&[std::io::IoSlice::new(&vec![1; 8 << 20])]));
    reactor.run(&mut log).expect("no error");
    assert_eq!(reactor.socket(near).map(|socket| socket.writable_length()), Some(0));
}

/// A pass over due timers that a panic breaks off goes on at once: no wait before it.
#[test]
fn timers_due_beside_a_panic_forbid_waiting() {
    let (mut reactor, mut log) = (Reactor::<Log>::new().expect("a reactor"), Log::new());
    reactor.set_timeout(Duration::ZERO, |_, _| panic!("planted"));
    reactor.set_timeout(Duration::ZERO, |_, log| log.push("second".to_owned()));
    let panic = catch_unwind(AssertUnwindSafe(|| reactor.run(&mut log)));
    assert!(panic.is_err());
    assert_eq!(reactor.backend_timeout(), Some(Duration::ZERO));
    reactor.run_once(&mut log).expect("no error");
    assert_eq!(log, ["second"]);
}

/// Each callback comes once, also when the one before it panics: cancelled in flight, corked, at `end`, and complete at once.
#[test]
fn callbacks_behind_a_panic_are_called() {
    for case in ["in flight", "corked", "ended", "complete"] {
        let (mut reactor, mut log) = (Reactor::new().expect("a reactor"), Log::new());
        let (near, far) = pair(&mut reactor);
        count(&mut reactor, far);
        let mut socket = reactor.socket(near).expect("just made");
        let first = |_: &mut netloop::Socket<'_, Log>, _: netloop::Result, _: &mut Log| -> () { panic!("planted") };
        let second = |_: &mut netloop::Socket<'_, Log>, result: netloop::Result, log: &mut Log| {
            log.push(format!("second {}", result.err().map_or("ok", |error| error.code())));
        };
        if case == "in flight" {
            socket.write(vec![0; 4 << 20]);
        } else if case != "ended" {
            socket.cork();
        }
        if case == "ended" {
            socket.end_then("", first);
            socket.end_then("", second);
        } else {
            socket.write_then("a", first);
            socket.write_then("b", second);
        }
        match case {
            "in flight" | "corked" => socket.destroy(),
            "complete" => socket.uncork(),
            _ => {}
        }
        run_through_a_panic_or_drop(&mut reactor, &mut log, near);
        let expected = match case {
            "in flight" => format!("second {}", code::ECANCELED),
            "corked" => format!("second {}", code::ERR_STREAM_DESTROYED),
            _ => "second ok".to_owned(),
        };
        assert_eq!(log.iter().filter(|said| said.starts_with("second")).collect::<Vec<_>>(), [&expected], "{case}");
    }
}

fn run_through_a_panic_or_drop(reactor: &mut Reactor<Log>, log: &mut Log, id: SocketId) {
    reactor.set_timeout(Duration::from_millis(20), move |reactor, _| {
        if let Some(mut socket) = reactor.socket(id) {
            socket.destroy();
        }
    });
    run_through_a_panic(reactor, log);
}

/// A life that begins in the callback that ended the last one does not answer for its writes.
#[test]
fn a_new_life_does_not_complete_the_writes_of_the_old_one() {
    let (mut reactor, mut log) = (Reactor::<Log>::new().expect("a reactor"), Log::new());
    let mut server = reactor.create_server(|_, _| {});
    let address = ([127, 0, 0, 1], server.listen(([127, 0, 0, 1], 0)).port().expect("bound"));
    let id = server.id();
    server.on_connection(move |socket, _| {
        socket.on_data(move |socket, chunk, log: &mut Log| {
            log.push(format!("wire {}", String::from_utf8_lossy(chunk)));
            // Not before: closing resets peers that nobody has accepted yet.
            if chunk.ends_with(b"new")
                && let Some(mut server) = socket.reactor().server(id)
            {
                server.close();
            }
        });
    });
    let mut socket = reactor.connect(address);
    socket.once_connect(move |socket, _| {
        socket.cork();
        socket.write_then("lost", |_, result, log: &mut Log| log.push(format!("lost {}", result.is_ok())));
        socket.end_then("", |_, result, log: &mut Log| log.push(format!("end {}", result.is_ok())));
        socket.destroy();
        socket.connect(address);
        socket.write_then("new", |socket, result, log: &mut Log| {
            log.push(format!("new {}", result.is_ok()));
            socket.end();
        });
    });
    reactor.run(&mut log).expect("no error");
    let told: Vec<_> = log.iter().filter(|said| !said.starts_with("wire")).cloned().collect();
    let wire: String = log.iter().filter_map(|said| said.strip_prefix("wire ")).collect();
    // What was corked leaves with `end`, which came before the destroy.
    assert!(told.contains(&"new true".to_owned()), "{log:?}");
    assert!(wire.ends_with("new"), "{log:?}");
    assert!(!told.contains(&"end true".to_owned()), "the old end was never carried out: {log:?}");
}

/// Corked bytes stay behind a batch in flight.
#[test]
fn corked_bytes_do_not_leave_with_a_batch_before_them() {
    let (mut reactor, mut log) = (Reactor::<Log>::new().expect("a reactor"), Log::new());
    let (near, far) = pair(&mut reactor);
    count(&mut reactor, far);
    let mut socket = reactor.socket(near).expect("just made");
    assert!(!socket.write(vec![1; 1 << 20]), "more than the kernel takes");
    socket.cork();
    socket.write("corked");
    while reactor.socket(near).is_some_and(|socket| socket.writable_length() > 6) {
        reactor.run_once(&mut log).expect("no error");
    }
    for _ in 0..3 {
        reactor.run_nowait(&mut log).expect("no error");
    }
    assert_eq!(reactor.socket(far).map(|socket| socket.bytes_read()), Some(1 << 20));
    let mut socket = reactor.socket(near).expect("open");
    socket.uncork();
    socket.end();
    reactor.run(&mut log).expect("no error");
    assert_eq!(log, [format!("{} bytes", (1 << 20) + 6)]);
}

/// Gives slices of other lengths each time it is asked.
struct Fickle(Vec<u8>, Vec<usize>, Cell<usize>);

impl AsRef<[u8]> for Fickle {
    fn as_ref(&self) -> &[u8] {
        let turn = self.2.replace(self.2.get() + 1);
        &self.0[..self.1[turn.min(self.1.len() - 1)]]
    }
}

/// The socket ends as any other, whatever the caller's value says of its length.
#[test]
fn a_value_that_changes_its_length_does_no_harm() {
    let lengths = [
        (false, vec![20_000, 10]),
        (false, vec![10, 20_000]),
        (false, vec![3 << 20, 100]),
        (false, vec![3 << 20, 3 << 20, 3 << 20, 5]),
        (false, vec![0, 50_000]),
        (true, vec![9, 9, 9, 0]),
        (true, vec![20_000, 20_000, 20_000, 9]),
    ];
    for (corked, lengths) in lengths {
        let (mut reactor, mut log) = (Reactor::new().expect("a reactor"), Log::new());
        let (near, far) = pair(&mut reactor);
        count(&mut reactor, far);
        let mut socket = reactor.socket(near).expect("just made");
        if corked {
            socket.cork();
        }
        socket.write_owned(Fickle(vec![7; 3 << 20], lengths.clone(), Cell::new(0)));
        socket.write("tail");
        socket.end_then("", |_, result, log: &mut Log| log.push(format!("end {}", result.is_ok())));
        reactor.run(&mut log).expect("no error");
        assert!(log.contains(&"end true".to_owned()) && log.len() == 2, "{lengths:?}: {log:?}");
        assert_eq!(reactor.metrics().sockets, 0, "{lengths:?}");
    }
}

/// The limit bounds callbacks as well as bytes: empty writes with callbacks would otherwise pile up for ever.
#[test]
fn callbacks_that_wait_are_bounded() {
    let (mut reactor, mut log) = (Reactor::<Log>::new().expect("a reactor"), Log::new());
    let (near, _far) = pair(&mut reactor);
    let mut socket = reactor.socket(near).expect("just made");
    socket.set_write_queue_limit(1 << 20);
    socket.on_error(|_, error, log| log.push(error.code().to_owned()));
    assert!(!socket.write(vec![0; 1 << 20]), "more than the kernel takes");
    let taken = (0..1_000_000).take_while(|_| socket.write_then("", |_, _, _| {}) || !socket.is_destroyed()).count();
    assert_eq!(taken, (1 << 20) / 32);
    reactor.run(&mut log).expect("no error");
    assert_eq!(log, [code::ERR_WRITE_QUEUE_FULL]);
}
