//! What one message may cost: user-space instructions, system calls, allocations. Counted, not timed, so that every machine
//! finds the same; more than `benches/gates.toml` allows is a failure.
//!
//! ```text
//! cargo bench -- gates [--update]
//! ```
//!
//! Clients and server take turns in one thread: all clients send, then the loop runs until all are answered, then the clients
//! read; what a proxy passes on is read and answered behind it. Instructions are counted by valgrind while the loop runs, as
//! the difference of two runs.

use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, ExitCode};
use std::time::Duration;

use netloop::codec::Lines;
use netloop::{Reactor, ServerOptions, Socket, SocketMap};

type AnyError = Box<dyn std::error::Error>;

const LIMITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../gates.toml");
/// Rounds before anything is counted, and the rounds that are.
const WARM_UP: usize = 20;
const ROUNDS: usize = 50;

const MESSAGE: [u8; 64] = [b'm'; 64];

#[derive(Default)]
struct App {
    messages: u64,
    members: SocketMap<()>,
    /// Where a proxy connects to.
    upstream: Option<SocketAddr>,
}

/// What happens in a round.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Course {
    /// Clients send, the server answers.
    Answers,
    /// Clients send, what they are connected to behind a proxy answers.
    PassesOn,
    /// Clients come anew, say nothing, are greeted, and go with a byte unread.
    Churns,
}

struct Case {
    name: &'static str,
    clients: usize,
    /// Those who send.
    talkers: usize,
    /// What each of them sends at once.
    message: Vec<u8>,
    /// How many messages the server sends for that.
    messages: usize,
    /// How often it comes back to every client.
    answers: usize,
    course: Course,
    serve: fn(&mut Socket<'_, App>, &mut App),
}

impl Case {
    fn all() -> [Self; 7] {
        let line = b"GET a-key-of-some-length-000001\n";
        let echo = |name, serve| Self {
            name,
            clients: 64,
            talkers: 64,
            message: MESSAGE.to_vec(),
            messages: 1,
            answers: 1,
            course: Course::Answers,
            serve,
        };
        let proxy = |name, len| Self { message: vec![b'm'; len], messages: 2, course: Course::PassesOn, ..echo(name, proxy) };
        [
            echo("ping-pong", echo_back),
            Self { clients: 16, talkers: 16, message: line.repeat(16), messages: 16, ..echo("lines", answer_lines) },
            echo("idle-timeout", echo_in_time),
            Self {
                clients: 100,
                talkers: 10,
                message: line.to_vec(),
                messages: 100,
                answers: 10,
                ..echo("chat", tell_everybody)
            },
            Self { clients: 16, talkers: 16, course: Course::Churns, ..echo("churn", greet) },
            // Gathered, and handed to the kernel as it is.
            proxy("proxy", 64),
            proxy("proxy-large", 32 * 1024),
        ]
    }
}

fn echo_back(socket: &mut Socket<'_, App>, _: &mut App) {
    socket.on_data(|socket, chunk, app| {
        app.messages += 1;
        socket.write(chunk);
    });
}

fn echo_in_time(socket: &mut Socket<'_, App>, app: &mut App) {
    echo_back(socket, app);
    socket.set_timeout(Duration::from_secs(30)).on_timeout(|socket, _| socket.destroy());
}

fn answer_lines(socket: &mut Socket<'_, App>, _: &mut App) {
    let mut decoder = Lines::new().max_length(1024).keep_ending(true);
    socket.on_data(move |socket, chunk, app| -> netloop::Result {
        let mut lines = decoder.feed(chunk);
        while let Some(line) = lines.next_line()? {
            app.messages += 1;
            socket.write(line);
        }
        Ok(())
    });
}

fn tell_everybody(socket: &mut Socket<'_, App>, app: &mut App) {
    app.members.insert(socket.id(), ());
    socket.on_data(|socket, chunk, app| {
        app.messages += socket.reactor().broadcast(app.members.keys(), chunk) as u64;
    });
}

fn greet(socket: &mut Socket<'_, App>, app: &mut App) {
    app.messages += 1;
    socket.write(MESSAGE);
    socket.destroy_soon();
}

fn proxy(socket: &mut Socket<'_, App>, app: &mut App) {
    let (front, reactor) = (socket.id(), socket.reactor());
    if let Some(upstream) = app.upstream {
        let back = reactor.connect(upstream).set_no_delay(true).id();
        reactor.proxy(front, back);
    }
}

/// A server with its clients.
struct Stage {
    case: Case,
    reactor: Reactor<App>,
    app: App,
    port: u16,
    /// What a proxy connects to.
    listener: TcpListener,
    clients: Vec<TcpStream>,
    /// The ends behind a proxy.
    upstreams: Vec<TcpStream>,
    answers: Vec<u8>,
    got: Vec<u8>,
}

impl Stage {
    fn new(case: Case) -> Result<Self, AnyError> {
        let (mut reactor, mut app) = (Reactor::new()?, App::default());
        let serve = case.serve;
        let options = ServerOptions::new().no_delay(true);
        let mut server = reactor.create_server_with(options, move |socket, app: &mut App| serve(socket, app));
        let port = server.listen(([127, 0, 0, 1], 0)).port().ok_or("not listening")?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        app.upstream = Some(listener.local_addr()?);
        let answers = case.message.repeat(case.answers);
        let got = answers.clone();
        let (clients, upstreams) = (Vec::new(), Vec::new());
        let mut stage = Self { case, reactor, app, port, listener, clients, upstreams, answers, got };
        if stage.case.course != Course::Churns {
            stage.connect()?;
        }
        Ok(stage)
    }

