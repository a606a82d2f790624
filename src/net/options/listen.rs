//! How to listen. Mirrors the options of `server.listen`.

use crate::net::abort::AbortSignal;

/// How to listen.
///
/// ```
/// use netloop::{ListenOptions, Reactor};
///
/// let mut reactor = Reactor::<()>::new()?;
/// reactor.create_server(|_, _| {}).listen_with(0, ListenOptions::new().backlog(16));
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ListenOptions {
    pub(crate) backlog: u32,
    pub(crate) reuse_port: bool,
    pub(crate) ipv6_only: bool,
    pub(crate) readable_all: bool,
    pub(crate) writable_all: bool,
    pub(crate) reclaim_stale: bool,
    pub(crate) signal: Option<AbortSignal>,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self {
            backlog: 511,
            reuse_port: false,
            ipv6_only: false,
            readable_all: false,
            writable_all: false,
            reclaim_stale: false,
            signal: None,
        }
    }
}

impl ListenOptions {
    /// Node's defaults.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<()>::new()?;
    /// let mut server = reactor.create_server(|_, _| {});
    /// assert!(server.listen_with(0, netloop::ListenOptions::new()).is_listening());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    builder! {
        /// How many connections the kernel queues before they are accepted. Default and meaning of 0: 511.
        /// Node's `backlog`.
        ///
        /// ```
        /// # let mut reactor = netloop::Reactor::<()>::new()?;
        /// let options = netloop::ListenOptions::new().backlog(16);
        /// assert!(reactor.create_server(|_, _| {}).listen_with(0, options).is_listening());
        /// # Ok::<(), netloop::Error>(())
        /// ```
        backlog: u32,
        /// Share the port with other listeners (`SO_REUSEPORT`). Default: false; `ENOTSUP` where it does not balance load.
        /// Node's `reusePort`.
        ///
        /// ```
        /// # if cfg!(target_os = "linux") {
        /// # let mut reactor = netloop::Reactor::<()>::new()?;
        /// let options = netloop::ListenOptions::new().reuse_port(true);
        /// let first = reactor.create_server(|_, _| {}).listen_with(([127, 0, 0, 1], 0), options.clone()).port();
        /// # let port = first.expect("it is bound");
        /// let second = reactor.create_server(|_, _| {}).listen_with(([127, 0, 0, 1], port), options).port();
        /// assert_eq!(first, second);
        /// # }
        /// # Ok::<(), netloop::Error>(())
        /// ```
        reuse_port: bool,
        /// Do not take IPv4 connections on an IPv6 address. Default: false. Node's `ipv6Only`.
        ///
        /// ```
        /// # let mut reactor = netloop::Reactor::<()>::new()?;
        /// let options = netloop::ListenOptions::new().ipv6_only(true);
        /// reactor.create_server(|_, _| {}).listen_with("[::]:0".parse::<netloop::Endpoint>()?, options);
        /// # Ok::<(), netloop::Error>(())
        /// ```
        ipv6_only: bool,
        /// Let everybody read the socket file: its rights become 0444, or 0666 with
        /// [`writable_all`](Self::writable_all), whatever the umask says. Default: false. Node's `readableAll`.
        ///
        /// For a path only. A name in the abstract namespace has no file: `ERR_INVALID_ARG_VALUE`. If the rights cannot be
        /// set, `error` names the system call `uv_pipe_chmod` and the path, and the file is removed again. `ENOTSUP` on
        /// Windows.
        ///
        /// Another program that may write in the folder can put a file of its choice in the place of the new one before its
        /// rights are set. Such a file keeps its rights and stays where it is: a link is `ELOOP`, any other file `EEXIST`,
        /// none `ENOENT`. Linux makes sure of it, and needs `/proc` for that; elsewhere the path is looked at before and
        /// after, which comes too late if the exchange falls between. Until its rights are set the file has none on Linux.
        ///
        /// ```
        /// # #[cfg(unix)] {
        /// # use std::os::unix::fs::PermissionsExt;
        /// # let mut reactor = netloop::Reactor::<()>::new()?;
        /// # let path = std::env::temp_dir().join(format!("netloop-readable-{}", std::process::id()));
        /// let options = netloop::ListenOptions::new().readable_all(true).writable_all(true);
        /// let mut server = reactor.create_server(|_, _| {});
        /// server.listen_with(&path, options);
        /// assert_eq!(std::fs::metadata(&path)?.permissions().mode() & 0o777, 0o666);
        /// server.close();
        /// # }
        /// # Ok::<(), netloop::Error>(())
        /// ```
        readable_all: bool,
        /// Let everybody connect to the socket file: its rights become 0222, or 0666 with
        /// [`readable_all`](Self::readable_all). Default: false. Node's `writableAll`.
        ///
        /// ```
        /// # #[cfg(unix)] {
        /// # use std::os::unix::fs::PermissionsExt;
        /// # let mut reactor = netloop::Reactor::<()>::new()?;
        /// # let path = std::env::temp_dir().join(format!("netloop-writable-{}", std::process::id()));
        /// let options = netloop::ListenOptions::new().writable_all(true);
        /// let mut server = reactor.create_server(|_, _| {});
        /// server.listen_with(&path, options);
        /// assert_eq!(std::fs::metadata(&path)?.permissions().mode() & 0o777, 0o222);
        /// server.close();
        /// # }
        /// # Ok::<(), netloop::Error>(())
        /// ```
        writable_all: bool,
        /// Take the place of a socket file that a crashed program left behind. Default: false, as in Node: any file at the
        /// path is `EADDRINUSE`.
        ///
        /// The file goes only if it is a socket (a link to one is not) and a connection to it is refused. Where somebody
        /// listens, that listener sees a connection that closes at once, and `EADDRINUSE` comes. With this option `close`
        /// removes the file only if it is still the one this server made.
        ///
        /// Two servers that start at the same moment may still take the path from each other, for a socket that is bound
        /// and does not listen yet refuses too. Whoever must exclude that takes a lock first.
        ///
        /// ```
        /// # #[cfg(unix)] {
        /// # let mut reactor = netloop::Reactor::<()>::new()?;
        /// # let path = std::env::temp_dir().join(format!("netloop-stale-{}", std::process::id()));
        /// drop(std::os::unix::net::UnixListener::bind(&path)?); // the file stays
        /// let options = netloop::ListenOptions::new().reclaim_stale(true);
        /// let mut server = reactor.create_server(|_, _| {});
        /// assert!(server.listen_with(&path, options).is_listening());
        /// server.close();
        /// # }
        /// # Ok::<(), netloop::Error>(())
        /// ```
        reclaim_stale: bool,
    }

    /// Close the server when this is aborted. Default: none. Node's `signal`.
    ///
    /// One that was aborted before closes it on the next tick, without `listening`.
    ///
    /// ```
    /// let mut reactor = netloop::Reactor::<()>::new()?;
    /// let signal = reactor.abort_signal();
    /// let options = netloop::ListenOptions::new().signal(signal);
    /// let id = reactor.create_server(|_, _| {}).listen_with(0, options).id();
    /// reactor.abort(signal);
    /// assert!(!reactor.server(id).expect("its `close` comes later").is_listening());
    /// reactor.run(&mut ())?;
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn signal(mut self, signal: AbortSignal) -> Self {
        self.signal = Some(signal);
        self
    }

    /// The backlog as the system call takes it.
    pub(crate) fn backlog_or_default(&self) -> i32 {
        match self.backlog {
            0 => 511,
            backlog => i32::try_from(backlog).unwrap_or(i32::MAX),
        }
    }
}
