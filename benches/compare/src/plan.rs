//! What is compared: the peers, the scenarios, and how long each is measured.

use std::time::Duration;

/// What a server does with its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Sends back what it gets.
    Echo,
    /// Sends back each line, by a write of its own.
    Lines,
    /// Counts what it gets, and tells the number when the client ends.
    Sink,
    /// Sends a greeting and closes.
    Churn,
    /// Echo, with an idle timeout of 30 s that each message starts anew.
    Timeout,
    /// Sends each line to everybody.
    Chat,
    /// Passes bytes on to another server and back.
    Proxy,
    /// Echo, with small buffers where a connection has its own.
    Idle,
    /// Writes to connections that never read, and echoes to the others.
    Slow,
}

impl Kind {
    const ALL: [(Self, &str); 9] = [
        (Self::Echo, "echo"),
        (Self::Lines, "lines"),
        (Self::Sink, "sink"),
        (Self::Churn, "churn"),
        (Self::Timeout, "timeout"),
        (Self::Chat, "chat"),
        (Self::Proxy, "proxy"),
        (Self::Idle, "idle"),
        (Self::Slow, "slow"),
    ];

    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, other)| *other == name).map(|(kind, _)| *kind)
    }
}

/// What the load generator does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// Each connection sends a message when the answer to the last has come.
    PingPong { connections: usize, size: usize },
    /// Sixteen lines at a time on each connection; reads all answers at once, or one by one.
    Lines { one_by_one: bool },
    /// Sends as fast as it can.
    Sink,
    /// Connects, reads all but one byte, closes.
    Churn,
    /// A hundred members of whom ten talk.
    Chat,
    /// Sends as fast as it can to a server behind the server.
    Proxy,
    /// Connections that do nothing.
    Idle,
    /// Messages at a fixed rate, whether answered or not.
    OpenLoop { connections: usize },
    /// Connections that never read, and healthy ones beside them.
    Slow,
}

impl Load {
    /// Without so many at once it says nothing; those that can do with fewer ask for few.
    pub(crate) fn connections(self) -> usize {
        match self {
            Self::PingPong { connections, .. } | Self::OpenLoop { connections } => connections,
            Self::Chat => 100,
            _ => 64,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// What is counted.
    pub(crate) unit: &'static str,
    pub(crate) kind: Kind,
    pub(crate) load: Load,
}

const fn scenario(name: &'static str, title: &'static str, unit: &'static str, kind: Kind, load: Load) -> Scenario {
    Scenario { name, title, unit, kind, load }
}

pub(crate) const SCENARIOS: [Scenario; 14] = [
    scenario(
        "ping-pong-1",
        "Ping-pong, 64 B, 1 connection",
        "messages",
        Kind::Echo,
        Load::PingPong { connections: 1, size: 64 },
    ),
    scenario(
        "ping-pong-64",
        "Ping-pong, 64 B, 64 connections",
        "messages",
        Kind::Echo,
        Load::PingPong { connections: 64, size: 64 },
    ),
    scenario(
        "ping-pong-1000",
        "Ping-pong, 64 B, 1000 connections",
        "messages",
        Kind::Echo,
        Load::PingPong { connections: 1000, size: 64 },
    ),
    scenario(
        "lines-batch",
        "Lines, 16 in flight on 64 connections, read in batches",
        "lines",
        Kind::Lines,
        Load::Lines { one_by_one: false },
    ),
    scenario(
        "lines-single",
        "Lines, 16 in flight on 64 connections, read singly",
        "lines",
        Kind::Lines,
        Load::Lines { one_by_one: true },
    ),
    scenario(
        "bulk-echo",
        "Bulk echo, 64 KiB, 16 connections",
        "chunks",
        Kind::Echo,
        Load::PingPong { connections: 16, size: 64 * 1024 },
    ),
    scenario("sink", "One-way sink, 64 KiB writes, 16 connections", "chunks", Kind::Sink, Load::Sink),
    scenario("churn", "Churn: accept, write, close", "connections", Kind::Churn, Load::Churn),
    scenario(
        "idle-timeout",
        "Echo with a 30 s idle timeout, 1000 connections",
        "messages",
        Kind::Timeout,
        Load::PingPong { connections: 1000, size: 64 },
    ),
    scenario("chat", "Chat room: 100 members, 10 talking", "deliveries", Kind::Chat, Load::Chat),
    scenario("proxy", "Proxy between two sockets, 16 streams", "chunks", Kind::Proxy, Load::Proxy),
    scenario("latency", "Latency at a fixed rate, 64 connections", "messages", Kind::Echo, Load::OpenLoop { connections: 64 }),
    scenario("idle", "Idle connections: resident bytes each", "connections", Kind::Idle, Load::Idle),
    scenario("slow-consumers", "Peers that never read: memory of the producer", "connections", Kind::Slow, Load::Slow),
];

#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
}

const fn peer(name: &'static str, about: &'static str) -> Peer {
    Peer { name, about }
}

pub(crate) const PEERS: [Peer; 9] = [
    peer("netloop", "this crate"),
    peer("tokio", "tokio, current_thread, as its documentation writes it"),
    peer("tokio-multi", "tokio, multi_thread with 2 workers, on the same one core"),
    peer("tokio-bufwriter", "tokio, current_thread, an expert's BufWriter; only where it differs"),
    peer("smol", "smol, as its examples write it"),
    peer("mio", "mio by hand, edge-triggered, no second read after a short one"),
    peer("floor", "epoll by hand, edge-triggered, writes gathered: the least there is"),
    peer("libuv", "libuv in C"),
    peer("node", "Node 26"),
];

/// Whether this peer has a server of this kind that differs from another peer's.
pub(crate) fn takes_part(peer: &str, kind: Kind) -> bool {
    match (peer, kind) {
        ("netloop", _) => true,
        (_, Kind::Slow) => false,
        ("tokio-bufwriter", kind) => matches!(kind, Kind::Lines | Kind::Chat),
        _ => true,
    }
}

/// How long everything takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    pub(crate) warm_up: Duration,
    pub(crate) window: Duration,
    pub(crate) idle_connections: usize,
    pub(crate) slow_connections: usize,
    /// Messages a second, over all connections.
    pub(crate) rate: u64,
}

impl Effort {
    pub(crate) fn new(quick: bool) -> Self {
        let millis = Duration::from_millis;
        if quick {
            Self {
                rounds: 1,
                warm_up: millis(20),
                window: millis(80),
                idle_connections: 1000,
                slow_connections: 100,
                rate: 20_000,
            }
        } else {
            Self {
                rounds: 5,
                warm_up: millis(100),
                window: millis(400),
                idle_connections: 10_000,
                slow_connections: 1000,
                rate: 20_000,
            }
        }
    }

    /// Memory needs no second look.
    pub(crate) fn rounds_of(&self, scenario: &Scenario) -> usize {
        if matches!(scenario.load, Load::Idle | Load::Slow) { 1 } else { self.rounds }
    }
}
