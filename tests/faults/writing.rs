//! B, P: every write path meets a peer that is gone, and a kernel that takes a part, in the same way.
