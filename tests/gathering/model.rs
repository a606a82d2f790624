//! Sockets that do anything to themselves and to each other in their listeners, beside a model of what must arrive.

use std::any::Any;
use std::collections::BTreeMap;
use std::io::{IoSlice, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use netloop::{Error, Reactor, Socket, SocketId, code};
use socket2::SockRef;

/// From this size on a write is not gathered.
const LARGE: usize = 16 * 1024;
/// So much may be gathered on a socket before it leaves.
const GATHER_LIMIT: usize = 64 * 1024;
/// What a world may write in all.
const BYTES: usize = 4 << 20;

/// The payload of the panics that are part of the game.
struct Planned;

pub(crate) struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// What is known of one socket.
#[derive(Default)]
struct Side {
    peer: usize,
    /// Everything that it has written and that was accepted.
    written: Vec<u8>,
    /// How much of it the peer has got.
    arrived: usize,
    /// How often each callback was called, and the last one that heard of success.
    calls: Vec<u8>,
    last_done: usize,
    /// Bytes written since the iteration began: while they are few they are gathered.
    fresh: usize,
    /// The kernel has been full: it may be so again at any time.
    stuffed: bool,
    narrow: bool,
    corks: u32,
    limited: bool,
    finished: bool,
    ended: bool,
    /// It was destroyed with nothing left to send.
    left_clean: bool,
    closed: u32,
}

pub(crate) struct World {
    dice: Dice,
    sides: Vec<Side>,
    ids: Vec<SocketId>,
    index: BTreeMap<SocketId, usize>,
    actions: usize,
    bytes: usize,
    /// No action kills a socket any more, and none panics.
    calm: bool,
    /// The loop runs.
    inside: bool,
    /// Few actions kill.
    gentle: bool,
    bulk: Vec<u8>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let bulk = (0..1 << 17).map(|_| dice.next() as u8).collect();
        let (actions, gentle) = (60 + dice.below(240), dice.one_in(2));
        Self {
            dice,
            sides: Vec::new(),
            ids: Vec::new(),
            index: BTreeMap::new(),
            actions,
            bytes: BYTES,
            calm: false,
            inside: false,
            gentle,
            bulk,
        }
    }

    fn of(&mut self, id: SocketId) -> &mut Side {
        &mut self.sides[self.index[&id]]
    }

    /// Bytes that no other write has at their place.
    fn some_bytes(&mut self, len: usize) -> Vec<u8> {
        let at = self.dice.below(self.bulk.len() - len + 1);
        self.bulk[at..at + len].to_vec()
    }

    fn size(&mut self) -> usize {
        let size = match self.dice.below(40) {
            0 => 0,
            1 => LARGE - 1,
            2 => LARGE,
            3 => GATHER_LIMIT,
            4 => 100 * 1024,
            5 => GATHER_LIMIT - LARGE,
            6..12 => 1000 + self.dice.below(9000),
            _ => 1 + self.dice.below(300),
        };
        let size = size.min(self.bytes);
        self.bytes -= size;
        size
    }
}

/// Adds the sides of a connection.
fn admit(reactor: &mut Reactor<World>, world: &mut World, pair: (SocketId, SocketId)) {
    let first = world.sides.len();
    for (id, peer) in [(pair.0, first + 1), (pair.1, first)] {
        world.index.insert(id, world.sides.len());
        world.sides.push(Side { peer, ..Side::default() });
        world.ids.push(id);
        let narrow = world.dice.one_in(2);
        world.of(id).narrow = narrow;
        let limit = world.dice.one_in(6).then(|| 1000 + world.dice.below(100_000));
        let mut socket = reactor.socket(id).expect("just made");
        if narrow {
            SockRef::from(&socket).set_send_buffer_size(4096).expect("a size of every system");
        }
        if let Some(limit) = limit {
            socket.set_write_queue_limit(limit);
            world.of(id).limited = true;
        }
        listen(&mut socket);
    }
}

