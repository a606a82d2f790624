//! L: what the book says is what the crate does.
