//! The loop inside another one.

use netloop::Reactor;
use std::{
    os::fd::{AsFd, BorrowedFd},
    time::Duration,
};
fn poll(_fd: BorrowedFd<'_>, _timeout: Option<Duration>) {}
struct Game<'w> {
    world: &'w mut Vec<u32>,
    frame: u64,
}
fn game(world: &mut Vec<u32>) -> netloop::Result {
    let mut game = Game { world, frame: 0 };
    let mut reactor = Reactor::new()?;
    reactor
        .create_server(|socket, _: &mut Game<'_>| {
            socket.on_data(|_, chunk, game| game.world.extend(chunk.iter().map(|&b| u32::from(b))));
        })
        .listen(4000);
    while reactor.run_nowait(&mut game)? {
        game.frame += 1;
        poll(reactor.as_fd(), reactor.backend_timeout());
    }
    Ok(())
}
fn main() -> netloop::Result {
    game(&mut Vec::new())
}
