//! What is an IP address and who is blocked: `net.isIP` and `net.BlockList`. The tables are Node 26's own answers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netloop::{BlockList, Family, code, is_ip, is_ipv4, is_ipv6};

const ARE_IPV4: [&str; 4] = ["127.0.0.1", "0.0.0.0", "255.255.255.255", "1.2.3.4"];

#[rustfmt::skip]
const ARE_IPV6: [&str; 18] = [
    "::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:2:3:4::6:7:8", "::ffff:1.2.3.4",
    "::1.2.3.4", "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5::1.2.3.4", "FE80::ABCD", "::0001", "fe80::1%eth0", "fe80::1%1",
    "fe80::1%a-b.c:d", "::%lo", "::ffff:1.2.3.4%lo",
];

#[rustfmt::skip]
const ARE_NEITHER: [&str; 52] = [
    "01.2.3.4", "1.2.3.04", "1.2.3", "1.2.3.", "1.2.3.4.5", ".1.2.3.4", "256.1.1.1", "1.1.1.256", "1..2.3", " 1.2.3.4",
    "1.2.3.4 ", "1.2.3.4\n", "", "-1.2.3.4", "+1.2.3.4", "0x7f.0.0.1", "1.2.3.4%eth0", "1.2.3.4/8", "127.1", "2130706433",
    "٢.2.3.4", "1:2:3:4::5:6:7:8", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", ":1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:", "1::2::3",
    ":", "::1:", ":::", "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3.04", "::1.2.3", "1.2.3.4::", "::256.0.0.1", "fe80::abcg", "12345::",
    "::00001", "[::1]", "::1 ", " ::1", "::1\n", "fe80::1%", "fe80::1%a_b", "fe80::1%eth0%1", "fe80::1% eth0", "fe80::1%é",
    "%lo", "::1/128", "localhost", "::ffff:0x1.2.3.4", "fe80::1%a/b",
];

const PROBES_4: [&str; 10] = [
    "0.0.0.0",
    "1.2.3.4",
    "1.2.3.5",
    "10.0.0.0",
    "10.0.0.1",
    "10.0.0.5",
    "10.0.0.10",
    "10.0.0.11",
    "192.168.1.1",
    "255.255.255.255",
];

const PROBES_6: [&str; 13] = [
    "::",
    "::1",
    "::5",
    "::1.2.3.4",
    "::ffff:1.2.3.4",
    "::ffff:102:304",
    "::ffff:10.0.0.5",
    "::ffff:10.0.0.11",
    "8592:757c:efae:4e45:f::",
    "8592:757c:efaf:1fff::",
    "fe80::1",
    "febf::",
    "fec0::",
];

/// A rule, and which of the probes it blocks.
const CHECKS: [(&str, &str); 22] = [
    ("Address: IPv4 1.2.3.4", "0100000000 0000110000000"),
    ("Address: IPv6 ::ffff:1.2.3.4", "0100000000 0000110000000"),
    ("Address: IPv6 ::1", "0000000000 0100000000000"),
    ("Address: IPv6 ::1.2.3.4", "0000000000 0001000000000"),
    ("Range: IPv4 10.0.0.1-10.0.0.10", "0000111000 0000001000000"),
    ("Range: IPv4 0.0.0.0-255.255.255.255", "1111111111 0000111100000"),
    ("Range: IPv6 ::1-::5", "0000000000 0110000000000"),
    ("Range: IPv6 ::-ffff::", "0000000000 1111111111111"),
    ("Range: IPv6 ::ffff:10.0.0.1-::ffff:10.0.0.10", "0000111000 0000001000000"),
    ("Range: IPv6 ::ffff:1.0.0.0-::1:0:0:0", "0000000000 0000111100000"),
    ("Subnet: IPv4 10.0.0.0/8", "0001111100 0000001100000"),
    ("Subnet: IPv4 10.0.0.5/31", "0000010000 0000001000000"),
    ("Subnet: IPv4 10.0.0.5/32", "0000010000 0000001000000"),
    ("Subnet: IPv4 1.2.3.4/0", "1111111111 0000111100000"),
    ("Subnet: IPv6 8592:757c:efae:4e45::/64", "0000000000 0000000010000"),
    ("Subnet: IPv6 fe80::/10", "0000000000 0000000000110"),
    ("Subnet: IPv6 ::/0", "1111111111 1111111111111"),
    ("Subnet: IPv6 ::/95", "0000000000 1111000000000"),
    ("Subnet: IPv6 ::ffff:0.0.0.0/96", "1111111111 0000111100000"),
    ("Subnet: IPv6 ::ffff:0.0.0.0/100", "1111111100 0000111100000"),
    ("Subnet: IPv6 ::ffff:10.0.0.5/128", "0000010000 0000001000000"),
    ("Subnet: IPv6 ::1/127", "0000000000 1100000000000"),
];

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[track_caller]
fn code_of<T: std::fmt::Debug>(result: netloop::Result<T>) -> (&'static str, String) {
    let error = result.expect_err("it is refused");
    (error.code(), error.to_string())
}

