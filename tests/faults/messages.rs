//! J: an error, a log line and an example say what happened, and to which peer.
