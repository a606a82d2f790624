//! H, P: rights of a socket file, and what one failure of the system leaves behind.
