//! A chat room with names.

use netloop::{Reactor, Socket, SocketId, SocketMap};
#[derive(Default)]
struct Room {
    members: SocketMap<Member>,
}
#[derive(Default)]
struct Member {
    name: Option<String>,
    pending: Vec<u8>,
}

fn broadcast(socket: &mut Socket<'_, Room>, room: &Room, text: &str) {
    let me = socket.id();
    for peer in room.members.keys().filter(|&peer| peer != me) {
        if let Some(mut peer) = socket.reactor().socket(peer) {
            peer.write(text);
        }
    }
}
fn on_chunk(socket: &mut Socket<'_, Room>, chunk: &[u8], room: &mut Room) {
    let me: SocketId = socket.id();
    room.members[me].pending.extend_from_slice(chunk);
    while let Some(end) = room.members[me].pending.iter().position(|&b| b == b'\n') {
        let line: Vec<u8> = room.members[me].pending.drain(..=end).collect();
        let line = String::from_utf8_lossy(&line);
        let member = &mut room.members[me];
        match &member.name {
            None => {
                let name = line.trim().to_owned();
                write!(socket, "hello {name}\n");
                member.name = Some(name);
            }
            Some(name) => {
                let text = format!("{name}: {line}");
                broadcast(socket, room, &text);
            }
        }
    }
}
fn main() -> netloop::Result {
    let mut reactor = Reactor::new()?;
    reactor
        .create_server(|socket, room: &mut Room| {
            room.members.insert(socket.id(), Member::default());
            socket.write("your name?\n");
            socket.on_data(on_chunk).on_close(|socket, _, room| {
                if let Some(Member { name: Some(name), .. }) = room.members.remove(socket.id()) {
                    broadcast(socket, room, &format!("{name} left\n"));
                }
            });
        })
        .listen(("127.0.0.1", 4000));
    reactor.run(&mut Room::default())
}
