//! What comes from other threads: posts, asks, guards, queued work.

use std::sync::mpsc;
use std::thread;

use netloop::{Error, Reactor, ReactorOptions, Remote, RemoteError, WorkId, code};

use super::{Log, Loop};

#[test]
fn posts_of_four_threads_arrive_complete_and_in_each_threads_order() {
    const THREADS: usize = 4;
    const POSTS: u32 = 10_000;
    let mut reactor = Reactor::<[u32; THREADS]>::new().expect("a reactor");
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let (remote, guard) = (reactor.remote(), reactor.keep_alive());
            thread::spawn(move || {
                for number in 0..POSTS {
                    let post = remote.post(move |_, next: &mut [u32; THREADS]| {
                        assert_eq!(next[thread], number, "thread {thread}");
                        next[thread] += 1;
                    });
                    post.expect("the loop is there");
                }
                drop(guard);
            })
        })
        .collect();
    let mut next = [0; THREADS];
    reactor.run(&mut next).expect("it ends with the last guard");
    assert_eq!(next, [POSTS; THREADS], "M26, F25");
    for thread in threads {
        thread.join().expect("no panic");
    }
    // Wake-ups melt into one another: never more waits than posts, the guards, and the first.
    assert!(reactor.metrics().polls <= u64::from(POSTS) * 4 + 4 + 1);
}

#[test]
fn a_post_made_in_a_callback_runs_later_and_before_what_is_posted_after_it() {
    let mut reactor = Reactor::<Log>::new().expect("a reactor");
    let remote = reactor.remote();
    let inner = remote.clone();
    let first = remote.post(move |_, log| {
        inner.post(|_, log| log.push("third")).expect("the loop is there");
        log.push("first");
    });
    first.expect("the loop is there");
    remote.post(|_, log| log.push("second")).expect("the loop is there");
    let mut log = Log::new();
    reactor.run(&mut log).expect("it runs");
    assert_eq!(log, ["first", "second", "third"]);
}

#[test]
fn a_remote_does_not_hold_the_loop_but_a_post_does() {
    let mut reactor = Reactor::<Log>::new().expect("a reactor");
    let remote = reactor.remote();
    reactor.run(&mut Log::new()).expect("it returns");
    assert!(!reactor.is_alive());
    remote.post(|_, log| log.push("post")).expect("the loop is there");
    assert!(reactor.is_alive());
    let mut log = Log::new();
    reactor.run(&mut log).expect("it runs");
    assert_eq!(log, ["post"]);
}

#[test]
fn a_remote_outlives_its_reactor_and_says_so() {
    let mut reactor = Reactor::<Log>::new().expect("a reactor");
    let remote = reactor.remote();
    let (sender, receiver) = mpsc::channel::<()>();
    let left = remote.post(move |_, _| drop(sender));
    left.expect("the loop is there");
    drop(reactor);
    assert_eq!(receiver.recv(), Err(mpsc::RecvError), "a post that never ran is dropped");
    assert_eq!(remote.post(|_, _| {}), Err(RemoteError::Gone));
    assert_eq!(remote.ask(|_, _| {}), Err(RemoteError::OnLoopThread));
    let asked = thread::spawn(move || remote.ask(|_, _| {})).join().expect("no panic");
    assert_eq!(asked, Err(RemoteError::Gone));
    assert_eq!(Error::from(RemoteError::Gone).code(), code::ERR_REACTOR_GONE);
}

#[test]
fn an_ask_is_answered_from_the_loop() {
    let mut reactor = Reactor::<Log>::new().expect("a reactor");
    let remote = reactor.remote();
    let guard = reactor.keep_alive();
    let asker = thread::spawn(move || {
        let answer = remote.ask(|reactor, log| {
            log.push("asked");
            reactor.handles().count()
        });
        drop(guard);
        answer
    });
    let mut log = Log::new();
    reactor.run(&mut log).expect("it ends with the guard");
    assert_eq!((asker.join().expect("no panic"), log), (Ok(0), vec!["asked"]));
}

#[test]
fn an_ask_ends_when_the_reactor_goes_without_an_answer() {
    let mut reactor = Reactor::<Log>::new().expect("a reactor");
    let remote = reactor.remote();
    let asker = thread::spawn(move || remote.ask(|_, _| ()));
    // The post is there as soon as the loop is alive.
    while !reactor.is_alive() {
        thread::yield_now();
    }
    drop(reactor);
    assert_eq!(asker.join().expect("no panic"), Err(RemoteError::Gone));
}