/// §5.3.
#[test]
fn an_ip_address_is_what_it_is_in_node() {
    for text in ARE_IPV4 {
        assert_eq!((is_ip(text), is_ipv4(text), is_ipv6(text)), (Some(Family::IPv4), true, false), "{text:?}");
    }
    for text in ARE_IPV6 {
        assert_eq!((is_ip(text), is_ipv4(text), is_ipv6(text)), (Some(Family::IPv6), false, true), "{text:?}");
    }
    for text in ARE_NEITHER {
        assert_eq!((is_ip(text), is_ipv4(text), is_ipv6(text)), (None, false, false), "{text:?}");
    }
}

#[test]
fn every_kind_of_rule_blocks_what_it_blocks_in_node() {
    let letter = |blocked: bool| if blocked { '1' } else { '0' };
    for (rule, expected) in CHECKS {
        let mut list = BlockList::new();
        list.add_rule(rule).expect("a rule");
        assert_eq!(list.rules(), [rule]);
        let mut got: String = PROBES_4.iter().map(|probe| letter(list.check(ip(probe)))).collect();
        got.push(' ');
        got.extend(PROBES_6.iter().map(|probe| letter(list.check(ip(probe)))));
        assert_eq!(got, expected, "{rule}");
    }
}

#[test]
fn an_empty_list_blocks_nobody() {
    let list = BlockList::new();
    assert!(list.is_empty());
    assert!(PROBES_4.iter().chain(&PROBES_6).all(|probe| !list.check(ip(probe))));
    assert_eq!(format!("{list:?}"), "BlockList { rules: [] }");
}

#[test]
fn rules_come_by_kind_and_the_newest_first() {
    let mut list = BlockList::new();
    list.add_address([1, 1, 1, 1]);
    list.add_subnet([10, 0, 0, 0], 8).expect("a subnet");
    list.add_range([2, 0, 0, 1], [2, 0, 0, 9]).expect("a range");
    list.add_address([1, 1, 1, 2]);
    list.add_subnet(ip("fe80::"), 10).expect("a subnet");
    list.add_range(ip("::1"), ip("::5")).expect("a range");
    list.add_cidr("11.0.0.0/8").expect("a subnet");
    let expected = [
        "Address: IPv4 1.1.1.2",
        "Address: IPv4 1.1.1.1",
        "Subnet: IPv4 11.0.0.0/8",
        "Subnet: IPv6 fe80::/10",
        "Subnet: IPv4 10.0.0.0/8",
        "Range: IPv6 ::1-::5",
        "Range: IPv4 2.0.0.1-2.0.0.9",
    ];
    assert_eq!(list.rules(), expected);
    assert_eq!(list.len(), 7);
}

