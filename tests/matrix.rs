//! Any call is legal in any callback: each pair is one cell of a matrix, and each cell has a reactor of its own.
//!
//! A cell sets up a listening server, a client of it, and an unrelated pair of sockets; it provokes the callback, makes the
//! call in there, lets the loop go on for a while, then closes everything. Every event is counted on the way.

#[path = "matrix/cell.rs"]
mod cell;
#[path = "matrix/world.rs"]
mod world;

use std::any::Any;
use std::panic::catch_unwind;
use std::time::Duration;

use self::cell::Cell;

/// Where the call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Connection,
    Listening,
    Drop,
    ServerError,
    ServerClose,
    Lookup,
    ConnectionAttempt,
    ConnectionAttemptFailed,
    Connect,
    Ready,
    Data,
    End,
    Finish,
    Drain,
    Timeout,
    Pause,
    Resume,
    Error,
    Close,
    WriteThen,
    EndThen,
    NextTick,
    Immediate,
    Timer,
    Interval,
    Prepare,
    Check,
    Idle,
    RemotePost,
    WorkDone,
    SocketTick,
    SocketWorkDone,
    After,
    Every,
    CloseThen,
    ShutdownDone,
    UnhandledError,
}

/// What is called there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Destroy,
    DestroyWith,
    End,
    EndWith,
    Write,
    WriteThen,
    Pause,
    Resume,
    CorkUncork,
    ResetAndDestroy,
    DestroySoon,
    DestroySibling,
    CloseListener,
    ListenAgain,
    ConnectNew,
    ConnectSame,
    AddListener,
    RemoveCurrent,
    SetTimeout,
    Clear,
    Stop,
    RunAgain,
    Panic,
    PanicThenDrop,
}

const CALLS: [Call; 24] = [
    Call::Destroy,
    Call::DestroyWith,
    Call::End,
    Call::EndWith,
    Call::Write,
    Call::WriteThen,
    Call::Pause,
    Call::Resume,
    Call::CorkUncork,
    Call::ResetAndDestroy,
    Call::DestroySoon,
    Call::DestroySibling,
    Call::CloseListener,
    Call::ListenAgain,
    Call::ConnectNew,
    Call::ConnectSame,
    Call::AddListener,
    Call::RemoveCurrent,
    Call::SetTimeout,
    Call::Clear,
    Call::Stop,
    Call::RunAgain,
    Call::Panic,
    Call::PanicThenDrop,
];

fn run_cell(kind: Kind, call: Call) {
    let mut cell = Cell::new(kind, call);
    cell.set_up();
    if !cell.world.fired {
        cell.provoke();
    }
    cell.drive_until("the callback", |cell| cell.world.fired);
    if call == Call::PanicThenDrop {
        return;
    }
    let iterations = cell.reactor.metrics().iterations;
    for _ in 0..20 {
        cell.step();
        cell.clock.advance(Duration::from_millis(10));
    }
    assert!(cell.reactor.metrics().iterations > iterations, "the loop does not go on");
    cell.wind_down();
    cell.check();
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// Every call in one callback; tells all cells that fail.
fn every_call_in(kind: Kind) {
    let mut failures = Vec::new();
    for call in CALLS {
        if let Err(panic) = catch_unwind(|| run_cell(kind, call)) {
            failures.push(format!("{kind:?} x {call:?}: {}", text(&*panic)));
        }
    }
    assert!(failures.is_empty(), "{} cells fail:\n{}", failures.len(), failures.join("\n"));
}

macro_rules! matrix {
    ($($name:ident: $kind:ident,)*) => {
        $(#[test]
        fn $name() {
            every_call_in(Kind::$kind);
        })*
    };
}

matrix! {
    any_call_in_connection: Connection,
    any_call_in_listening: Listening,
    any_call_in_drop: Drop,
    any_call_in_a_server_error: ServerError,
    any_call_in_a_server_close: ServerClose,
    any_call_in_lookup: Lookup,
    any_call_in_connection_attempt: ConnectionAttempt,
    any_call_in_connection_attempt_failed: ConnectionAttemptFailed,
    any_call_in_connect: Connect,
    any_call_in_ready: Ready,
    any_call_in_data: Data,
    any_call_in_end: End,
    any_call_in_finish: Finish,
    any_call_in_drain: Drain,
    any_call_in_timeout: Timeout,
    any_call_in_pause: Pause,
    any_call_in_resume: Resume,
    any_call_in_error: Error,
    any_call_in_close: Close,
    any_call_in_the_callback_of_a_write: WriteThen,
    any_call_in_the_callback_of_an_end: EndThen,
    any_call_in_next_tick: NextTick,
    any_call_in_an_immediate: Immediate,
    any_call_in_a_timer: Timer,
    any_call_in_an_interval: Interval,
    any_call_in_prepare: Prepare,
    any_call_in_check: Check,
    any_call_in_idle: Idle,
    any_call_in_a_remote_post: RemotePost,
    any_call_in_the_callback_of_work: WorkDone,
    any_call_in_a_tick_of_a_socket: SocketTick,
    any_call_in_the_callback_of_a_sockets_work: SocketWorkDone,
    any_call_in_a_sockets_timer: After,
    any_call_in_a_sockets_interval: Every,
    any_call_in_the_callback_of_a_server_close: CloseThen,
    any_call_in_the_callback_of_a_shutdown: ShutdownDone,
    any_call_in_the_hook_of_unheard_errors: UnhandledError,
}
