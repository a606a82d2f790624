//! A library that is generic over the state of its users.

// a library generic over S, three ways to reach its own state
use netloop::{Handler, Reactor, Socket, SocketMap};
mod ping {
    use super::*;
    pub fn attach<S>(socket: &mut Socket<'_, S>) {
        let mut seen = 0u64;
        socket.on_data(move |socket, chunk, _| {
            seen += chunk.len() as u64;
            write!(socket, "{seen}\n");
        });
    }
    struct Both {
        seen: u64,
    }
    impl<S> Handler<S> for Both {
        fn on_data(&mut self, socket: &mut Socket<'_, S>, chunk: &[u8], _: &mut S) -> netloop::Result {
            self.seen += 1;
            socket.write(chunk);
            Ok(())
        }
        fn on_close(&mut self, _: &mut Socket<'_, S>, _: bool, _: &mut S) {
            println!("{}", self.seen)
        }
    }
    pub fn attach_both<S>(socket: &mut Socket<'_, S>) {
        socket.attach(Both { seen: 0 });
    }
}
mod chat {
    use super::*;
    #[derive(Default)]
    pub struct Room {
        pub names: SocketMap<String>,
    }
    // AsMut
    pub fn attach<S: AsMut<Room>>(socket: &mut Socket<'_, S>, state: &mut S) {
        state.as_mut().names.insert(socket.id(), String::new());
        socket
            .on_data(|socket, chunk, state| {
                let room = state.as_mut();
                for peer in room.names.keys() {
                    if let Some(mut peer) = socket.reactor().socket(peer) {
                        peer.write(chunk);
                    }
                }
            })
            .on_close(|socket, _, state| {
                state.as_mut().names.remove(socket.id());
            });
    }
}
mod stats {
    use super::*;
    #[derive(Default)]
    pub struct Stats {
        pub bytes: u64,
    }
    // a lens
    pub fn attach<S>(socket: &mut Socket<'_, S>, lens: impl Fn(&mut S) -> &mut Stats + 'static) {
        socket.on_data(move |_, chunk, state| lens(state).bytes += chunk.len() as u64);
    }
    // callback out of the library into the user's state
    pub fn on_line<S>(socket: &mut Socket<'_, S>, mut f: impl FnMut(&mut Socket<'_, S>, &str, &mut S) + 'static) {
        socket.on_text(move |socket, text, state| {
            for line in text.lines() {
                f(socket, line, state)
            }
        });
    }
}
#[derive(Default)]
struct App {
    room: chat::Room,
    stats: stats::Stats,
}
impl AsMut<chat::Room> for App {
    fn as_mut(&mut self) -> &mut chat::Room {
        &mut self.room
    }
}
fn main() -> netloop::Result {
    let mut reactor = Reactor::new()?;
    reactor
        .create_server(|socket, app| {
            chat::attach(socket, app);
            stats::attach(socket, |app: &mut App| &mut app.stats);
            stats::on_line(socket, |socket, line, app| {
                app.stats.bytes += line.len() as u64;
                socket.write(line);
            });
            ping::attach(socket);
        })
        .listen(4000);
    reactor.create_server(|socket, _| ping::attach_both(socket)).listen(4001);
    reactor.run(&mut App::default())
}
