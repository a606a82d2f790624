//! netloop
mod address;
mod error;
mod event_loop;
mod stream;
mod sys;

pub use self::address::{Address, Endpoint, Family, IntoEndpoint};
pub use self::error::{BoxError, Error, Result, code};
pub use self::event_loop::{LoopGuard, ManualClock};
/// dummy
#[derive(Debug)]
pub struct Socket;
