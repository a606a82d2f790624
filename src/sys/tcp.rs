//! Making TCP sockets: what `uv_tcp_bind`, `uv_listen` and `uv_tcp_connect` ask of the system.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use mio::net::{TcpListener, TcpStream};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

use super::transport::{Acceptor, Transport};

/// TCP keep-alive probes, as Node's `setKeepAlive` sets them.
///
/// Fractions of a second are cut off. A delay below a second leaves the system's own timing alone, as in Node. Otherwise
/// Node's defaults hold: a probe a second, ten of them. What the system refuses is logged, and the probes are sent with the
/// timing that was.
///
/// ```
/// use netloop::KeepAlive;
/// use std::time::Duration;
///
/// let keep_alive = KeepAlive { delay: Duration::from_secs(60), ..KeepAlive::default() };
/// assert_eq!(keep_alive.interval, None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeepAlive {
    /// How long the connection is idle before the first probe; whole seconds.
    pub delay: Duration,
    /// The time between probes; whole seconds, one second if absent, refused if zero.
    pub interval: Option<Duration>,
    /// How many unanswered probes end the connection; ten if absent, refused if zero.
    pub count: Option<u32>,
}

/// What a listening TCP socket is made with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TcpListenOptions {
    pub(crate) backlog: i32,
    pub(crate) ipv6_only: bool,
    pub(crate) reuse_port: bool,
}

/// Binds and listens. mio's own `bind` fixes the backlog, so the socket is made by socket2.
pub(crate) fn listen_tcp(address: SocketAddr, options: TcpListenOptions) -> io::Result<Acceptor> {
    let socket = new_socket(address)?;
    // On Windows this flag lets another process hijack the port.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    if options.reuse_port {
        set_reuse_port(&socket)?;
    }
    if address.is_ipv6() {
        socket.set_only_v6(options.ipv6_only)?;
    }
    socket.bind(&address.into())?;
    socket.listen(options.backlog)?;
    Ok(Acceptor::Tcp(TcpListener::from_std(socket.into())))
}

/// Load is shared between the sockets only on these systems; elsewhere the flag means something else.
fn set_reuse_port(socket: &Socket) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "dragonfly"))]
    return socket.set_reuse_port(true);
    #[cfg(target_os = "freebsd")]
    return socket.set_reuse_port_lb(true);
    #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "dragonfly", target_os = "freebsd")))]
    {
        let _ = socket;
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A socket that will be connected, and may be bound to the address it comes from.
#[derive(Debug)]
pub(crate) struct Bound(pub(super) Socket);

impl Bound {
    pub(crate) fn local_address(&self) -> Option<SocketAddr> {
        self.0.local_addr().ok()?.as_socket()
    }
}

/// Binds a socket that will connect to `target`.
pub(crate) fn bind_tcp(target: SocketAddr, local: SocketAddr) -> io::Result<Bound> {
    // Systems differ in what they say of the other family; libuv makes it EINVAL.
    if local.is_ipv4() != target.is_ipv4() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let socket = new_socket(target)?;
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    socket.bind(&local.into())?;
    Ok(Bound(socket))
}

/// Starts connecting; the caller resolves the attempt when the socket becomes writable.
pub(crate) fn connect_tcp(address: SocketAddr, bound: Option<Bound>) -> io::Result<Transport> {
    // Windows cannot connect to the unspecified address; libuv takes localhost there, and so do the other systems.
    let target = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => SocketAddr::from((Ipv4Addr::LOCALHOST, address.port())),
        IpAddr::V6(ip) if ip.is_unspecified() => SocketAddr::from((Ipv6Addr::LOCALHOST, address.port())),
        IpAddr::V4(_) | IpAddr::V6(_) => address,
    };
    let Some(Bound(socket)) = bound else {
        return TcpStream::connect(target).map(Transport::Tcp);
    };
    match socket.connect(&target.into()) {
        Err(error) if !super::is_in_progress(&error) => Err(error),
        _ => Ok(Transport::Tcp(TcpStream::from_std(socket.into()))),
    }
}

fn new_socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

pub(super) fn set_keep_alive(socket: &TcpStream, keep_alive: Option<&KeepAlive>) -> io::Result<()> {
    let socket = SockRef::from(socket);
    let Some(KeepAlive { delay, interval, count }) = keep_alive else {
        return socket.set_keepalive(false);
    };
    let seconds = |duration: Duration| Duration::from_secs(duration.as_secs());
    let (delay, interval, count) = (seconds(*delay), interval.map_or(Duration::from_secs(1), seconds), count.unwrap_or(10));
    if delay.is_zero() {
        return socket.set_keepalive(true);
    }
    // libuv turns the probes on and refuses the rest.
    if interval.is_zero() || count == 0 {
        socket.set_keepalive(true)?;
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let probes = TcpKeepalive::new().with_time(delay);
    #[cfg(not(target_os = "openbsd"))]
    let probes = probes.with_interval(interval).with_retries(count);
    socket.set_tcp_keepalive(&probes)
}

/// `IPV6_TCLASS` for an IPv6 socket, also one with an IPv4-mapped peer; else `IP_TOS`.
pub(super) fn set_type_of_service(socket: &TcpStream, value: u8) -> io::Result<()> {
    let is_ipv6 = socket.local_addr()?.is_ipv6();
    let socket = SockRef::from(socket);
    if is_ipv6 { set_traffic_class(&socket, value.into()) } else { socket.set_tos_v4(value.into()) }
}

/// What the system has made of it: TCP keeps the two lowest bits for itself.
pub(super) fn type_of_service(socket: &TcpStream) -> io::Result<u8> {
    let is_ipv6 = socket.local_addr()?.is_ipv6();
    let socket = SockRef::from(socket);
    let value = if is_ipv6 { traffic_class(&socket)? } else { socket.tos_v4()? };
    u8::try_from(value).map_err(io::Error::other)
}

#[cfg(not(any(windows, target_os = "ios", target_os = "tvos", target_os = "visionos", target_os = "watchos")))]
fn set_traffic_class(socket: &Socket, value: u32) -> io::Result<()> {
    socket.set_tclass_v6(value)
}

#[cfg(not(any(windows, target_os = "ios", target_os = "tvos", target_os = "visionos", target_os = "watchos")))]
fn traffic_class(socket: &Socket) -> io::Result<u32> {
    socket.tclass_v6()
}

#[cfg(any(windows, target_os = "ios", target_os = "tvos", target_os = "visionos", target_os = "watchos"))]
fn set_traffic_class(_: &Socket, _: u32) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(any(windows, target_os = "ios", target_os = "tvos", target_os = "visionos", target_os = "watchos"))]
fn traffic_class(_: &Socket) -> io::Result<u32> {
    Err(io::ErrorKind::Unsupported.into())
}
