//! A framed protocol: three places for a parser that data and close share.

// three ways of sharing a parser between data and close
use netloop::{Error, Handler, Reactor, Socket, SocketMap, codec::LengthPrefixed};
use std::{cell::RefCell, rc::Rc};
#[derive(Default)]
struct App {
    conns: SocketMap<Conn>,
    total: u64,
}
#[derive(Default)]
struct Conn {
    frames: LengthPrefixed,
    seen: u64,
}

fn send(socket: &mut Socket<'_, impl Sized>, payload: &[u8]) -> netloop::Result<bool> {
    socket.cork();
    socket.write(LengthPrefixed::header(payload.len())?);
    let more = socket.write(payload);
    socket.uncork();
    Ok(more)
}
fn pump(socket: &mut Socket<'_, App>, conn: &mut Conn, chunk: &[u8]) -> netloop::Result {
    conn.frames.push(chunk);
    while let Some(frame) = conn.frames.next_frame()? {
        conn.seen += 1;
        send(socket, frame)?;
    }
    Ok(())
}
// (a) a map in S
fn a(reactor: &mut Reactor<App>) {
    reactor
        .create_server(|socket, app| {
            app.conns.insert(socket.id(), Conn::default());
            socket.on_data(|socket, chunk, app| pump(socket, &mut app.conns[socket.id()], chunk)).on_close(|socket, _, app| {
                if let Some(conn) = app.conns.remove(socket.id()) {
                    app.total += conn.seen;
                }
            });
        })
        .listen(1);
}
// (b) Rc<RefCell>
fn b(reactor: &mut Reactor<App>) {
    reactor
        .create_server(|socket, _| {
            let conn = Rc::new(RefCell::new(Conn::default()));
            let last = Rc::clone(&conn);
            socket
                .on_data(move |socket, chunk, _| {
                    if let Err(error) = pump(socket, &mut conn.borrow_mut(), chunk) {
                        socket.destroy_with(error);
                    }
                })
                .on_close(move |_, _, app| app.total += last.borrow().seen);
        })
        .listen(2);
}
// (c) a handler
impl Handler<App> for Conn {
    fn on_data(&mut self, socket: &mut Socket<'_, App>, chunk: &[u8], _: &mut App) -> netloop::Result {
        pump(socket, self, chunk)
    }
    fn on_close(&mut self, _: &mut Socket<'_, App>, _: bool, app: &mut App) {
        app.total += self.seen;
    }
}
fn c(reactor: &mut Reactor<App>) {
    reactor
        .create_server(|socket, _| {
            socket.attach(Conn::default());
        })
        .listen(3);
}
fn main() -> Result<(), Error> {
    let mut app = App::default();
    let mut reactor = Reactor::new()?;
    a(&mut reactor);
    b(&mut reactor);
    c(&mut reactor);
    reactor.run(&mut app)
}
