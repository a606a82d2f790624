//! I: a socket that the crate closes by itself after its end loses nothing that was sent.
