//! F: no counter is too small for what a program does.
