//! The codes this crate makes itself or translates from the system, as constants for `match`.
//!
//! System codes carry the names of `errno`, the others those of Node's `ERR_*` classes.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        $($(#[$doc])* pub const $name: &str = stringify!($name);)*
    };
}
codes! {
    /// An [`AbortSignal`](crate::AbortSignal) was aborted.
    ABORT_ERR,
    /// Permission denied.
    EACCES,
    /// The address is in use.
    EADDRINUSE,
    /// The address does not belong to this machine.
    EADDRNOTAVAIL,
    /// `connect` was called while another attempt was under way.
    EALREADY,
    /// The operation was cancelled by `destroy`.
    ECANCELED,
    /// The connection was aborted by this machine.
    ECONNABORTED,
    /// Nobody listens there.
    ECONNREFUSED,
    /// The peer reset the connection.
    ECONNRESET,
    /// The host cannot be reached.
    EHOSTUNREACH,
    /// An argument is not valid for the system.
    EINVAL,
    /// The socket is connected already.
    EISCONN,
    /// The process has no free descriptor.
    EMFILE,
    /// The system has no free descriptor.
    ENFILE,
    /// There is no room for what was read.
    ENOBUFS,
    /// No such file.
    ENOENT,
    /// The name could not be resolved.
    ENOTFOUND,
    /// The network cannot be reached.
    ENETUNREACH,
    /// The system does not support this.
    ENOTSUP,
    /// The peer does not read any more, or our side has ended.
    EPIPE,
    /// The attempt took too long.
    ETIMEDOUT,
    /// A callback of the object panicked.
    ERR_CALLBACK_PANICKED,
    /// The stream ended in the middle of a frame.
    ERR_FRAME_INCOMPLETE,
    /// A frame is longer than its decoder or its header allows.
    ERR_FRAME_TOO_LONG,
    /// A connect to an address that is on the socket's block list.
    ERR_IP_BLOCKED,
    /// What should be an IP address is none.
    ERR_INVALID_IP_ADDRESS,
    /// A number outside its range.
    ERR_OUT_OF_RANGE,
    /// A text that should be an IP address is none.
    ERR_INVALID_ADDRESS,
    /// An argument has a value that is not allowed.
    ERR_INVALID_ARG_VALUE,
    /// `reset_and_destroy` on a handle that cannot be reset (a Unix-domain socket).
    ERR_INVALID_HANDLE_TYPE,
    /// An adopted descriptor that is no stream socket.
    ERR_INVALID_FD_TYPE,
    /// `run` was called from inside a callback.
    ERR_REACTOR_RUNNING,
    /// The reactor of a `Remote` is gone.
    ERR_REACTOR_GONE,
    /// `Remote::ask` was called on the loop's own thread.
    ERR_REACTOR_THREAD,
    /// `listen` on a server that listens.
    ERR_SERVER_ALREADY_LISTEN,
    /// `close` on a server that does not listen.
    ERR_SERVER_NOT_RUNNING,
    /// An operation on a socket without a handle.
    ERR_SOCKET_CLOSED,
    /// A queued write whose socket died before it was connected.
    ERR_SOCKET_CLOSED_BEFORE_CONNECTION,
    /// `end` after the stream was finished.
    ERR_STREAM_ALREADY_FINISHED,
    /// An operation after `destroy`.
    ERR_STREAM_DESTROYED,
    /// `write` after `end`.
    ERR_STREAM_WRITE_AFTER_END,
    /// A name that is no encoding's.
    ERR_UNKNOWN_ENCODING,
    /// A foreign error without a code of its own.
    ERR_USER,
    /// A write would have passed the socket's `write_queue_limit`.
    ERR_WRITE_QUEUE_FULL,
}
