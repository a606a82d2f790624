//! What may be written, and how bytes are kept that have to wait: copied, owned or shared.

use std::sync::Arc;

use crate::stream::Chunk;

/// Bytes to be written, and how to keep what the kernel does not take.
pub(super) trait Bytes {
    fn bytes(&self) -> &[u8];
    /// A chunk that holds the bytes, and how many of its first ones are not needed.
    fn keep(self, from: usize) -> (Chunk, usize);
}

/// Borrowed: copied if it has to wait.
impl Bytes for &[u8] {
    fn bytes(&self) -> &[u8] {
        self
    }

    fn keep(self, from: usize) -> (Chunk, usize) {
        (Chunk::Copied(self[from..].to_vec()), 0)
    }
}

/// Given away: kept as it is.
pub(super) struct Owned<T>(pub(super) T);

impl<T: AsRef<[u8]> + 'static> Bytes for Owned<T> {
    fn bytes(&self) -> &[u8] {
        self.0.as_ref()
    }

    fn keep(self, from: usize) -> (Chunk, usize) {
        (Chunk::Owned(Box::new(self.0)), from)
    }
}

/// The same bytes for many sockets; copied once, when the first has to keep them.
pub(crate) struct Broadcast<'b> {
    bytes: &'b [u8],
    shared: Option<Arc<[u8]>>,
}

impl<'b> Broadcast<'b> {
    pub(in crate::net) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, shared: None }
    }
}

impl Bytes for &mut Broadcast<'_> {
    fn bytes(&self) -> &[u8] {
        self.bytes
    }

    fn keep(self, from: usize) -> (Chunk, usize) {
        (Chunk::Shared(Arc::clone(self.shared.get_or_insert_with(|| self.bytes.into()))), from)
    }
}