/// Addresses are a set, the others are lists.
#[test]
fn an_address_is_there_once_and_a_subnet_as_often_as_it_was_added() {
    let mut list = BlockList::new();
    list.add_addresses([[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 2], [1, 1, 1, 1]]);
    list.add_cidrs(["10.0.0.1/8", "10.0.0.2/8", "10.0.0.1/8"]).expect("subnets");
    for _ in 0..2 {
        list.add_range([1, 0, 0, 1], [1, 0, 0, 2]).expect("a range");
    }
    assert_eq!((list.len(), list.rules().len()), (7, 7));
    assert_eq!(list.rules()[..2], ["Address: IPv4 1.1.1.2", "Address: IPv4 1.1.1.1"]);

    assert!(list.remove_address([1, 1, 1, 1]));
    assert!(!list.check([1, 1, 1, 1]));
    assert!(!list.remove_subnet([10, 0, 0, 9], 8), "the text of a rule counts, not what it blocks");
    assert!(!list.remove_subnet([10, 0, 0, 1], 9));
    assert!(list.remove_subnet([10, 0, 0, 1], 8));
    assert!(list.remove_range([1, 0, 0, 1], [1, 0, 0, 2]));
    assert!(!list.remove_range([1, 0, 0, 2], [1, 0, 0, 1]));
    let left = ["Address: IPv4 1.1.1.2", "Subnet: IPv4 10.0.0.2/8", "Subnet: IPv4 10.0.0.1/8", "Range: IPv4 1.0.0.1-1.0.0.2"];
    assert_eq!(list.rules(), left);
    assert!(list.remove_cidr("10.0.0.2/8").expect("a subnet"));
    assert!(!list.remove_cidr("10.0.0.2/8").expect("a subnet"));
    list.clear();
    assert_eq!((list.len(), list.rules().len()), (0, 0));
}

#[test]
fn a_mapped_address_is_the_address_itself_but_a_mapped_subnet_is_another_rule() {
    let mapped = ip("::ffff:1.1.1.1");
    let mut list = BlockList::new();
    list.add_address([1, 1, 1, 1]);
    list.add_address(mapped);
    assert_eq!(list.rules(), ["Address: IPv6 ::ffff:1.1.1.1"]);
    list.add_address([1, 1, 1, 1]);
    assert_eq!(list.rules(), ["Address: IPv4 1.1.1.1"]);
    assert!(list.remove_address(mapped));
    assert!(list.is_empty());

    list.add_subnet([1, 1, 1, 1], 32).expect("a subnet");
    list.add_range([1, 1, 1, 1], [1, 1, 1, 5]).expect("a range");
    assert!(!list.remove_subnet(mapped, 128));
    assert!(!list.remove_range(mapped, ip("::ffff:1.1.1.5")));
    assert!(!list.remove_address([1, 1, 1, 1]));
    assert!(list.check(mapped));
}

#[test]
fn a_range_has_its_ends_in_order() {
    let mut list = BlockList::new();
    list.add_range([1, 1, 1, 1], [1, 1, 1, 1]).expect("one address is a range");
    let refused = code_of(list.add_range([1, 1, 1, 2], [1, 1, 1, 1]));
    assert_eq!(refused.0, code::ERR_INVALID_ARG_VALUE);
    assert_eq!(refused.1, "The argument 'start' must come before end. Received '1.1.1.2'");
    assert_eq!(code_of(list.add_range(ip("::5"), ip("::1"))).0, code::ERR_INVALID_ARG_VALUE);
    assert_eq!(code_of(list.add_range([1, 1, 1, 9], ip("::ffff:1.1.1.2"))).0, code::ERR_INVALID_ARG_VALUE);
    assert_eq!(list.len(), 1);
}