fn listen(socket: &mut Socket<'_, World>) {
    socket
        .on_data(|socket, chunk, world| {
            arrive(socket, chunk, world);
            act_some(socket, world)
        })
        .on_drain(|socket, world| act_some(socket, world))
        .on_end(|socket, world| {
            let side = world.of(socket.id());
            assert!(!std::mem::replace(&mut side.ended, true), "ended twice");
        })
        .on_finish(|socket, world| {
            let side = world.of(socket.id());
            assert!(!std::mem::replace(&mut side.finished, true), "finished twice");
        })
        .on_error(|_, _, _| {})
        .on_timeout(|_, _| {})
        .on_close(|socket, _, world| world.of(socket.id()).closed += 1);
}

/// What one gets the other writes; the model is told right before.
fn pipe(reactor: &mut Reactor<World>, from: SocketId, to: SocketId) {
    reactor.socket(from).expect("just made").on_data(move |socket, chunk, world| {
        if socket.other(to).is_some_and(|to| to.is_writable()) {
            let side = world.of(to);
            side.written.extend_from_slice(chunk);
            side.fresh += chunk.len();
        }
    });
    reactor.pipe(from, to);
}

/// What comes is what the peer has written, in order.
fn arrive(socket: &Socket<'_, World>, chunk: &[u8], world: &mut World) {
    assert!(!socket.is_paused(), "data for a paused socket");
    let me = world.index[&socket.id()];
    let peer = world.sides[me].peer;
    let peer = &mut world.sides[peer];
    let arrived = peer.arrived + chunk.len();
    assert!(peer.written.get(peer.arrived..arrived) == Some(chunk), "{me}: {} bytes after {}", chunk.len(), peer.arrived);
    peer.arrived = arrived;
}

