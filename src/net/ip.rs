//! Whether a text is an IP address. Mirrors `isIP` of `lib/internal/net.js`.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::address::Family;

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
    let (address, zone) = match text.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (text, None),
    };
    let of_a_zone = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte);
    address.parse::<Ipv6Addr>().is_ok() && zone.is_none_or(|zone| !zone.is_empty() && zone.bytes().all(of_a_zone))
}
