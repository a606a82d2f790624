//! H, P: rights of a socket file, and what one failure of the system leaves behind.
//!
//! Most of these failures cannot be had by plain means. So a test runs itself once more under strace, which lets system calls
//! fail as it is told; where there is no strace the test says so and has nothing to look at.

#[cfg(target_os = "linux")]
mod injected {
    use std::process::{Command, Stdio};
    use std::sync::OnceLock;
    use std::sync::mpsc::{self, RecvTimeoutError};
    use std::thread;
    use std::time::Duration;

    use netloop::Reactor;

    use crate::util::mask_ports;

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
}
