//! D, E: a wait and a deadline count from the time it is, not from the time the loop last looked.
