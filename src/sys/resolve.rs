//! Names to addresses: `getaddrinfo`, with the hints and the error names of Node. Mirrors `uv_getaddrinfo`.

use std::io;
use std::net::SocketAddr;

use dns_lookup::{AddrInfoHints, LookupErrorKind, getaddrinfo};
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