#[test]
fn a_range_of_two_families_blocks_what_compares_with_both_ends() {
    let mut list = BlockList::new();
    list.add_range([1, 1, 1, 2], ip("::5")).expect("as in Node");
    assert_eq!(list.rules(), ["Range: IPv4 1.1.1.2-::5"]);
    for probe in ["1.1.1.1", "1.1.1.2", "1.1.1.3", "::1", "::4", "::5", "::ffff:1.1.1.2"] {
        assert!(!list.check(ip(probe)), "{probe}");
    }
    list.clear();
    list.add_range(ip("::1"), [1, 1, 1, 2]).expect("as in Node");
    for (probe, blocked) in [("1.1.1.1", false), ("::1", false), ("::ffff:1.1.1.2", true), ("::ffff:1.1.1.3", false)] {
        assert_eq!(list.check(ip(probe)), blocked, "{probe}");
    }
    list.clear();
    list.add_range([1, 1, 1, 2], ip("::ffff:1.1.1.9")).expect("in order");
    for (probe, blocked) in [("1.1.1.2", true), ("::ffff:1.1.1.5", true), ("1.1.1.9", true), ("1.1.1.10", false)] {
        assert_eq!(list.check(ip(probe)), blocked, "{probe}");
    }
}

#[test]
fn a_prefix_is_as_long_as_the_address_at_most() {
    let mut list = BlockList::new();
    for prefix in [0, 32] {
        list.add_subnet([1, 1, 1, 1], prefix).expect("in range");
    }
    for prefix in [0, 33, 128] {
        list.add_subnet(ip("::1"), prefix).expect("in range");
    }
    let refused = code_of(list.add_subnet([1, 1, 1, 1], 33));
    assert_eq!(refused.0, code::ERR_OUT_OF_RANGE);
    assert_eq!(refused.1, "The value of \"prefix\" is out of range. It must be >= 0 && <= 32. Received 33");
    let refused = code_of(list.add_subnet(ip("::1"), 129));
    assert_eq!(refused.1, "The value of \"prefix\" is out of range. It must be >= 0 && <= 128. Received 129");
    assert_eq!(list.len(), 5);
    assert!(!list.remove_subnet([1, 1, 1, 1], 200));
}

#[test]
fn a_subnet_as_text_is_read_as_in_node() {
    let good = [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.1.2.3/8", "10.1.2.3/8"),
        ("1.2.3.4/0", "1.2.3.4/0"),
        ("::1/128", "::1/128"),
        ("::/0", "::/0"),
        ("fe80::1%eth0/64", "fe80::1/64"),
        ("::ffff:1.2.3.4/96", "::ffff:1.2.3.4/96"),
        ("2001:DB8::/32", "2001:db8::/32"),
    ];
    for (text, rule) in good {
        let mut list = BlockList::new();
        list.add_cidr(text).expect("a subnet");
        let family = if text.contains(':') { "IPv6" } else { "IPv4" };
        assert_eq!(list.rules(), [format!("Subnet: {family} {rule}")]);
        assert!(list.remove_cidr(text).expect("a subnet") && list.is_empty());
    }
    let (value, address, range) = (code::ERR_INVALID_ARG_VALUE, code::ERR_INVALID_ADDRESS, code::ERR_OUT_OF_RANGE);
    #[rustfmt::skip]
    let bad = [
        ("10.0.0.0", value), ("", value), ("10.0.0.0/", value), ("10.0.0.0/08", value), ("10.0.0.0/+8", value),
        ("10.0.0.0/ 8", value), ("10.0.0.0/8 ", value), ("10.0.0.0/1e1", value), ("10.0.0.0/0x8", value), ("10.0.0.0/8.0", value),
        ("10.0.0.0/-0", value), ("x/y", value), (" 10.0.0.0/8", address), ("x/8", address), ("/8", address),
        ("10.0.0.0/8/8", address), ("1.2.3/8", address), ("x/99", address), ("10.0.0.0/33", range), ("10.0.0.0/-1", range),
        ("10.0.0.0/4294967304", range), ("::1/129", range),
    ];
    for (text, expected) in bad {
        let mut list = BlockList::new();
        assert_eq!(code_of(list.add_cidr(text)).0, expected, "{text:?}");
        assert_eq!(code_of(list.remove_cidr(text)).0, expected, "{text:?}");
        assert!(list.is_empty());
    }
    let message = "The argument 'cidr' must contain a prefix length (e.g. \"10.0.0.0/8\"). Received '10.0.0.0'";
    assert_eq!(code_of(BlockList::new().add_cidr("10.0.0.0")).1, message);
    assert_eq!(code_of(BlockList::new().add_cidr("x/8")).1, "Invalid socket address");
}

