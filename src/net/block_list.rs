//! Addresses nobody may connect from or to: pure. Mirrors `net.BlockList` (`lib/internal/blocklist.js`,
//! `SocketAddressBlockList`).

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use super::ip::is_ipv6;
use crate::code;
use crate::error::{Error, Result};

/// Rules that say which IP addresses are blocked. Mirrors `net.BlockList`.
///
/// A server closes connections from a blocked address without an event
/// ([`ServerOptions::block_list`](crate::ServerOptions::block_list)); a socket does not connect to one
/// ([`SocketOptions::block_list`](crate::SocketOptions::block_list)).
///
/// An IPv4 rule also blocks the IPv4-mapped form of what it blocks (`::ffff:1.2.3.4`), which is what a dual-stack server sees.
///
/// ```
/// use netloop::{BlockList, Reactor, ServerOptions};
/// use std::sync::Arc;
///
/// let mut list = BlockList::new();
/// list.add_address([203, 0, 113, 7]);
/// list.add_range([198, 51, 100, 1], [198, 51, 100, 99])?;
/// list.add_cidr("2001:db8::/32")?;
/// assert!(list.check([198, 51, 100, 50]));
/// assert!(!list.check([127, 0, 0, 1]));
///
/// let mut reactor = Reactor::<()>::new()?;
/// let options = ServerOptions::new().block_list(Arc::new(list));
/// reactor.create_server_with(options, |socket, _| socket.end_with("you are welcome\n"));
/// # Ok::<(), netloop::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct BlockList {
    /// By their shortest form: an address and its IPv4-mapped form are one. With each, when it came and as it was given.
    addresses: HashMap<IpAddr, (u64, IpAddr)>,
    /// How many addresses have come.
    added: u64,
    subnets: Vec<(IpAddr, u8)>,
    ranges: Vec<(IpAddr, IpAddr)>,
}

