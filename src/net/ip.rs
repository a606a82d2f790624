//! Whether a text is an IP address. Mirrors `isIP` of `lib/internal/net.js`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use crate::address::Family;
use crate::sys;

/// The family of an IP address in text form, or `None` for any other text. Mirrors `net.isIP`, whose 4 and 6 are the
/// families here and whose 0 is `None`.
///
/// Nothing is trimmed, an IPv4 number has no leading zero, and an IPv6 address has no brackets. It may have a zone.
///
/// ```
/// use netloop::{Family, is_ip};
///
/// assert_eq!(is_ip("127.0.0.1"), Some(Family::IPv4));
/// assert_eq!(is_ip("fe80::1%eth0"), Some(Family::IPv6));
/// assert_eq!(is_ip("localhost"), None);
/// ```
pub fn is_ip(text: &str) -> Option<Family> {
    if is_ipv4(text) {
        Some(Family::IPv4)
    } else if is_ipv6(text) {
        Some(Family::IPv6)
    } else {
        None
    }
}

/// Whether a text is an IPv4 address: four decimal numbers. Mirrors `net.isIPv4`.
///
/// ```
/// assert!(netloop::is_ipv4("127.0.0.1"));
/// assert!(!netloop::is_ipv4("127.0.0.001"));
/// ```
pub fn is_ipv4(text: &str) -> bool {
    text.parse::<Ipv4Addr>().is_ok()
}

/// Whether a text is an IPv6 address, with or without a zone: letters, digits, `-`, `.` and `:` after a `%`. Mirrors
/// `net.isIPv6`.
///
/// ```
/// assert!(netloop::is_ipv6("::ffff:127.0.0.1"));
/// assert!(netloop::is_ipv6("fe80::1%eth0"));
/// assert!(!netloop::is_ipv6("fe80::1%"));
/// assert!(!netloop::is_ipv6("[::1]"));
/// ```
pub fn is_ipv6(text: &str) -> bool {
    parse_ipv6(text).is_some()
}

/// An IPv6 address and its zone.
fn parse_ipv6(text: &str) -> Option<(Ipv6Addr, Option<&str>)> {
    let zone = zone(text);
    let address = text.split_once('%').map_or(text, |(address, _)| address).parse().ok()?;
    let of_a_zone = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte);
    zone.is_none_or(|zone| !zone.is_empty() && zone.bytes().all(of_a_zone)).then_some((address, zone))
}

/// The zone of an address in text form.
pub(crate) fn zone(text: &str) -> Option<&str> {
    text.split_once('%').map(|(_, zone)| zone)
}

/// The socket address of an IP address in text form, for the texts that [`is_ip`] knows. Mirrors `uv_ip4_addr` and
/// `uv_ip6_addr`: a zone that does not exist is passed over.
pub(crate) fn parse_ip(text: &str, port: u16) -> Option<SocketAddr> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some((ip, port).into());
    }
    let (ip, zone) = parse_ipv6(text)?;
    Some(in_zone(ip, port, zone))
}

/// The socket address of an IPv6 address in a zone.
pub(crate) fn in_zone(ip: Ipv6Addr, port: u16, zone: Option<&str>) -> SocketAddr {
    SocketAddrV6::new(ip, port, 0, zone.map_or(0, sys::zone_index)).into()
}
