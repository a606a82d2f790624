//! A single-threaded event loop on [mio](https://docs.rs/mio) that mirrors libuv, with the lifecycle of Node's `net.Server`
//! and `net.Socket` as callbacks.
//!
//! ```no_run
//! use netloop::{Reactor, SocketId};
//! use std::collections::HashSet;
//!
//! #[derive(Default)]
//! struct Room { members: HashSet<SocketId> }
//!
//! fn main() -> netloop::Result<()> {
//!     let mut reactor = Reactor::new()?;
//!     reactor
//!         .create_server(|socket, room: &mut Room| {              // the 'connection' listener
//!             room.members.insert(socket.id());
//!             socket
//!                 .on_data(|socket, chunk, room| {
//!                     let me = socket.id();
//!                     for &peer in room.members.iter().filter(|&&peer| peer != me) {
//!                         if let Some(mut peer) = socket.reactor().socket(peer) { peer.write(chunk); }
//!                     }
//!                 })
//!                 .on_close(|socket, _had_error, room| { room.members.remove(&socket.id()); });
//!         })
//!         .listen(("127.0.0.1", 4000));
//!     reactor.run(&mut Room::default())
//! }
//! ```
//!
//! This is a chat room: what one client sends, the others get.
//!
//! # What to know first
//!
//! - A [`Reactor`] owns the loop and everything on it. You keep ids ([`SocketId`], [`ServerId`], [`TimerId`]), which never
//!   dangle: a stale one finds nothing.
//! - [`Socket`] and [`Server`] are short-lived views; callbacks get one, and [`Reactor::socket`] makes one.
//! - Your own state is lent to [`Reactor::run`] and reaches every callback as its last argument. No `Rc<RefCell<…>>`.
//! - No callback ever runs inside a call of yours, and every call is allowed in every callback (but `run` itself, which
//!   answers with an error).
//! - Operations report by events: `listen`, `connect`, `write` and `end` return no `Result`; what goes wrong comes as `error`.
//! - The boolean of [`Socket::write`] says whether to go on or to wait for `drain`. The queue behind it has a limit.
//! - The order of events is Node's. Where it is not, the book has [a row with the reason](_book::_10_deviations).
//!
//! # Layers
//!
//! ```text
//! your program
//! net          Reactor, Server, Socket: Node's objects and their lives
//! stream       read path, write queue, accept: libuv's stream.c
//! event_loop   phases, handles, timers, ticks, watchers, wake-up, work: libuv's core.c
//! codec        frames in a stream of bytes: lengths, lines, delimiters; text
//! sys          the operating system, through mio and socket2
//! ```
//!
//! Imports point down, and the loop calls up through one trait. There is no unsafe code.
//!
//! # Features
//!
//! There are no Cargo features. What goes wrong without an event goes to the [log](https://docs.rs/log) facade: warnings for
//! unheard errors and for descriptors that run out, debug lines for what the system refuses. Events are not logged.
//!
//! # Platforms
//!
//! Linux is where the tests run; those of Windows run under Wine. macOS and FreeBSD are type-checked only. A path is a
//! Unix-domain socket, on Windows the name of a pipe.
//!
//! # The book
//!
//! 1. [The loop](_book::_01_the_loop): phases, ticks, what holds the loop
//! 2. [Handles and readiness](_book::_02_handles_and_readiness): ids, edges, budgets
//! 3. [The server](_book::_03_server): listening, accepting, closing
//! 4. [The socket](_book::_04_socket): states and events in order
//! 5. [Writing](_book::_05_writing): the boolean, `drain`, callbacks, corking, the limit
//! 6. [Ending and destroying](_book::_06_ending_and_destroying): `end`, `finish`, `close`, `error`, half-open, reset
//! 7. [Timers, ticks, watchers, work](_book::_07_timers_ticks_watchers_work): everything besides sockets
//! 8. [Embedding and threads](_book::_08_embedding_and_threads): another loop, other threads
//! 9. [From Node and libuv](_book::_09_from_node): which call is which
//! 10. [Where it differs from Node 26](_book::_10_deviations): every known row, with its reason
//! 11. [Codecs](_book::_11_codecs): messages in a stream of bytes
//! 12. [Names and addresses](_book::_12_names_and_addresses): lookups, several addresses, the local end
//! 13. [Node's own tests](_book::_13_coverage): what each pins down, and what does so here
//! 14. [Benchmarks](_book::_14_benchmarks): beside tokio, smol, libuv and Node

mod address;
pub mod code;
pub mod codec;
mod error;
mod event_loop;
mod net;
mod stream;
mod sys;

pub use self::address::{Address, Family};
pub use self::codec::{Encoding, StringDecoder};
pub use self::error::{BoxError, Error, Result};
pub use self::event_loop::{LoopGuard, ManualClock};
pub use self::net::{
    AbortSignal, Adopted, AdoptedListener, BlockList, ConnectOptions, Dropped, Endpoint, Handle, Handler, ImmediateId,
    IntoEndpoint, KeepAlive, ListenOptions, ListenerId, LookupAddress, LookupRequest, Metrics, Outcome, PipeOptions, Reactor,
    ReactorOptions, ReadyState, Remote, RemoteError, Server, ServerId, ServerOptions, ShutdownReport, Socket, SocketId,
    SocketMap, SocketOptions, TimerId, UnhandledErrors, WatcherId, WorkId, Writer, is_ip, is_ipv4, is_ipv6,
};

#[cfg(any(doc, doctest))]
#[path = "book.rs"]
pub mod _book;

/// The examples of the README are tests too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct ReadmeDoctests;