/// Node adds those before the bad one if only its prefix is out of range.
#[test]
fn several_subnets_are_added_all_or_none() {
    let mut list = BlockList::new();
    assert_eq!(code_of(list.add_cidrs(["10.0.0.0/8", "x/8"])).0, code::ERR_INVALID_ADDRESS);
    assert_eq!(code_of(list.add_cidrs(["10.0.0.0/8", "1.1.1.1/33"])).0, code::ERR_OUT_OF_RANGE);
    assert!(list.is_empty());
    list.add_cidrs(BlockList::PRIVATE_RANGES).expect("they are good");
    assert_eq!(list.len(), 8);
    for (probe, private) in [("172.31.255.255", true), ("172.32.0.0", false), ("::1", true), ("fdff::", true), ("::2", false)] {
        assert_eq!(list.check(ip(probe)), private, "{probe}");
    }
}

#[test]
fn addresses_are_written_as_in_node() {
    #[rustfmt::skip]
    let texts = [
        ("::1", "::1"), ("::", "::"), ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
        ("1:0:2:0:3:0:4:0", "1:0:2:0:3:0:4:0"), ("0:0:1::", "0:0:1::"), ("0:1::", "0:1::"), ("::1:0:0", "::1:0:0"),
        ("::1.2.3.4", "::1.2.3.4"), ("::1:2", "::0.1.0.2"), ("::1:0", "::0.1.0.0"), ("::0.0.1.2", "::102"), ("::ffff", "::ffff"),
        ("::ffff:102:304", "::ffff:1.2.3.4"), ("::ffff:0:1", "::ffff:0.0.0.1"), ("::ffff:0:1.2.3.4", "::ffff:0:102:304"),
        ("::fffe:1.2.3.4", "::fffe:102:304"), ("64:ff9b::1.2.3.4", "64:ff9b::102:304"),
    ];
    for (text, expected) in texts {
        let mut list = BlockList::new();
        list.add_address(ip(text));
        assert_eq!(list.rules(), [format!("Address: IPv6 {expected}")]);
    }
}

#[test]
fn a_text_that_is_no_rule_is_refused() {
    let (value, address) = (code::ERR_INVALID_ARG_VALUE, code::ERR_INVALID_ADDRESS);
    #[rustfmt::skip]
    let bad = [
        ("", value), ("garbage", value), ("Address: 1.1.1.1", value), ("Address: IPv5 1.1.1.1", value),
        ("address: IPv4 1.1.1.1", value), ("Address: IPv4 ::1", value), ("Range: IPv4 1.1.1.1", value),
        ("Range: IPv4 1.1.1.9-1.1.1.1", value), ("Subnet: IPv6 10.0.0.0/8", value), ("Subnet: IPv4 10.0.0.0", value),
        ("Address: IPv4 1.1.1.999", address), ("Address: IPv4 1.1.1.1 ", address), ("Address: IPv6 ::g", address),
        ("Subnet: IPv4 1.1.1.1/33", code::ERR_OUT_OF_RANGE),
    ];
    for (rule, expected) in bad {
        let mut list = BlockList::new();
        assert_eq!(code_of(list.add_rule(rule)).0, expected, "{rule:?}");
        assert!(list.is_empty());
    }
}