    /// All clients, and what they are connected to behind a proxy.
    fn connect(&mut self) -> Result<(), AnyError> {
        for _ in 0..self.case.clients {
            self.clients.push(ready(TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], self.port)))?)?);
            if self.case.course == Course::Churns {
                continue;
            }
            self.reactor.run_nowait(&mut self.app)?;
            while self.upstreams.len() < self.clients.len() && self.case.course == Course::PassesOn {
                match self.listener.accept() {
                    Ok((upstream, _)) => self.upstreams.push(ready(upstream)?),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => drop(self.reactor.run_once(&mut self.app)?),
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    /// One message, or one batch, of every talker; or one connection of every client.
    fn round(&mut self) -> Result<(), AnyError> {
        if self.case.course == Course::Churns {
            return self.churn();
        }
        for client in self.clients.iter_mut().take(self.case.talkers) {
            client.write_all(&self.case.message)?;
        }
        if self.case.course == Course::PassesOn {
            self.pass_on()?;
            expect(&mut self.upstreams, &self.answers, &mut self.got)?;
            for upstream in &mut self.upstreams {
                upstream.write_all(&self.case.message)?;
            }
            self.pass_on()?;
        } else {
            self.answer()?;
        }
        expect(&mut self.clients, &self.answers, &mut self.got)
    }

    /// Until the server has sent the messages of a round.
    fn answer(&mut self) -> netloop::Result {
        let target = self.app.messages + self.messages();
        while self.app.messages < target {
            iterate(&mut self.reactor, &mut self.app)?;
        }
        Ok(())
    }

    /// The proxy reads one message of every connection and writes it to the other.
    fn pass_on(&mut self) -> netloop::Result {
        let target = self.reactor.metrics().bytes_written + (self.case.talkers * self.case.message.len()) as u64;
        while self.reactor.metrics().bytes_written < target {
            iterate(&mut self.reactor, &mut self.app)?;
        }
        Ok(())
    }

    /// All clients connect, then the server greets them and closes.
    fn churn(&mut self) -> Result<(), AnyError> {
        self.connect()?;
        self.answer()?;
        for mut client in self.clients.drain(..) {
            // A byte stays, so that closing resets and no port is left in TIME_WAIT.
            client.read_exact(&mut self.got[1..])?;
        }
        Ok(())
    }

    fn rounds(&mut self, rounds: usize) -> Result<(), AnyError> {
        (0..rounds).try_for_each(|_| self.round())
    }

    /// The messages of a round.
    fn messages(&self) -> u64 {
        (self.case.talkers * self.case.messages) as u64
    }

    fn calls(&self) -> u64 {
        let counts = self.reactor.metrics();
        counts.polls + counts.registrations + counts.reads + counts.writes + counts.accepts + counts.shutdowns
    }
}

fn ready(stream: TcpStream) -> std::io::Result<TcpStream> {
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    Ok(stream)
}

fn expect(streams: &mut [TcpStream], answers: &[u8], got: &mut [u8]) -> Result<(), AnyError> {
    for stream in streams {
        stream.read_exact(got)?;
        if got != answers {
            return Err("other bytes than were sent".into());
        }
    }
    Ok(())
}

/// What valgrind looks at: the loop, and nothing of the clients.
#[inline(never)]
fn iterate(reactor: &mut Reactor<App>, app: &mut App) -> netloop::Result<bool> {
    reactor.run_nowait(app)
}

/// What a message costs.
#[derive(Clone, Copy, Debug)]
struct Cost {
    instructions: Option<f64>,
    calls: f64,
    allocations: f64,
}

fn cost(number: usize) -> Result<Cost, AnyError> {
    let mut stage = Stage::new(case(number)?)?;
    stage.rounds(WARM_UP)?;
    let (before, total) = (stage.calls(), (stage.messages() * ROUNDS as u64) as f64);
    stage.rounds(ROUNDS)?;
    let calls = (stage.calls() - before) as f64 / total;
    let counted = allocation_counter::measure(|| stage.rounds(ROUNDS).expect("as before"));
    let allocations = counted.count_total as f64 / total;
    let few = instructions(stage.case.name, WARM_UP);
    let many = instructions(stage.case.name, WARM_UP + ROUNDS);
    let instructions = few.zip(many).map(|(few, many)| (many - few) as f64 / total);
    Ok(Cost { instructions, calls, allocations })
}

fn case(number: usize) -> Result<Case, AnyError> {
    Case::all().into_iter().nth(number).ok_or_else(|| "no such case".into())
}

/// The user-space instructions of the loop in so many rounds.
fn instructions(case: &str, rounds: usize) -> Option<u64> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args([
        "--tool=callgrind",
        "--callgrind-out-file=/dev/null",
        "--collect-atstart=no",
        "--toggle-collect=*gates::iterate*",
    ]);
    let output = valgrind.arg(std::env::current_exe().ok()?).args(["--case", case, &rounds.to_string()]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines().find_map(|line| line.split_once("Collected :"))?.1.trim().parse().ok()
}

/// The limits of one case, in the order of `Cost`.
fn limit(text: &str, case: &str, key: &str) -> Option<f64> {
    let section = text.split_once(&format!("[{case}]\n"))?.1;
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    lines.filter_map(|line| line.split_once('=')).find(|(name, _)| name.trim() == key)?.1.trim().parse().ok()
}

fn main() -> Result<ExitCode, AnyError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name, rounds] = &arguments[..]
        && flag == "--case"
    {
        let case = Case::all().into_iter().find(|case| case.name == name).ok_or("no such case")?;
        Stage::new(case)?.rounds(rounds.parse()?)?;
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.iter().any(|argument| argument == "--update") {
        return update();
    }
    let limits = std::fs::read_to_string(LIMITS)?;
    let tolerance = limit(&format!("[all]\n{limits}"), "all", "tolerance").ok_or("no tolerance")?;
    let mut passed = true;
    println!("what a message costs          counted    limit (and {:.0} %)", tolerance * 100.0);
    for (number, case) in Case::all().iter().enumerate() {
        let cost = cost(number)?;
        if cost.instructions.is_none() && number == 0 {
            println!("valgrind is not present: instructions are not counted");
        }
        let figures =
            [("instructions", cost.instructions), ("calls", Some(cost.calls)), ("allocations", Some(cost.allocations))];
        for (key, counted) in figures {
            let Some(counted) = counted else {
                continue;
            };
            let limit = limit(&limits, case.name, key).ok_or_else(|| format!("no limit for {key} of {}", case.name))?;
            let verdict = if counted > limit * (1.0 + tolerance) + 0.001 { "MORE THAN ALLOWED" } else { "" };
            passed &= verdict.is_empty();
            println!("{:<13} {key:<13} {counted:>9.3} {limit:>8.3}  {verdict}", case.name);
        }
    }
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Writes what is counted now as the limits.
fn update() -> Result<ExitCode, AnyError> {
    let mut text = "# What one message may cost netloop, counted by `cargo bench -- gates`; `--update` writes this file.\n\
                    # More than a limit and the tolerance is a failure. Lower the limits when the figures fall.\n\
                    tolerance = 0.05\n"
        .to_owned();
    for (number, case) in Case::all().iter().enumerate() {
        let cost = cost(number)?;
        let instructions = cost.instructions.ok_or("without valgrind there are no limits")?;
        write!(text, "\n[{}]\ninstructions = {instructions:.1}\n", case.name)?;
        write!(text, "calls = {:.3}\nallocations = {:.3}\n", cost.calls, cost.allocations)?;
    }
    std::fs::write(LIMITS, &text)?;
    println!("{text}");
    Ok(ExitCode::SUCCESS)
}