impl BlockList {
    /// Private, loopback and link-local networks, to be blocked where only the outside may be reached. Mirrors
    /// `BlockList.PRIVATE_RANGES`.
    ///
    /// ```
    /// # use netloop::BlockList;
    /// let mut list = BlockList::new();
    /// list.add_cidrs(BlockList::PRIVATE_RANGES)?;
    /// assert!(list.check([192, 168, 1, 1]));
    /// assert!(!list.check([1, 1, 1, 1]));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub const PRIVATE_RANGES: [&'static str; 8] =
        ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "::1/128", "169.254.0.0/16", "fe80::/10", "fc00::/7"];

    /// Blocks nobody yet.
    ///
    /// ```
    /// assert!(netloop::BlockList::new().is_empty());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Blocks one address. Mirrors `blockList.addAddress`.
    ///
    /// ```
    /// let mut list = netloop::BlockList::new();
    /// list.add_address([1, 2, 3, 4]);
    /// assert_eq!(list.rules(), ["Address: IPv4 1.2.3.4"]);
    /// ```
    pub fn add_address(&mut self, address: impl Into<IpAddr>) {
        let address = address.into();
        let rule = self.addresses.entry(address.to_canonical()).or_insert((self.added, address));
        rule.1 = address;
        self.added += 1;
    }

    /// Blocks several addresses. Mirrors `blockList.addAddresses`.
    ///
    /// ```
    /// let mut list = netloop::BlockList::new();
    /// list.add_addresses([[1, 1, 1, 1], [2, 2, 2, 2]]);
    /// assert_eq!(list.len(), 2);
    /// ```
    pub fn add_addresses(&mut self, addresses: impl IntoIterator<Item: Into<IpAddr>>) {
        for address in addresses {
            self.add_address(address);
        }
    }

    /// Blocks all addresses from `start` to `end`, both included. Mirrors `blockList.addRange`.
    ///
    /// Ends of different families are accepted, as in Node, but block only what can be compared with both of them: at most
    /// IPv4 addresses and their mapped forms.
    ///
    /// # Errors
    ///
    /// [`code::ERR_INVALID_ARG_VALUE`]: `start` comes after `end`.
    ///
    /// ```
    /// # use netloop::code;
    /// let mut list = netloop::BlockList::new();
    /// list.add_range([10, 0, 0, 1], [10, 0, 0, 10])?;
    /// assert_eq!(list.rules(), ["Range: IPv4 10.0.0.1-10.0.0.10"]);
    /// let error = list.add_range([10, 0, 0, 2], [10, 0, 0, 1]).expect_err("the wrong way round");
    /// assert_eq!(error.code(), code::ERR_INVALID_ARG_VALUE);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn add_range(&mut self, start: impl Into<IpAddr>, end: impl Into<IpAddr>) -> Result {
        let (start, end) = (start.into(), end.into());
        if compare(start, end) == Some(Ordering::Greater) {
            return Err(invalid("start", "must come before end", &start.to_string()));
        }
        self.ranges.push((start, end));
        Ok(())
    }

    /// Blocks all addresses that share the first `prefix` bits of `network`. Mirrors `blockList.addSubnet`.
    ///
    /// # Errors
    ///
    /// [`code::ERR_OUT_OF_RANGE`]: `prefix` is above 32, or 128 for IPv6.
    ///
    /// ```
    /// let mut list = netloop::BlockList::new();
    /// list.add_subnet([10, 0, 0, 0], 8)?;
    /// assert!(list.check([10, 255, 0, 1]));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn add_subnet(&mut self, network: impl Into<IpAddr>, prefix: u8) -> Result {
        let network = network.into();
        let prefix = check_prefix(network, prefix.into())?;
        self.subnets.push((network, prefix));
        Ok(())
    }

    /// Blocks a subnet given as text. Mirrors `blockList.addCIDR`.
    ///
    /// # Errors
    ///
    /// - [`code::ERR_INVALID_ARG_VALUE`]: there is no prefix, or it is no number.
    /// - [`code::ERR_INVALID_ADDRESS`]: what stands before it is no address.
    /// - [`code::ERR_OUT_OF_RANGE`]: as for [`add_subnet`](Self::add_subnet).
    ///
    /// ```
    /// # use netloop::code;
    /// let mut list = netloop::BlockList::new();
    /// list.add_cidr("10.0.0.0/8")?;
    /// assert_eq!(list.rules(), ["Subnet: IPv4 10.0.0.0/8"]);
    /// assert_eq!(list.add_cidr("10.0.0.0").expect_err("no prefix").code(), code::ERR_INVALID_ARG_VALUE);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn add_cidr(&mut self, cidr: &str) -> Result {
        self.subnets.push(parse_cidr(cidr)?);
        Ok(())
    }

    /// Blocks several subnets given as text. Mirrors `blockList.addCIDRs`.
    ///
    /// # Errors
    ///
    /// As [`add_cidr`](Self::add_cidr); then none of them is added.
    ///
    /// ```
    /// let mut list = netloop::BlockList::new();
    /// list.add_cidrs(["10.0.0.0/8", "fe80::/10"])?;
    /// assert!(list.add_cidrs(["11.0.0.0/8", "nonsense"]).is_err());
    /// assert_eq!(list.len(), 2);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn add_cidrs(&mut self, cidrs: impl IntoIterator<Item: AsRef<str>>) -> Result {
        let subnets = cidrs.into_iter().map(|cidr| parse_cidr(cidr.as_ref())).collect::<Result<Vec<_>>>()?;
        self.subnets.extend(subnets);
        Ok(())
    }

    /// Adds one rule in the form [`rules`](Self::rules) gives, to restore a list. Mirrors `blockList.fromJSON`, which skips
    /// what it does not understand.
    ///
    /// # Errors
    ///
    /// Those of the other methods, and [`code::ERR_INVALID_ARG_VALUE`] for a text that is no rule.
    ///
    /// ```
    /// # use netloop::BlockList;
    /// let mut list = BlockList::new();
    /// list.add_rule("Range: IPv4 10.0.0.1-10.0.0.10")?;
    /// let mut copy = BlockList::new();
    /// for rule in list.rules().iter().rev() {
    ///     copy.add_rule(rule)?;
    /// }
    /// assert_eq!(copy.rules(), list.rules());
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn add_rule(&mut self, rule: &str) -> Result {
        let no_rule = || invalid("rule", "must be a rule of a block list", rule);
        let (kind, rest) = rule.split_once(": ").ok_or_else(no_rule)?;
        let (family, what) = rest.split_once(' ').ok_or_else(no_rule)?;
        let first = |text: &str| {
            let address = parse_address(text)?;
            if family_name(address) == family { Ok(address) } else { Err(no_rule()) }
        };
        match kind {
            "Address" => self.add_address(first(what)?),
            "Range" => {
                let (start, end) = what.split_once('-').ok_or_else(no_rule)?;
                self.add_range(first(start)?, parse_address(end)?)?;
            }
            "Subnet" => {
                let subnet = parse_cidr(what)?;
                if family_name(subnet.0) != family {
                    return Err(no_rule());
                }
                self.subnets.push(subnet);
            }
            _ => return Err(no_rule()),
        }
        Ok(())
    }

    /// Removes the rule of one address; false if there was none. Mirrors `blockList.removeAddress`.
    ///
    /// ```
    /// let mut list = netloop::BlockList::new();
    /// list.add_address([1, 2, 3, 4]);
    /// assert!(list.remove_address([1, 2, 3, 4]));
    /// assert!(!list.remove_address([1, 2, 3, 4]));
    /// ```
    pub fn remove_address(&mut self, address: impl Into<IpAddr>) -> bool {
        self.addresses.remove(&address.into().to_canonical()).is_some()
    }

    /// Removes the newest rule of exactly this range; false if there was none. Mirrors `blockList.removeRange`.
    ///
    /// ```
    /// let mut list = netloop::BlockList::new();
    /// list.add_range([1, 0, 0, 1], [1, 0, 0, 9])?;
    /// assert!(!list.remove_range([1, 0, 0, 1], [1, 0, 0, 5]));
    /// assert!(list.remove_range([1, 0, 0, 1], [1, 0, 0, 9]));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn remove_range(&mut self, start: impl Into<IpAddr>, end: impl Into<IpAddr>) -> bool {
        remove_newest(&mut self.ranges, (start.into(), end.into()))
    }

    /// Removes the newest rule of exactly this subnet; false if there was none. Mirrors `blockList.removeSubnet`.
    ///
    /// ```
    /// let mut list = netloop::BlockList::new();
    /// list.add_subnet([10, 0, 0, 0], 8)?;
    /// assert!(list.remove_subnet([10, 0, 0, 0], 8));
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn remove_subnet(&mut self, network: impl Into<IpAddr>, prefix: u8) -> bool {
        remove_newest(&mut self.subnets, (network.into(), prefix))
    }

    /// Removes the newest rule of a subnet given as text; false if there was none. Mirrors `blockList.removeCIDR`.
    ///
    /// # Errors
    ///
    /// As [`add_cidr`](Self::add_cidr).
    ///
    /// ```
    /// let mut list = netloop::BlockList::new();
    /// list.add_cidr("10.0.0.0/8")?;
    /// assert!(list.remove_cidr("10.0.0.0/8")?);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn remove_cidr(&mut self, cidr: &str) -> Result<bool> {
        Ok(remove_newest(&mut self.subnets, parse_cidr(cidr)?))
    }

    /// Removes every rule. Mirrors `blockList.clear`.
    ///
    /// ```
    /// let mut list = netloop::BlockList::new();
    /// list.add_address([1, 2, 3, 4]);
    /// list.clear();
    /// assert!(!list.check([1, 2, 3, 4]));
    /// ```
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// Whether an address is blocked. Mirrors `blockList.check`.
    ///
    /// Single addresses are looked up at once, subnets and ranges one after the other, as in Node: of many thousands of these
    /// each check, and so each accepted connection, pays for all.
    ///
    /// ```
    /// # use std::net::IpAddr;
    /// let mut list = netloop::BlockList::new();
    /// list.add_address([1, 2, 3, 4]);
    /// assert!(list.check([1, 2, 3, 4]));
    /// assert!(list.check("::ffff:1.2.3.4".parse::<IpAddr>().expect("an address")));
    /// ```
    pub fn check(&self, address: impl Into<IpAddr>) -> bool {
        let address = address.into();
        self.addresses.contains_key(&address.to_canonical())
            || self.subnets.iter().any(|&(network, prefix)| is_in_subnet(address, network, prefix))
            || self.ranges.iter().any(|&(start, end)| {
                compare(address, start).is_some_and(Ordering::is_ge) && compare(address, end).is_some_and(Ordering::is_le)
            })
    }

    /// The rules as text: addresses, subnets, ranges, the newest of each first. Mirrors
    /// `blockList.rules` and `toJSON`; Node gives addresses in no order.
    ///
    /// ```
    /// let mut list = netloop::BlockList::new();
    /// list.add_cidr("fe80::/10")?;
    /// list.add_address([1, 2, 3, 4]);
    /// assert_eq!(list.rules(), ["Address: IPv4 1.2.3.4", "Subnet: IPv6 fe80::/10"]);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn rules(&self) -> Vec<String> {
        let mut addresses: Vec<_> = self.addresses.values().copied().collect();
        addresses.sort_unstable_by_key(|&(added, _)| std::cmp::Reverse(added));
        let addresses = addresses.into_iter().map(|(_, ip)| format!("Address: {} {}", family_name(ip), Text(ip)));
        let subnets = self.subnets.iter().rev();
        let subnets = subnets.map(|&(ip, prefix)| format!("Subnet: {} {}/{prefix}", family_name(ip), Text(ip)));
        let ranges = self.ranges.iter().rev();
        let ranges = ranges.map(|&(start, end)| format!("Range: {} {}-{}", family_name(start), Text(start), Text(end)));
        addresses.chain(subnets).chain(ranges).collect()
    }

    /// How many rules there are. Mirrors `blockList.size`.
    ///
    /// ```
    /// let mut list = netloop::BlockList::new();
    /// list.add_address([1, 2, 3, 4]);
    /// assert_eq!(list.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.addresses.len() + self.subnets.len() + self.ranges.len()
    }

    /// Whether there is no rule.
    ///
    /// ```
    /// assert!(netloop::BlockList::new().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for BlockList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockList").field("rules", &self.rules()).finish()
    }
}

