//! netloop
mod address;
mod error;
mod event_loop;
mod net;
mod stream;
mod sys;

pub use self::address::{Address, Endpoint, Family, IntoEndpoint};
pub use self::error::{BoxError, Error, Result, code};
pub use self::event_loop::{LoopGuard, ManualClock};
pub use self::net::{
    ConnectOptions, Dropped, Handle, Handler, ImmediateId, KeepAlive, ListenOptions, ListenerId, Metrics, Outcome, Reactor,
    ReactorOptions, ReadyState, Remote, RemoteError, Server, ServerId, ServerOptions, ShutdownReport, Socket, SocketId,
    SocketMap, SocketOptions, TimerId, UnhandledErrors, WatcherId, WorkId, Writer,
};
