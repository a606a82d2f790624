//! Node's objects: `Server` and `Socket` on the loop. Mirrors `lib/net.js` and `lib/internal/streams/*.js`.
//!
//! A [`Reactor`] owns the loop and every object; an object is reached through a short-lived view made of the reactor and an
//! id. The files of `socket/` and `server/` hold the parts of one object each; `host.rs` is where the loop calls in.

mod abort;
mod block_list;
mod emit;
mod endpoint;
mod handler;
mod host;
mod interop;
mod ip;
mod linger;
mod listeners;
mod lookup;
mod map;
mod metrics;
mod options;
mod outcome;
mod panic;
mod pipe;
mod reactor;
mod remote;
mod run;
mod server;
mod socket;
mod timers;
mod unhandled;

pub use self::abort::AbortSignal;
pub use self::block_list::BlockList;
pub use self::endpoint::{Endpoint, IntoEndpoint};
pub use self::handler::Handler;
pub use self::host::Handle;
pub use self::ip::{is_ip, is_ipv4, is_ipv6};
pub use self::listeners::ListenerId;
pub use self::lookup::{LookupAddress, LookupRequest};
pub use self::map::SocketMap;
pub use self::metrics::Metrics;
pub use self::options::{ConnectOptions, KeepAlive, ListenOptions, ReactorOptions, ServerOptions, SocketOptions};
pub use self::outcome::Outcome;
pub use self::pipe::PipeOptions;
pub use self::reactor::Reactor;
pub use self::remote::{Remote, RemoteError};
pub use self::server::{AdoptedListener, Dropped, Server, ServerId, ShutdownReport};
pub use self::socket::{Adopted, ReadyState, Socket, SocketId, Writer};
pub use self::timers::{ImmediateId, TimerId, WatcherId, WorkId};
pub use self::unhandled::UnhandledErrors;
