//! M: two accounts of one thing agree, whatever the kernel takes of a batch.
