//! The loop inside another loop: a game that draws frames and talks to the network between them.
//!
//! ```text
//! cargo run --example embed
//! ```
//!
//! It prints 60 frames' worth of work with the echoes that came in meanwhile, `60 frames, 10 echoes`, and exits by itself.
//! The outer loop owns the thread and the time; the reactor never waits.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use netloop::{Reactor, SocketId};

const FRAME: Duration = Duration::from_millis(16);
const FRAMES: u32 = 60;

/// Prints a line. If its reader is gone (`… | head`), the program ends, where `println!` would panic.
macro_rules! say {
    ($($line:tt)*) => { writeln!(std::io::stdout(), $($line)*).unwrap_or_else(|_| std::process::exit(0)) };
}

/// The state of the game, lent to every callback.
#[derive(Default)]
struct Game {
    echoes: usize,
    player: Option<SocketId>,
}

/// A server that echoes, and a player who is connected to it.
fn set_up(reactor: &mut Reactor<Game>) {
    reactor
        .create_server(|socket, _| {
            socket.on_data(|socket, chunk, _| socket.write(chunk));
        })
        .listen(([127, 0, 0, 1], 0))
        .on_listening(|server, game| {
            let Some(port) = server.port() else { return };
            // The server alone shall not keep the program.
            let mut player = server.unref().reactor().connect(([127, 0, 0, 1], port));
            player.on_data(|_, chunk, game| game.echoes += chunk.iter().filter(|&&byte| byte == b'\n').count());
            game.player = Some(player.id());
        });
}

fn main() -> netloop::Result {
    let mut reactor = Reactor::new()?;
    let mut game = Game::default();
    set_up(&mut reactor);
    let mut next_frame = Instant::now();
    for frame in 0..FRAMES {
        next_frame += FRAME;
        // The world moves; now and then the player says so.
        if frame % 6 == 5
            && let Some(mut player) = game.player.and_then(|id| reactor.socket(id))
        {
            writeln!(player, "frame {frame}");
        }
        // What is left of the frame belongs to the network.
        loop {
            reactor.run_nowait(&mut game)?;
            let left = next_frame.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            // `None` is "nothing is due"; still, bytes may come at any time, so nobody sleeps long.
            let due = reactor.backend_timeout().unwrap_or(left);
            thread::sleep(due.min(left).min(Duration::from_millis(2)));
        }
        if frame % 10 == 9 {
            say!("frame {}: {} echoes", frame + 1, game.echoes);
        }
    }
    if let Some(mut player) = game.player.and_then(|id| reactor.socket(id)) {
        player.end();
    }
    reactor.run(&mut game)?;
    say!("{FRAMES} frames, {} echoes", game.echoes);
    Ok(())
}