#[test]
fn asking_on_the_loops_own_thread_is_refused() {
    let mut reactor = Reactor::<Log>::new().expect("a reactor");
    let remote = reactor.remote();
    reactor.next_tick(move |_, log| {
        assert_eq!(remote.ask(|_, _| ()), Err(RemoteError::OnLoopThread));
        log.push("refused");
    });
    let mut log = Log::new();
    reactor.run(&mut log).expect("it runs");
    assert_eq!(log, ["refused"]);
}

#[test]
fn remotes_and_guards_may_travel() {
    fn travels<T: Send + Sync + 'static>() {}
    travels::<Remote<std::rc::Rc<()>>>();
    travels::<netloop::LoopGuard>();
    travels::<netloop::SocketId>();
}

#[test]
fn a_guard_holds_the_loop_until_the_last_clone_of_its_purpose_is_dropped() {
    let mut reactor = Reactor::<Log>::new().expect("a reactor");
    let (first, second) = (reactor.keep_alive(), reactor.remote().keep_alive());
    assert!(reactor.is_alive());
    drop(first);
    assert!(reactor.run_nowait(&mut Log::new()).expect("it runs"));
    let thread = thread::spawn(move || drop(second));
    reactor.run(&mut Log::new()).expect("the drop wakes it");
    thread.join().expect("no panic");
    assert!(!reactor.is_alive());
}

#[test]
fn work_runs_elsewhere_and_its_result_comes_back_to_the_loop() {
    let mut reactor = Reactor::<Vec<u32>>::new().expect("a reactor");
    let here = thread::current().id();
    for number in 0..20 {
        let work = move || (thread::current().id() != here, number);
        reactor.queue_work(work, |_, (elsewhere, number), done| {
            assert!(elsewhere);
            done.push(number);
        });
    }
    assert!(reactor.is_alive(), "P13");
    let mut done = Vec::new();
    reactor.run(&mut done).expect("it runs");
    done.sort_unstable();
    assert_eq!(done, (0..20).collect::<Vec<_>>(), "each once, P11");
}

/// A reactor of one worker, which is busy until the sender is dropped; `busy` tells that it has begun.
fn busy_worker() -> (Loop, WorkId, mpsc::Sender<()>) {
    let mut reactor = Reactor::with_options(ReactorOptions::new().work_threads(1)).expect("a reactor");
    let (release, wait) = mpsc::channel::<()>();
    let (begun, begins) = mpsc::channel::<()>();
    let work = move || {
        begun.send(()).expect("the test waits");
        wait.recv().expect_err("released by dropping");
    };
    let running = reactor.queue_work(work, |_, (), log: &mut Log| log.push("running"));
    begins.recv().expect("a worker");
    (reactor, running, release)
}

#[test]
fn work_can_be_cancelled_only_while_it_is_queued() {
    let (mut reactor, running, release) = busy_worker();
    let queued = reactor.queue_work(|| panic!("cancelled"), |_, (), log: &mut Log| log.push("cancelled"));
    let kept = reactor.queue_work(|| (), |_, (), log: &mut Log| log.push("kept"));
    assert!(reactor.cancel_work(queued), "P12");
    assert!(!reactor.cancel_work(queued), "once");
    assert!(!reactor.cancel_work(running), "it runs");
    drop(release);
    let mut log = Log::new();
    reactor.run(&mut log).expect("it runs");
    assert_eq!(log, ["running", "kept"]);
    assert!(!reactor.cancel_work(kept), "it is done");
}

#[test]
fn a_reactor_dropped_with_work_under_way_does_not_wait_for_it() {
    let (mut reactor, _running, release) = busy_worker();
    let (sender, receiver) = mpsc::channel::<()>();
    reactor.queue_work(move || drop(sender), |_, (), _| {});
    drop(reactor);
    assert_eq!(receiver.recv(), Err(mpsc::RecvError), "queued work is dropped");
    drop(release);
}

#[test]
fn a_sockets_work_that_ends_after_its_close_is_dropped() {
    let (mut reactor, _running, release) = busy_worker();
    let (near, _far) = reactor.socket_pair().expect("a pair");
    let mut socket = reactor.socket(near).expect("open");
    socket.queue_work(|| (), |_, (), log| log.push("late"));
    socket.on_close(|_, _, log| log.push("close"));
    socket.destroy();
    let mut log = Log::new();
    while reactor.socket(near).is_some() {
        reactor.run_nowait(&mut log).expect("it runs");
    }
    drop(release);
    reactor.run(&mut log).expect("it runs");
    assert_eq!(log, ["close", "running"], "P14");
}
