//! The book: how the loop, the sockets and their lives work, chapter by chapter, for readers who know neither libuv nor Node.
//!
//! The chapters are in `docs/book`; every example in them runs with the tests.

#[doc = include_str!("../docs/book/01-the-loop.md")]
pub mod _01_the_loop {}

#[doc = include_str!("../docs/book/02-handles-and-readiness.md")]
pub mod _02_handles_and_readiness {}

#[doc = include_str!("../docs/book/03-server.md")]
pub mod _03_server {}

#[doc = include_str!("../docs/book/04-socket.md")]
pub mod _04_socket {}

#[doc = include_str!("../docs/book/05-writing.md")]
pub mod _05_writing {}

#[doc = include_str!("../docs/book/06-ending-and-destroying.md")]
pub mod _06_ending_and_destroying {}

#[doc = include_str!("../docs/book/07-timers-ticks-watchers-work.md")]
pub mod _07_timers_ticks_watchers_work {}

#[doc = include_str!("../docs/book/08-embedding-and-threads.md")]
pub mod _08_embedding_and_threads {}

#[doc = include_str!("../docs/book/09-from-node.md")]
pub mod _09_from_node {}

#[doc = include_str!("../docs/book/10-deviations.md")]
pub mod _10_deviations {}

#[doc = include_str!("../docs/book/11-codecs.md")]
pub mod _11_codecs {}

#[doc = include_str!("../docs/book/12-names-and-addresses.md")]
pub mod _12_names_and_addresses {}

#[doc = include_str!("../docs/book/13-coverage.md")]
pub mod _13_coverage {}

#[doc = include_str!("../docs/book/14-benchmarks.md")]
pub mod _14_benchmarks {}