/// Numbers at random from a seed that is printed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % limit
    }

    /// One of few, so that rules and probes meet.
    fn address(&mut self) -> IpAddr {
        let v4 = Ipv4Addr::new(10, 0, self.below(2) as u8, self.below(6) as u8);
        let low = self.below(6) as u16;
        match self.below(8) {
            0..4 => v4.into(),
            4 | 5 => v4.to_ipv6_mapped().into(),
            6 => Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, low).into(),
            _ => Ipv6Addr::new(0, 0, 0, 0, 1, 0, 0, low).into(),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Rule {
    Address(IpAddr),
    Range(IpAddr, IpAddr),
    Subnet(IpAddr, u8),
}

/// 128 bits as text: what the rules mean, without arithmetic.
fn bits(address: IpAddr) -> String {
    let octets = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    };
    octets.iter().map(|octet| format!("{octet:08b}")).collect()
}

/// Whether two addresses can be compared: both have a place among those of IPv4, or both among those of IPv6.
fn compares(left: IpAddr, right: IpAddr) -> bool {
    let is_4 = |address: IpAddr| address.to_canonical().is_ipv4();
    (is_4(left) && is_4(right)) || (left.is_ipv6() && right.is_ipv6())
}

impl Rule {
    fn blocks(self, probe: IpAddr) -> bool {
        match self {
            Self::Address(address) => bits(address) == bits(probe),
            Self::Subnet(network, prefix) => {
                let length = usize::from(prefix) + if network.is_ipv4() { 96 } else { 0 };
                bits(network)[..length] == bits(probe)[..length]
            }
            Self::Range(start, end) => {
                compares(start, probe) && compares(probe, end) && bits(start) <= bits(probe) && bits(probe) <= bits(end)
            }
        }
    }
}

fn check_a_random_list(dice: &mut Dice) -> usize {
    let (mut list, mut model) = (BlockList::new(), Vec::new());
    for _ in 0..dice.below(6) {
        let (address, other) = (dice.address(), dice.address());
        match dice.below(3) {
            0 => {
                list.add_address(address);
                model.push(Rule::Address(address));
            }
            1 => {
                let in_order = !compares(address, other) || bits(address) <= bits(other);
                assert_eq!(list.add_range(address, other).is_ok(), in_order, "{address} {other}");
                model.extend(in_order.then_some(Rule::Range(address, other)));
            }
            _ => {
                let (prefix, longest) = (dice.below(160) as u8, if address.is_ipv4() { 32 } else { 128 });
                assert_eq!(list.add_subnet(address, prefix).is_ok(), prefix <= longest, "{address}/{prefix}");
                model.extend((prefix <= longest).then_some(Rule::Subnet(address, prefix)));
            }
        }
    }
    let mut copy = BlockList::new();
    for rule in list.rules().iter().rev() {
        copy.add_rule(rule).expect("a rule of a list");
    }
    assert_eq!(copy.rules(), list.rules());
    let mut blocked = 0;
    for _ in 0..20 {
        let probe = dice.address();
        let expected = model.iter().any(|rule| rule.blocks(probe));
        assert_eq!((list.check(probe), copy.check(probe)), (expected, expected), "{probe} in {model:?}");
        blocked += usize::from(expected);
    }
    blocked
}

#[test]
fn random_lists_block_what_a_naive_model_blocks_and_survive_their_text() {
    // `NETLOOP_SEED` repeats one.
    let given = std::env::var("NETLOOP_SEED").ok().and_then(|seed| seed.parse().ok());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_nanos() as u64;
    let seed = given.unwrap_or(now);
    println!("seed {seed}");
    let mut dice = Dice(seed);
    let blocked: usize = (0..500).map(|_| check_a_random_list(&mut dice)).sum();
    assert!(blocked > 500 && blocked < 9_500, "{blocked} of 10000: rules and probes hardly meet");
}
