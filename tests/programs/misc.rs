//! Errors of one's own, `Remote`, and what else a surface has.

use netloop::{BoxError, Error, Reactor, Remote, Socket, SocketId};
use std::{collections::HashMap, sync::Arc, time::Duration};
type Conn<'a> = Socket<'a, App>;
#[derive(Default)]
struct App {
    peers: HashMap<SocketId, String>,
    stop: bool,
}
struct Service {
    reactor: Reactor<App>,
    app: App,
}
impl Service {
    fn new() -> netloop::Result<Self> {
        let mut reactor = Reactor::new()?;
        reactor.create_server(Self::on_connection).listen(([127, 0, 0, 1], 4000));
        Ok(Self { reactor, app: App::default() })
    }
    fn on_connection(socket: &mut Conn<'_>, app: &mut App) -> netloop::Result {
        app.peers.insert(socket.id(), "x".into());
        socket.on_data(Self::on_number).on_close(|socket, _, app| {
            app.peers.remove(&socket.id());
        });
        Ok(())
    }
    fn on_number(socket: &mut Conn<'_>, chunk: &[u8], app: &mut App) -> Result<(), BoxError> {
        let n: u64 = std::str::from_utf8(chunk)?.trim().parse()?;
        if n == 0 {
            return Err("zero".into());
        }
        if n == 1 {
            return Err(Error::with_code("ERR_ONE", "one is not allowed").into());
        }
        writeln!(socket, "{}", n + app.peers.len() as u64);
        socket.try_write(n.to_string())?;
        Ok(())
    }
    fn run(&mut self) -> netloop::Result {
        self.reactor.run(&mut self.app)
    }
}
fn echo<S>() -> impl FnMut(&mut Socket<'_, S>, &[u8], &mut S) + Copy + 'static {
    |socket, chunk, _| {
        socket.write(chunk);
    }
}
fn upgrade(socket: &mut Socket<'_>) {
    socket.on_data(|socket, _, _| {
        let me = socket.current_listener().unwrap();
        socket.remove_listener(me);
        socket.on_data(echo());
    });
    let token = socket.on_drain(|_, _| {}).on_end(|_, _| {}).last_listener();
    socket.remove_listener(token);
}
fn broadcast(socket: &mut Conn<'_>, app: &App, text: &str) {
    let me = socket.id();
    socket.reactor().broadcast(app.peers.keys().copied().filter(|&peer| peer != me), text);
}
fn relay(from: &mut Conn<'_>, to: SocketId) {
    from.on_data(move |from, chunk, _| {
        if !from.other(to).is_none_or(|mut to| to.write(chunk)) {
            from.pause();
        }
    });
}
fn send_sync<T: Send + Sync + Clone>(_: &T) {}
fn main() -> Result<(), BoxError> {
    let mut service = Service::new()?;
    let remote: Remote<App> = service.reactor.remote();
    send_sync(&remote);
    std::thread::spawn(move || -> netloop::Result {
        remote.post(|reactor, app| {
            app.stop = true;
            reactor.stop();
        })?;
        let names: Vec<String> = remote.ask(|_, app| app.peers.values().cloned().collect())?;
        let _ = names;
        Ok(())
    });
    let mut plain = Reactor::new()?;
    let id = plain.connect("127.0.0.1:80".parse::<netloop::Endpoint>()?).id();
    upgrade(&mut plain.socket(id).unwrap());
    let page: Arc<[u8]> = Arc::from(&b"x"[..]);
    plain
        .connect(4000)
        .once_connect(move |socket, _| {
            socket.write_owned(page);
        })
        .once_data(|_, _, _| panic!("x"))
        .on_end(|socket, _| socket.end_then("x", |_, result, _| result))
        .set_timeout(None)
        .set_timeout(Duration::from_secs(1));
    let c = plain.new_socket(netloop::SocketOptions::new().high_water_mark(1)).connect(([0; 4], 1)).id();
    let _ = c;
    plain.run(&mut ())?;
    let _ = (broadcast as fn(&mut Conn<'_>, &App, &str), relay as fn(&mut Conn<'_>, SocketId));
    service.run()?;
    Ok(())
}
