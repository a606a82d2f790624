//! H, P: rights of a socket file, and what one failure of the system leaves behind.
//!
//! Most of these failures cannot be had by plain means. So a test runs itself once more under strace, which lets system calls
//! fail as it is told; where there is no strace the test says so and has nothing to look at.

#[cfg(target_os = "linux")]
mod injected {
    use std::io::Read;
    use std::net::{SocketAddr, TcpStream};
    use std::path::Path;
    use std::process::{Command, Stdio};
    use std::sync::OnceLock;
    use std::sync::mpsc::{self, RecvTimeoutError};
    use std::thread;
    use std::time::Duration;

    use netloop::{ListenOptions, Reactor};

    use crate::util::{TempDir, mask_ports};

    /// No child takes that long.
    const LIMIT: Duration = Duration::from_secs(60);

    /// Set in the child: what it is to do.
    const TASK: &str = "NETLOOP_FAULT";

    /// What a child says begins with this.
    const MARK: &str = "FAULT ";

    fn say(text: impl std::fmt::Display) {
        println!("\n{MARK}{text}");
    }

    /// Whether strace is there and may trace.
    fn can_inject() -> bool {
        static CAN: OnceLock<bool> = OnceLock::new();
        let can = *CAN.get_or_init(|| {
            let status = Command::new("strace").args(["-f", "-qq", "-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
            status.is_ok_and(|status| status.success())
        });
        if !can {
            println!("not checked: system calls fail by strace only, which is not to be had here");
        }
        can
    }

    /// Runs a test once more, for one task, with options of strace; what the child says.
    fn run(test: &str, task: &str, faults: &[&str]) -> Vec<String> {
        let output = Command::new("strace")
            .args(["-f", "-qq", "-o", "/dev/null"])
            .args(faults)
            .arg(std::env::current_exe().expect("this test"))
            .args(["--exact", &format!("system::injected::{test}"), "--nocapture"])
            .env(TASK, task)
            .output()
            .expect("strace is there");
        let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{task} {faults:?}: {said}\n{errors}");
        said.lines().filter_map(|line| line.strip_prefix(MARK)).map(mask_ports).collect()
    }

    /// Prints what is logged at the level of warnings and above, and ends a child that hangs.
    fn be_child() {
        struct Logger;
        impl log::Log for Logger {
            fn enabled(&self, _: &log::Metadata<'_>) -> bool {
                true
            }
            fn log(&self, record: &log::Record<'_>) {
                say(format_args!("{}: {}", record.level(), record.args()));
            }
            fn flush(&self) {}
        }
        log::set_logger(&Logger).expect("the only one");
        log::set_max_level(log::LevelFilter::Warn);
        let (held, over) = mpsc::channel::<()>();
        // It is dropped with the process.
        std::mem::forget(held);
        thread::spawn(move || {
            if over.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
                say("it hangs");
                std::process::exit(3);
            }
        });
    }

    const EVENTFD: [&str; 4] = ["-P", "anon_inode:[eventfd]", "-e", "trace=write"];

    /// What another thread wants comes, though the system refuses the wake-up once, and it is told if it goes on refusing.
    #[test]
    fn fault_p_a_loop_that_could_not_be_woken_once_is_not_deaf() {
        if let Ok(task) = std::env::var(TASK) {
            return be_woken(&task);
        }
        if !can_inject() {
            return;
        }
        let with = |task: &str, fault: &str| {
            let inject = format!("inject=write:{fault}");
            run("fault_p_a_loop_that_could_not_be_woken_once_is_not_deaf", task, &[&EVENTFD[..], &["-e", &inject]].concat())
        };
        for task in ["post", "ask", "guard", "work"] {
            let expected = with(task, "error=EIO:when=1000");
            assert_eq!(expected, ["done"], "{task}");
            for fault in ["error=EIO:when=1", "error=EINTR:when=1", "error=EINTR:when=1..7", "error=ENOMEM:when=1..7"] {
                assert_eq!(with(task, fault), expected, "{task} {fault}");
            }
        }
        // When the loop looks is not said: it may be awake.
        let sorted = |mut said: Vec<String>| {
            said.sort();
            said
        };
        let told = "ERROR: the loop cannot be woken, what other threads want waits for the next event: \
                    Input/output error (os error 5)";
        let over = "WARN: the loop can be woken again";
        assert_eq!(sorted(with("twice", "error=EIO:when=1..8")), [told, over, "first", "second"]);
        assert_eq!(sorted(with("event", "error=EIO")), [told, "an event", "first"]);
    }

    /// Each task is over with what its thread wants, or with the second of two things.
    fn be_woken(task: &str) {
        be_child();
        let mut reactor = Reactor::<u32>::new().expect("a selector");
        let (remote, guard) = (reactor.remote(), reactor.keep_alive());
        let seen = |reactor: &mut Reactor<u32>, text: &str, left: &mut u32| {
            say(text);
            *left -= 1;
            if *left == 0 {
                reactor.stop();
            }
        };
        let poster = remote.clone();
        let post = move |text: &'static str| poster.post(move |reactor, left| seen(reactor, text, left)).expect("it runs");
        let mut left = 1;
        let thread = match task {
            "post" => thread::spawn(move || post("done")),
            "ask" => thread::spawn(move || remote.ask(move |reactor, left| seen(reactor, "done", left)).expect("it answers")),
            "guard" => {
                let only = reactor.keep_alive();
                thread::spawn(move || drop(only))
            }
            "work" => {
                reactor.queue_work(|| (), move |reactor, (), left| seen(reactor, "done", left));
                thread::spawn(|| ())
            }
            "twice" => {
                left = 2;
                thread::spawn(move || ["first", "second"].into_iter().for_each(post))
            }
            "event" => {
                left = 2;
                let (near, far) = std::os::unix::net::UnixStream::pair().expect("two sockets");
                reactor.adopt(near).on_end(move |socket, left| seen(socket.reactor(), "an event", left));
                thread::spawn(move || {
                    post("first");
                    drop(far);
                })
            }
            _ => unreachable!("{task}"),
        };
        if task == "guard" {
            drop(guard);
            reactor.run(&mut left).expect("no failure");
            say("done");
        } else {
            reactor.run(&mut left).expect("no failure");
            // Its wake-up would be one more to fail.
            std::mem::forget(guard);
        }
        thread.join().expect("no panic");
    }

    /// Node removes the file too. The next `listen` finds the path free.
    #[test]
    fn fault_p_a_listen_that_fails_leaves_no_file() {
        if let Ok(task) = std::env::var(TASK) {
            be_child();
            return listen_twice(Path::new(&task));
        }
        if !can_inject() {
            return;
        }
        let dir = TempDir::new();
        let path = dir.path("a.sock");
        let text = path.display();
        let with = |calls: &str, fault: &str| {
            let (trace, inject) = (format!("trace={calls}"), format!("inject={calls}:{fault}"));
            let said = run("fault_p_a_listen_that_fails_leaves_no_file", &text.to_string(), &["-e", &trace, "-e", &inject]);
            assert!(!path.exists(), "the server was closed");
            said
        };
        let after = |error: String| [format!("{error}, file false"), "listening".to_owned()];
        let listen = with("listen", "error=ENOMEM:when=1");
        assert_eq!(listen, after(format!("listen ENOMEM: not enough memory {text}")));
        let rights = with("?chmod,fchmodat", "error=EPERM:when=1");
        assert_eq!(rights, after(format!("uv_pipe_chmod EPERM {text}")));
        let open = with("?open,openat", "error=EMFILE:when=1000");
        assert_eq!(open, ["listening"], "nothing fails");
        if cfg!(mio_unsupported_force_poll_poll) {
            println!("not checked: the poll(2) selector makes no system call to watch a listener");
        } else {
            // The first call is for the waker.
            let register = with("epoll_ctl", "error=ENOSPC:when=2");
            assert_eq!(register, after(format!("listen ENOSPC: no space left on device {text}")));
        }
    }

    fn listen_twice(path: &Path) {
        let mut reactor = Reactor::<()>::new().expect("a selector");
        let options = ListenOptions::new().readable_all(true).writable_all(true);
        let (again, file) = (options.clone(), path.to_owned());
        let mut server = reactor.create_server(|_, _| {});
        server.on_listening(|server, _| {
            say("listening");
            server.close();
        });
        server.on_error(move |server, error, _| {
            say(format_args!("{error}, file {}", file.symlink_metadata().is_ok()));
            assert_eq!(error.address().and_then(|address| address.path()), Some(file.as_path()));
            assert!(!server.is_listening());
            server.listen_with(&file, again.clone());
        });
        server.listen_with(path, options);
        reactor.run(&mut ()).expect("every error is heard");
    }

    /// A server that takes no connections says so once, and when it takes them again; a peer that was quicker to go is no news.
    #[test]
    fn fault_p_a_server_that_cannot_accept_says_so() {
        if let Ok(task) = std::env::var(TASK) {
            be_child();
            return accept(task.parse().expect("a number"));
        }
        if !can_inject() {
            return;
        }
        let with = |peers: u32, calls: &str, fault: &str| {
            let (trace, inject) = (format!("trace={calls}"), format!("inject={calls}:{fault}"));
            run("fault_p_a_server_that_cannot_accept_says_so", &peers.to_string(), &["-e", &trace, "-e", &inject])
        };
        let accept = |peers: u32, fault: &str| with(peers, "accept4", fault);
        assert_eq!(accept(1, "error=ENOMEM:when=1000"), ["connection", "server closed"]);
        let again = "WARN: ServerId(0.1) (127.0.0.1:P) accepts connections again";
        for (error, text) in [
            ("ENOMEM", "Cannot allocate memory (os error 12)"),
            ("ENOBUFS", "No buffer space available (os error 105)"),
            ("EPERM", "Operation not permitted (os error 1)"),
            ("ENETDOWN", "Network is down (os error 100)"),
        ] {
            let told = format!("WARN: ServerId(0.1) (127.0.0.1:P) cannot accept connections and tries again: {text}");
            // A turn tries 16 times; these are three.
            let said = accept(1, &format!("error={error}:when=1..48"));
            assert_eq!(said, [&told, "connection", again, "server closed"], "{error}");
        }
        // One that is over at once is not told.
        assert_eq!(accept(1, "error=ENOMEM:when=1..15"), ["connection", "server closed"]);
        assert_eq!(accept(1, "error=ECONNABORTED:when=1..48"), ["connection", "server closed"]);
        let full = "WARN: no descriptor is left for ServerId(0.1) (127.0.0.1:P): waiting connections are closed";
        assert_eq!(accept(2, "error=EMFILE:when=1"), [full, "shed", "connection", again, "server closed"]);
        if cfg!(mio_unsupported_force_poll_poll) {
            println!("not checked: the poll(2) selector makes no system call to watch a listener");
            return;
        }
        // The waker, the listener, and the listener again after the first peer.
        let unwatched = "WARN: ServerId(0.1) (127.0.0.1:P) cannot be watched and is asked each turn: \
                         Cannot allocate memory (os error 12)";
        let said = with(2, "epoll_ctl", "error=ENOMEM:when=3");
        assert_eq!(said, ["connection", unwatched, "connection", again, "server closed"]);
    }

    /// Serves so many peers, one after the other: the next one comes when the last one has gone.
    fn accept(peers: u32) {
        let mut reactor = Reactor::<u32>::new().expect("a selector");
        let mut server = reactor.create_server(|socket, _| {
            say("connection");
            socket.destroy();
        });
        let address = SocketAddr::from(([127, 0, 0, 1], server.listen(([127, 0, 0, 1], 0)).port().expect("bound")));
        let (id, remote) = (server.id(), reactor.remote());
        let client = thread::spawn(move || {
            for _ in 0..peers {
                let mut peer = TcpStream::connect(address).expect("the backlog has room");
                assert!(peer.read(&mut [0]).map_or(true, |count| count == 0), "nothing is written");
                // One that never was a connection of the server.
                let seen = remote.ask(|_, seen| std::mem::take(seen)).expect("it answers");
                if seen == 0 {
                    say("shed");
                }
            }
            let close = remote.post(move |reactor, _| {
                say("server closed");
                reactor.server(id).expect("it listens").close();
            });
            close.expect("it runs");
        });
        reactor.server(id).expect("it listens").on_connection(|_, seen| *seen += 1);
        reactor.run(&mut 0).expect("no failure");
        client.join().expect("no panic");
    }

    /// Whatever `listen` is refused by, the code is the system's.
    #[test]
    fn fault_p_texts_of_listen_errors_are_those_of_node() {
        if std::env::var(TASK).is_ok() {
            be_child();
            let mut reactor = Reactor::<()>::new().expect("a selector");
            let mut server = reactor.create_server(|_, _| {});
            server.on_error(|_, error, _| say(error)).listen(([127, 0, 0, 1], 0));
            reactor.run(&mut ()).expect("every error is heard");
            return;
        }
        if !can_inject() {
            return;
        }
        for (error, text) in [
            ("ENOMEM", "not enough memory"),
            ("ENOBUFS", "no buffer space available"),
            ("EPERM", "operation not permitted"),
            ("ENOSPC", "no space left on device"),
            ("ENETDOWN", "network is down"),
            ("ENODEV", "no such device"),
            ("ENOTDIR", "not a directory"),
            ("ELOOP", "too many symbolic links encountered"),
            ("EROFS", "read-only file system"),
            ("EIO", "i/o error"),
        ] {
            let inject = format!("inject=listen:error={error}");
            let said =
                run("fault_p_texts_of_listen_errors_are_those_of_node", "listen", &["-e", "trace=listen", "-e", &inject]);
            assert_eq!(said, [format!("listen {error}: {text} 127.0.0.1")]);
        }
    }
}

/// A program that may write in the folder puts a link at the path as soon as a socket is there. The rights of no other file
/// change, and the link stays.
///
/// That program is a thread here, and chance decides whether it comes between bind and the rights; both cases are counted.
/// Systems that cannot hold on to a file look before and after, and may come too late.
#[cfg(target_os = "linux")]
#[test]
fn fault_h_a_link_put_at_the_path_gains_no_rights() {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use crate::util::{self, TempDir};
    use netloop::{ListenOptions, code};

    const ROUNDS: usize = 1500;
    let dir = Arc::new(TempDir::new());
    let (path, secret, other) = (dir.path("a.sock"), dir.path("secret"), dir.path("other.sock"));
    fs::write(&secret, "text").expect("a file");
    let _other = UnixListener::bind(&other).expect("a socket");
    let private = [&secret, &other];
    for path in private {
        fs::set_permissions(path, Permissions::from_mode(0o600)).expect("it is ours");
    }
    let is_over = Arc::new(AtomicBool::new(false));
    let quick = {
        let (dir, is_over) = (Arc::clone(&dir), Arc::clone(&is_over));
        std::thread::spawn(move || {
            let path = dir.path("a.sock");
            let mut targets = [dir.path("secret"), dir.path("other.sock")].into_iter().cycle();
            while !is_over.load(Ordering::Relaxed) {
                if path.symlink_metadata().is_ok_and(|file| file.file_type().is_socket()) {
                    let _ = fs::rename(&path, dir.path("moved"));
                    let _ = symlink(targets.next().expect("a cycle"), &path);
                }
            }
        })
    };
    let (mut refused, mut late) = (0, 0);
    for _ in 0..ROUNDS {
        let mut reactor = util::reactor::<Vec<netloop::Error>>();
        let mut server = reactor.create_server(|_, _| {});
        server.on_error(|_, error, errors| errors.push(error.clone()));
        server.listen_with(&path, ListenOptions::new().readable_all(true).writable_all(true));
        let is_listening = server.is_listening();
        let mut errors = Vec::new();
        reactor.run_nowait(&mut errors).expect("every error is heard");
        match errors.as_slice() {
            [] if is_listening => late += 1,
            // A link that came after the end of the last round.
            [error] if error.code() == code::EADDRINUSE => {}
            [error] if !is_listening => {
                assert!(["ELOOP", "EEXIST", code::ENOENT].contains(&error.code()), "{error}");
                assert_eq!(error.syscall(), Some("uv_pipe_chmod"));
                assert_eq!(error.address().and_then(|address| address.path()), Some(path.as_path()));
                refused += 1;
                // The link is left alone; it may not be there yet.
                while !path.symlink_metadata().is_ok_and(|file| file.file_type().is_symlink()) {
                    std::thread::yield_now();
                }
            }
            errors => panic!("listening {is_listening}: {errors:?}"),
        }
        for file in private {
            assert_eq!(fs::metadata(file).expect("it stays").permissions().mode() & 0o777, 0o600, "{}", file.display());
        }
        drop(reactor);
        // A server that listens takes any file with it, as in Node, but one may be put there after that.
        let _ = fs::remove_file(&path);
    }
    is_over.store(true, Ordering::Relaxed);
    quick.join().expect("no panic");
    println!("of {ROUNDS} rounds {refused} were refused, {late} were over before");
}
