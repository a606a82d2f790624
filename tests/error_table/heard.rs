//! What was told of errors, and how it is checked.

use std::cell::RefCell;
use std::rc::Rc;

use netloop::{ConnectOptions, Error, IntoEndpoint, ListenOptions, LookupRequest, Reactor, Socket, SocketOptions};

use crate::util::{self, Trace, check_error, run};

/// code, system call, address without port, port.
pub(crate) type Fields<'f> = (&'f str, &'f str, &'f str, Option<u16>);

/// What was told of errors, in order: by which callback, and the error.
#[derive(Clone, Default)]
pub(crate) struct Heard(pub(crate) Rc<RefCell<Vec<(String, Error)>>>);

impl Heard {
    pub(crate) fn keep(&self, by: &str, error: &Error) {
        self.0.borrow_mut().push((by.to_owned(), error.clone()));
    }

    pub(crate) fn event(&self, socket: &mut Socket<'_, Trace>) {
        let heard = self.clone();
        socket.on_error(move |_, error, _| heard.keep("error", error));
    }

    /// A completion callback that has to fail.
    pub(crate) fn callback(
        &self,
        by: &'static str,
    ) -> impl FnOnce(&mut Socket<'_, Trace>, netloop::Result, &mut Trace) + use<> {
        let heard = self.clone();
        move |_, result, _| heard.keep(by, &result.expect_err("it has to fail"))
    }

    /// Everything that was heard; the host name is nobody's.
    #[track_caller]
    pub(crate) fn check(&self, expected: &[(&str, Fields<'_>, &str)]) {
        let heard = self.0.borrow();
        assert_eq!(heard.len(), expected.len(), "{heard:?}");
        for ((by, error), (expected_by, fields, message)) in heard.iter().zip(expected) {
            assert_eq!(by, expected_by, "{heard:?}");
            check_plain(error, *fields, message);
        }
    }
}

#[track_caller]
pub(crate) fn check_plain(error: &Error, fields: Fields<'_>, message: &str) {
    check_error(error, fields, message);
    assert_eq!((error.hostname(), error.errors().len()), (None, 0));
}

pub(crate) fn setup() -> (Reactor<Trace>, Trace) {
    (util::reactor(), Trace::default())
}

/// The one error of a connect, which is all that comes of it.
#[track_caller]
pub(crate) fn connect_error(to: impl IntoEndpoint, socket: SocketOptions, options: ConnectOptions) -> Error {
    let (mut reactor, mut trace, heard) = (util::reactor(), Trace::default(), Heard::default());
    let mut socket = reactor.new_socket(socket);
    heard.event(socket.connect_with(to, options));
    socket.on_connect(|_, trace| trace.push("C", "connect"));
    run(&mut reactor, &mut trace);
    trace.check("C", &[]);
    let mut heard = heard.0.take();
    assert_eq!(heard.len(), 1, "{heard:?}");
    heard.remove(0).1
}

#[track_caller]
pub(crate) fn check_connect(to: impl IntoEndpoint, options: ConnectOptions, fields: Fields<'_>, message: &str) {
    check_plain(&connect_error(to, SocketOptions::new(), options), fields, message);
}

/// The one error of a listen.
#[track_caller]
pub(crate) fn listen_error(at: impl IntoEndpoint, options: ListenOptions) -> Error {
    let (mut reactor, mut trace, heard) = (util::reactor(), Trace::default(), Heard::default());
    let mut server = reactor.create_server(|_, _| {});
    let keep = heard.clone();
    server.on_error(move |_, error, _| keep.keep("error", error)).listen_with(at, options);
    run(&mut reactor, &mut trace);
    let mut heard = heard.0.take();
    assert_eq!(heard.len(), 1, "{heard:?}");
    heard.remove(0).1
}

#[track_caller]
pub(crate) fn check_listen(at: impl IntoEndpoint, fields: Fields<'_>, message: &str) {
    check_plain(&listen_error(at, ListenOptions::new()), fields, message);
}

/// A port of 127.0.0.1 at which a server listens without holding the loop.
pub(crate) fn served(reactor: &mut Reactor<Trace>) -> u16 {
    reactor.create_server(|_, _| {}).listen(([127, 0, 0, 1], 0)).unref().port().expect("bound inside listen")
}

pub(crate) fn lookup(answer: impl Fn(LookupRequest) + 'static) -> ConnectOptions {
    ConnectOptions::new().lookup(answer)
}

/// Whether the system lets this process do everything.
#[cfg(unix)]
pub(crate) fn is_almighty(what: &str) -> bool {
    let dir = util::TempDir::new();
    let locked = dir.path("locked");
    std::fs::create_dir(&locked).expect("a directory");
    std::fs::set_permissions(&locked, std::os::unix::fs::PermissionsExt::from_mode(0o000)).expect("one's own directory");
    let is_almighty = std::fs::read_dir(&locked).is_ok();
    if is_almighty {
        println!("skipped: {what}: this process may do everything (root)");
    }
    is_almighty
}
