//! Names to addresses: `getaddrinfo`, with the hints and the error names of Node. Mirrors `uv_getaddrinfo`.

use std::io;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};

use dns_lookup::{AddrInfoHints, LookupErrorKind, getaddrinfo, getnameinfo};
use socket2::{Domain, Type};

use super::imp;
use crate::address::Family;
use crate::code;

/// Why a name has no address, in Node's words.
#[derive(Debug)]
pub(crate) struct Unresolved {
    pub(crate) code: &'static str,
    pub(crate) source: io::Error,
}

/// All addresses of a name in the system's order, with port 0. It blocks: to be called on a thread of the work pool.
pub(crate) fn resolve(host: &str, family: Option<Family>) -> Result<Vec<SocketAddr>, Unresolved> {
    let (flags, domain) = match family {
        Some(Family::IPv4) => (0, Domain::IPV4.into()),
        Some(Family::IPv6) => (0, Domain::IPV6.into()),
        Some(Family::Unix) | None => (imp::ADDRCONFIG, 0),
    };
    let hints = AddrInfoHints { flags, address: domain, socktype: Type::STREAM.into(), protocol: 0 };
    match getaddrinfo(Some(host), None, Some(hints)) {
        Ok(answers) => Ok(answers.filter_map(|answer| answer.ok().map(|answer| answer.sockaddr)).collect()),
        Err(error) => Err(Unresolved { code: code_of(error.kind()), source: error.into() }),
    }
}

/// The number of a zone: that of the interface with this name, or else the number it is written as, or else 0, which is none.
/// Mirrors `if_nametoindex` in `uv_ip6_addr`, where a zone that does not exist is none.
///
/// A numeric lookup of a link-local address asks for the interface as that call does, and no server; std has neither.
pub(crate) fn zone_index(zone: &str) -> u32 {
    let hints =
        AddrInfoHints { flags: imp::NUMERIC_ADDRESS, address: Domain::IPV6.into(), socktype: Type::STREAM.into(), protocol: 0 };
    let found = getaddrinfo(Some(&format!("{LINK_LOCAL}%{zone}")), None, Some(hints)).ok();
    match found.and_then(|mut answers| answers.next()).and_then(Result::ok).map(|answer| answer.sockaddr) {
        Some(SocketAddr::V6(address)) => address.scope_id(),
        _ => zone.parse().unwrap_or(0),
    }
}

/// The name of a zone, or its number where it has no other. Mirrors `uv_if_indextoiid`.
pub(crate) fn zone_name(index: u32) -> String {
    let address = SocketAddrV6::new(LINK_LOCAL, 0, 0, index);
    let host = getnameinfo(&address.into(), imp::NUMERIC_NAME).map(|(host, _)| host).unwrap_or_default();
    host.split_once('%').map_or_else(|| index.to_string(), |(_, zone)| zone.to_owned())
}

/// The system takes the name of an interface for a zone only with an address that needs one.
const LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0);

fn code_of(kind: LookupErrorKind) -> &'static str {
    match kind {
        LookupErrorKind::NoName | LookupErrorKind::NoData => code::ENOTFOUND,
        LookupErrorKind::Again => "EAI_AGAIN",
        LookupErrorKind::Badflags => "EAI_BADFLAGS",
        LookupErrorKind::Fail => "EAI_FAIL",
        LookupErrorKind::Family => "EAI_FAMILY",
        LookupErrorKind::Socktype => "EAI_SOCKTYPE",
        LookupErrorKind::Service => "EAI_SERVICE",
        LookupErrorKind::Memory => "EAI_MEMORY",
        LookupErrorKind::System | LookupErrorKind::IO | LookupErrorKind::Unknown => code::ENOTFOUND,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each interface has both; what is none has neither.
    #[test]
    fn fault_g_a_zone_has_a_number_and_a_name() {
        for none in ["no such interface", "", "-1", "0", "4294967296", "a very long name of an interface"] {
            assert_eq!(zone_index(none), 0, "{none}");
        }
        assert_eq!(zone_index("4294967295"), u32::MAX);
        assert_eq!(zone_name(u32::MAX), u32::MAX.to_string());
        let interfaces = std::fs::read_dir("/sys/class/net").map(|found| found.flatten().collect::<Vec<_>>());
        for interface in interfaces.unwrap_or_default() {
            let index = std::fs::read_to_string(interface.path().join("ifindex")).unwrap_or_default();
            let (Ok(index), Ok(name)) = (index.trim().parse::<u32>(), interface.file_name().into_string()) else {
                continue;
            };
            assert_eq!((zone_index(&name), zone_name(index)), (index, name));
        }
    }
}
