//! Values by socket.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::{Index, IndexMut};

use super::socket::SocketId;

/// A map from sockets to your own values: the state of a connection that several listeners share.
///
/// It lives in your state, outside the reactor, so a socket and its value are borrowed side by side. Ids hash to themselves.
///
/// ```
/// use netloop::{Reactor, SocketMap};
///
/// let mut reactor = Reactor::<SocketMap<u64>>::new()?;
/// reactor.create_server(|socket, bytes| {
///     bytes.insert(socket.id(), 0);
///     socket
///         .on_data(|socket, chunk, bytes| bytes[socket.id()] += chunk.len() as u64)
///         .on_close(|socket, _, bytes| drop(bytes.remove(socket.id())));
/// });
/// # Ok::<(), netloop::Error>(())
/// ```
pub struct SocketMap<T>(HashMap<SocketId, T, BuildHasherDefault<IdHasher>>);

/// An id is unique already; its bits are mixed once so that they spread over the table.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u32(byte.into());
        }
    }

    fn write_u32(&mut self, value: u32) {
        self.0 = (self.0.rotate_left(32) ^ u64::from(value)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl<T> Default for SocketMap<T> {
    fn default() -> Self {
        Self(HashMap::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for SocketMap<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T> SocketMap<T> {
    /// An empty map.
    ///
    /// ```
    /// let map = netloop::SocketMap::<String>::new();
    /// assert!(map.is_empty());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a socket's value and gives back the one it had.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// let mut names = netloop::SocketMap::new();
    /// assert_eq!(names.insert(near, "Ann"), None);
    /// assert_eq!(names.insert(near, "Bob"), Some("Ann"));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn insert(&mut self, id: SocketId, value: T) -> Option<T> {
        self.0.insert(id, value)
    }

    /// Takes a socket's value out.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut names = netloop::SocketMap::new();
    /// names.insert(near, "Ann");
    /// assert_eq!(names.remove(near), Some("Ann"));
    /// assert_eq!(names.remove(near), None);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn remove(&mut self, id: SocketId) -> Option<T> {
        self.0.remove(&id)
    }

    /// A socket's value.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut names = netloop::SocketMap::new();
    /// names.insert(near, "Ann");
    /// assert_eq!(names.get(near), Some(&"Ann"));
    /// assert_eq!(names.get(far), None);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn get(&self, id: SocketId) -> Option<&T> {
        self.0.get(&id)
    }

    /// A socket's value, to change it.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut counts = netloop::SocketMap::new();
    /// counts.insert(near, 1);
    /// if let Some(count) = counts.get_mut(near) { *count += 1; }
    /// assert_eq!(counts[near], 2);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn get_mut(&mut self, id: SocketId) -> Option<&mut T> {
        self.0.get_mut(&id)
    }

    /// Whether a socket has a value.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut names = netloop::SocketMap::new();
    /// names.insert(near, "Ann");
    /// assert!(names.contains(near) && !names.contains(far));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn contains(&self, id: SocketId) -> bool {
        self.0.contains_key(&id)
    }

    /// All sockets and values, in no order.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut counts = netloop::SocketMap::new();
    /// counts.insert(near, 1);
    /// counts.insert(far, 2);
    /// assert_eq!(counts.iter().map(|(_, count)| count).sum::<i32>(), 3);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (SocketId, &T)> {
        self.0.iter().map(|(&id, value)| (id, value))
    }

    /// All sockets, in no order.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut members = netloop::SocketMap::new();
    /// members.insert(near, "Ann");
    /// assert_eq!(reactor.broadcast(members.keys(), "news"), 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn keys(&self) -> impl Iterator<Item = SocketId> {
        self.0.keys().copied()
    }

    /// How many sockets have a value.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut names = netloop::SocketMap::new();
    /// names.insert(near, "Ann");
    /// assert_eq!(names.len(), 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none has.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut names = netloop::SocketMap::new();
    /// names.insert(near, "Ann");
    /// assert!(!names.is_empty());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T> Index<SocketId> for SocketMap<T> {
    type Output = T;

    /// # Panics
    ///
    /// If the socket has no value, as `HashMap` does.
    fn index(&self, id: SocketId) -> &T {
        &self.0[&id]
    }
}

impl<T> IndexMut<SocketId> for SocketMap<T> {
    /// # Panics
    ///
    /// If the socket has no value.
    fn index_mut(&mut self, id: SocketId) -> &mut T {
        self.0.get_mut(&id).expect("no value for this socket")
    }
}
