//! A: a short read strands nothing in the kernel, whatever its reason.