fn act_some(socket: &mut Socket<'_, World>, world: &mut World) -> Result<(), &'static str> {
    for _ in 0..world.dice.below(6) {
        if world.actions == 0 {
            break;
        }
        world.actions -= 1;
        match world.dice.below(10) {
            0..7 => act(socket, world)?,
            7 => {
                let everybody = world.ids.clone();
                broadcast(socket.reactor(), &everybody, world);
            }
            _ => {
                let other = world.ids[world.dice.below(world.ids.len())];
                if let Some(mut other) = socket.other(other) {
                    act(&mut other, world)?;
                }
            }
        }
    }
    check_accounts(socket, world);
    Ok(())
}

/// One action.
fn act(socket: &mut Socket<'_, World>, world: &mut World) -> Result<(), &'static str> {
    let action = world.dice.below(64);
    match action {
        0..34 => write(socket, world),
        34..43 => shape(socket, world, action),
        43..53 => later(socket, action),
        _ if world.calm || world.gentle && !world.dice.one_in(12) => write(socket, world),
        53..56 => resume_unwind(Box::new(Planned)),
        56 => return Err("a listener's own error"),
        57 => finish(socket, world, 0, |socket, _| socket.end()),
        58 => finish(socket, world, 300, |socket, bytes| socket.end_with(bytes)),
        59 => finish(socket, world, 0, |socket, _| socket.destroy_soon()),
        60 => finish(socket, world, 20_000, |socket, bytes| socket.end_then(bytes, |_, _, _| {})),
        61 => socket.reset_and_destroy(),
        _ => {
            let clean = socket.is_writable() && socket.writable_length() == 0 && socket.writable_corked() == 0;
            let side = world.of(socket.id());
            side.left_clean |= clean && !side.stuffed && !side.narrow;
            socket.destroy();
        }
    }
    Ok(())
}

/// What changes the way its bytes take.
fn shape(socket: &mut Socket<'_, World>, world: &mut World, action: usize) {
    match action {
        34 => {
            socket.cork();
            if !socket.is_destroyed() {
                world.of(socket.id()).corks += 1;
            }
        }
        35 | 36 => {
            socket.uncork();
            let side = world.of(socket.id());
            side.corks = side.corks.saturating_sub(1);
        }
        37 => drop(socket.set_timeout(Duration::from_secs(world.dice.below(100) as u64))),
        38 => drop(socket.set_timeout(None)),
        39 => {
            world.of(socket.id()).limited = true;
            socket.set_write_queue_limit(1000 + world.dice.below(200_000));
        }
        40 => {
            socket.unref();
            socket.ref_();
        }
        41 => check_accounts(socket, world),
        _ => drop(socket.set_no_delay(world.dice.one_in(2))),
    }
}

/// What leads to other callbacks.
fn later(socket: &mut Socket<'_, World>, action: usize) {
    match action {
        43 | 44 => {
            socket.pause();
            socket.next_tick(|socket, _| socket.resume());
        }
        45 => {
            let id = socket.id();
            socket.pause();
            socket.reactor().set_immediate(move |reactor, _| {
                if let Some(mut socket) = reactor.socket(id) {
                    socket.resume();
                }
            });
        }
        46 => socket.next_tick(act_some),
        47 => {
            let id = socket.id();
            socket.reactor().set_immediate(move |reactor, world| {
                if let Some(mut socket) = reactor.socket(id) {
                    let _ = act_some(&mut socket, world);
                }
            });
        }
        48 => drop(socket.once_data(|socket, _, world| act_some(socket, world))),
        49 => drop(socket.on_data(|socket, _, world| {
            if world.dice.one_in(3) {
                let me = socket.current_listener().expect("it runs");
                assert!(socket.remove_listener(me));
            }
            act_some(socket, world)
        })),
        50 => drop(socket.on_data(|socket, _, world| write(socket, world))),
        51 => {
            let listener = socket.on_data(|_, _, _| {}).last_listener();
            assert!(socket.remove_listener(listener));
        }
        _ => {
            socket.pause();
            socket.resume();
        }
    }
}

/// Ends it, maybe with some bytes.
fn finish(socket: &mut Socket<'_, World>, world: &mut World, len: usize, end: impl FnOnce(&mut Socket<'_, World>, &[u8])) {
    if !socket.is_writable() || world.of(socket.id()).limited {
        return;
    }
    let bytes = world.some_bytes(len);
    let side = world.of(socket.id());
    side.written.extend_from_slice(&bytes);
    side.corks = 0;
    end(socket, &bytes);
}

fn write(socket: &mut Socket<'_, World>, world: &mut World) {
    if !socket.is_writable() {
        return;
    }
    let size = world.size();
    let bytes = world.some_bytes(size);
    let way = world.dice.below(16);
    let before = (socket.writable_length(), socket.bytes_written());
    let room = hand_over(socket, world, &bytes, way);
    let id = socket.id();
    let inside = world.inside;
    let side = world.of(id);
    if socket.is_destroyed() || room == Some(Err(())) {
        assert!(side.limited, "refused without a limit");
        return;
    }
    side.written.extend_from_slice(&bytes);
    side.fresh += bytes.len();
    if !socket.is_writable() {
        return;
    }
    assert_eq!(socket.bytes_written(), before.1 + bytes.len() as u64, "counted at once");
    // Before a limit is passed all leaves, and the kernel may refuse it.
    let gathers = inside && side.corks == 0 && side.fresh < LARGE && way != 9 && !side.limited;
    let left = socket.writable_length();
    let refuses = crate::util::faults_are_injected("what is gathered may be refused");
    if before.0 == 0 && gathers && !side.stuffed && !refuses {
        assert_eq!(left, 0, "what is gathered counts as taken");
    }
    if let Some(Ok(room)) = room {
        assert_eq!(room, left == 0 || left < socket.writable_high_water_mark());
        assert!(room || socket.writable_need_drain());
    }
}

/// Writes in one of the ways there are. What it said, if it did; `Err` if it was refused.
fn hand_over(socket: &mut Socket<'_, World>, world: &mut World, bytes: &[u8], way: usize) -> Option<Result<bool, ()>> {
    let id = socket.id();
    let number = world.of(id).calls.len();
    let done = move |socket: &mut Socket<'_, World>, result: netloop::Result<()>, world: &mut World| {
        let side = world.of(id);
        side.calls[number] += 1;
        assert_eq!(side.calls[number], 1, "called once");
        if result.is_ok() {
            assert!(side.last_done <= number, "{number} after {}", side.last_done);
            side.last_done = number;
        }
        if world.dice.one_in(3) { act_some(socket, world) } else { Ok(()) }
    };
    let refused = |error: Error| assert_eq!(error.code(), code::ERR_WRITE_QUEUE_FULL);
    match way {
        0 => Some(Ok(socket.write_owned(Box::<[u8]>::from(bytes)))),
        1 => Some(socket.try_write(bytes).map_err(refused)),
        2 | 3 => {
            world.of(id).calls.push(0);
            Some(Ok(socket.write_then(bytes, done)))
        }
        4 => {
            world.of(id).calls.push(0);
            Some(Ok(socket.write_owned_then(Box::<[u8]>::from(bytes), done)))
        }
        5 => match socket.writer().write_all(bytes) {
            Ok(()) => None,
            Err(error) => {
                assert!(error.to_string().contains("refused"), "{error}");
                Some(Err(()))
            }
        },
        // By its own id, through the reactor.
        6 => socket.reactor().socket(id).map(|mut socket| Ok(socket.write(bytes))),
        7 => socket.other(id).map(|mut socket| Ok(socket.write(bytes))),
        8 => (socket.reactor().broadcast([id], bytes) == 0).then_some(Err(())),
        9 if !world.of(id).limited => {
            let (one, two) = bytes.split_at(bytes.len() / 2);
            socket.write_vectored(&[IoSlice::new(one), IoSlice::new(&[]), IoSlice::new(two)]);
            None
        }
        _ => Some(Ok(socket.write(bytes))),
    }
}