/// The order of two addresses. Those of different families have one only if the IPv6 address is IPv4-mapped.
fn compare(left: IpAddr, right: IpAddr) -> Option<Ordering> {
    if left.is_ipv4() == right.is_ipv4() {
        return Some(left.cmp(&right));
    }
    let (left, right) = (left.to_canonical(), right.to_canonical());
    (left.is_ipv4() == right.is_ipv4()).then(|| left.cmp(&right))
}

/// Everything is IPv6 here: an IPv4 network has the 96 bits of the mapped form before its own.
fn is_in_subnet(address: IpAddr, network: IpAddr, prefix: u8) -> bool {
    let prefix = if network.is_ipv4() { u32::from(prefix) + 96 } else { prefix.into() };
    let differing = bits(address) ^ bits(network);
    differing.checked_shr(128 - prefix).is_none_or(|differing| differing == 0)
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn remove_newest<T: PartialEq>(rules: &mut Vec<T>, rule: T) -> bool {
    let newest = rules.iter().rposition(|other| *other == rule);
    newest.map(|index| rules.remove(index)).is_some()
}

/// An address without its zone, which a rule does not look at.
fn parse_address(text: &str) -> Result<IpAddr> {
    let address = match text.split_once('%') {
        Some((address, _)) if is_ipv6(text) => address,
        _ => text,
    };
    address.parse().map_err(|_| Error::with_code(code::ERR_INVALID_ADDRESS, "Invalid socket address"))
}

/// A network and its prefix. Mirrors `parseCIDR`.
fn parse_cidr(cidr: &str) -> Result<(IpAddr, u8)> {
    let Some((address, prefix)) = cidr.rsplit_once('/') else {
        return Err(invalid("cidr", "must contain a prefix length (e.g. \"10.0.0.0/8\")", cidr));
    };
    // Only the number's own text counts: no sign, no zero before it.
    let number = prefix.parse::<i64>().ok().filter(|number| number.to_string() == prefix);
    let number = number.ok_or_else(|| invalid("cidr", "prefix length must be a valid integer", cidr))?;
    let network = parse_address(address)?;
    Ok((network, check_prefix(network, number)?))
}

fn check_prefix(network: IpAddr, prefix: i64) -> Result<u8> {
    let max = if network.is_ipv4() { 32 } else { 128 };
    u8::try_from(prefix).ok().filter(|prefix| *prefix <= max).ok_or_else(|| {
        let message = format!("The value of \"prefix\" is out of range. It must be >= 0 && <= {max}. Received {prefix}");
        Error::with_code(code::ERR_OUT_OF_RANGE, message)
    })
}

fn invalid(argument: &str, reason: &str, received: &str) -> Error {
    let message = format!("The argument '{argument}' {reason}. Received '{received}'");
    Error::with_code(code::ERR_INVALID_ARG_VALUE, message)
}

fn family_name(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "IPv4" } else { "IPv6" }
}

/// An address as `uv_inet_ntop` writes it: after 96 zero bits come the numbers of IPv4.
struct Text(IpAddr);

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V6(address) if address.segments()[..6] == [0; 6] && address.segments()[6] != 0 => {
                let [.., a, b, c, d] = address.octets();
                write!(f, "::{}", Ipv4Addr::new(a, b, c, d))
            }
            address => address.fmt(f),
        }
    }
}
