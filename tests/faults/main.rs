//! Faults that were found from outside, each with its kind: the input that showed it, and the same mistake in other places.
//!
//! Every test is named `fault_` and the letter of its kind, so that `cargo test -- fault_` runs them all.

#[path = "../util/mod.rs"]
mod util;

mod accounts;
mod addresses;
mod bounds;
mod counters;
mod lingering;
mod lives;
mod messages;
mod panics;
mod reading;
mod rows;
mod steps;
mod system;
mod time;
mod writing;