fn broadcast(reactor: &mut Reactor<World>, to: &[SocketId], world: &mut World) {
    let size = world.size() % 2000;
    let bytes = world.some_bytes(size);
    // Each alone, so that the model knows who got it.
    for &id in to {
        if reactor.broadcast([id], &bytes) == 1 {
            let side = world.of(id);
            side.written.extend_from_slice(&bytes);
            side.fresh += size;
        }
    }
}

/// What a socket says of itself is what the model says.
fn check_accounts(socket: &Socket<'_, World>, world: &mut World) {
    if !socket.is_writable() {
        return;
    }
    let side = world.of(socket.id());
    assert_eq!(socket.bytes_written(), side.written.len() as u64);
    assert_eq!(socket.writable_corked(), side.corks);
}

/// Runs once; panics that are part of the game are caught.
fn step(reactor: &mut Reactor<World>, world: &mut World, waits: bool) {
    let run = |reactor: &mut Reactor<World>, world: &mut World| match waits {
        true => reactor.run_once(world),
        false => reactor.run_nowait(world),
    };
    for id in world.ids.clone() {
        let waits = reactor.socket(id).is_some_and(|socket| socket.writable_length() > 0);
        let side = world.of(id);
        (side.fresh, side.stuffed) = (0, side.stuffed || waits);
    }
    world.inside = true;
    let result = catch_unwind(AssertUnwindSafe(|| run(reactor, world)));
    world.inside = false;
    match result {
        Ok(result) => drop(result.expect("every error is heard")),
        Err(payload) => planned(payload),
    }
}

fn planned(payload: Box<dyn Any + Send>) {
    if !payload.is::<Planned>() {
        resume_unwind(payload);
    }
}

/// Something from outside of the loop, or from a callback of nobody's.
fn stir(reactor: &mut Reactor<World>, world: &mut World) {
    let id = world.ids[world.dice.below(world.ids.len())];
    if world.dice.one_in(3) {
        let stirred = catch_unwind(AssertUnwindSafe(|| {
            if let Some(mut socket) = reactor.socket(id) {
                let _ = act_some(&mut socket, world);
            }
        }));
        stirred.unwrap_or_else(planned);
    } else {
        reactor.set_immediate(move |reactor, world| {
            if let Some(mut socket) = reactor.socket(id) {
                write(&mut socket, world);
            }
        });
    }
}

