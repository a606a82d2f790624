//! What a socket's callback may return.

use crate::error::{BoxError, Error, Result};

/// What a callback that gets a socket returns: `()`, `bool`, or a [`Result`] of these.
///
/// An `Err` destroys the socket with that error, as Node does with a rejected `async` listener (`captureRejections`), so `?`
/// works in parsers. A `bool` is what [`Socket::write`](crate::Socket::write) gives back; it is ignored.
///
/// ```
/// use netloop::Reactor;
///
/// let mut reactor = Reactor::<()>::new()?;
/// let (near, _) = reactor.socket_pair()?;
/// let mut socket = reactor.socket(near).expect("just made");
/// socket.on_data(|_, chunk, _| -> netloop::Result<(), std::str::Utf8Error> {
///     println!("{}", std::str::from_utf8(chunk)?);
///     Ok(())
/// });
/// socket.on_end(|socket, _| socket.write("bye"));
/// # Ok::<(), netloop::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "a listener returns `()`, `bool` or a `Result` of these, not `{Self}`",
    label = "this value is not used by the listener's caller",
    note = "end the last expression with `;` to drop its value; an `Err` destroys the socket with that error"
)]
pub trait Outcome: sealed::Sealed {
    /// The error, if it is one.
    fn into_result(self) -> Result;
}

mod sealed {
    pub trait Sealed {}

    /// Names a function type's return type.
    pub trait HasOutput {
        type Output;
    }

    impl<T> HasOutput for fn() -> T {
        type Output = T;
    }

    impl Sealed for () {}
    impl Sealed for bool {}
    impl Sealed for super::Never {}
    impl<T: Sealed, E> Sealed for Result<T, E> {}
}

/// `!`, which stable Rust names only by this detour: for listeners that end in `panic!()` or `unreachable!()`.
type Never = <fn() -> ! as sealed::HasOutput>::Output;

impl Outcome for Never {
    fn into_result(self) -> Result {
        self
    }
}

impl Outcome for () {
    fn into_result(self) -> Result {
        Ok(())
    }
}

impl Outcome for bool {
    fn into_result(self) -> Result {
        Ok(())
    }
}

impl<T: Outcome, E: Into<BoxError>> Outcome for Result<T, E> {
    fn into_result(self) -> Result {
        self.map_err(|error| Error::from(error.into()))?.into_result()
    }
}