/// Lets everything arrive that can; then nothing may be missing.
fn calm_down(reactor: &mut Reactor<World>, world: &mut World) {
    world.calm = true;
    for id in world.ids.clone() {
        if let Some(mut socket) = reactor.socket(id) {
            (0..socket.writable_corked()).for_each(|_| socket.uncork());
            world.of(id).corks = 0;
            socket.resume();
        }
    }
    world.actions = 0;
    let missing = |reactor: &mut Reactor<World>, world: &World| {
        let alive =
            |id: SocketId, reactor: &mut Reactor<World>| reactor.socket(id).is_some_and(|socket| !socket.is_destroyed());
        let sides = world.sides.iter().enumerate();
        let behind: Vec<_> = sides.filter(|(_, side)| side.arrived < side.written.len()).collect();
        behind.into_iter().any(|(at, side)| alive(world.ids[at], reactor) && alive(world.ids[side.peer], reactor))
    };
    let heart = reactor.set_interval(Duration::from_millis(2), |_, _, _| {});
    for _ in 0..2000 {
        if !missing(reactor, world) {
            break;
        }
        step(reactor, world, true);
    }
    reactor.clear_timer(heart);
    let kept: Vec<_> = world.sides.iter().map(|side| side.written.len() - side.arrived).collect();
    assert!(!missing(reactor, world), "kept back: {kept:?}");
}

/// Ends what is left; the loop ends, and the accounts are closed.
fn wind_up(reactor: &mut Reactor<World>, world: &mut World) {
    for id in world.ids.clone() {
        if let Some(mut socket) = reactor.socket(id) {
            check_accounts(&socket, world);
            socket.end();
        }
    }
    let heart = reactor.set_interval(Duration::from_millis(2), |_, _, _| {});
    reactor.unref_timer(heart);
    for _ in 0..2000 {
        if !reactor.is_alive() {
            break;
        }
        step(reactor, world, true);
        // A pipe pauses its source when it ends.
        for id in world.ids.clone() {
            if let Some(mut socket) = reactor.socket(id).filter(Socket::is_paused) {
                socket.resume();
            }
        }
    }
    reactor.clear_timer(heart);
    for id in world.ids.clone() {
        let Some(socket) = reactor.socket(id) else { continue };
        panic!("{}: {socket:?} is left, {} bytes wait", world.index[&id], socket.writable_length());
    }
    assert_eq!(reactor.handles().count(), 0, "something is left");
    for (at, side) in world.sides.iter().enumerate() {
        assert_eq!(side.closed, 1, "{at}: close");
        assert!(side.calls.iter().all(|&calls| calls == 1), "{at}: {:?}", side.calls);
        let whole = side.arrived == side.written.len();
        let left_clean = side.left_clean && !crate::util::faults_are_injected("what the kernel refused goes with a destroy");
        if (side.finished || left_clean) && world.sides[side.peer].ended && (whole || crate::util::resets_arrive()) {
            assert_eq!(side.arrived, side.written.len(), "{at}: all of it, since the end came through");
        }
    }
}

/// Plays one world to its end.
pub(crate) fn play(seed: u64) {
    let mut world = World::new(seed);
    let mut reactor = Reactor::new().expect("a reactor");
    for _ in 0..1 + world.dice.below(3) {
        let pair = if world.dice.one_in(2) { reactor.socket_pair().expect("a pair") } else { tcp_pair(&mut reactor) };
        admit(&mut reactor, &mut world, pair);
    }
    // Only first ones, so that nothing goes round for ever.
    if world.dice.one_in(3) {
        let from = world.ids[2 * world.dice.below(world.ids.len() / 2)];
        let to = world.ids[2 * world.dice.below(world.ids.len() / 2)];
        pipe(&mut reactor, from, to);
    }
    for _ in 0..40 {
        stir(&mut reactor, &mut world);
        for _ in 0..world.dice.below(4) {
            step(&mut reactor, &mut world, false);
        }
    }
    calm_down(&mut reactor, &mut world);
    wind_up(&mut reactor, &mut world);
}

fn tcp_pair(reactor: &mut Reactor<World>) -> (SocketId, SocketId) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let near = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
    let (far, _) = listener.accept().expect("it has connected");
    (reactor.adopt(near).id(), reactor.adopt(far).id())
}
