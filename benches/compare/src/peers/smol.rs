//! The servers on smol, after the programs in its `examples`.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use smol::channel::{Receiver, Sender, bounded};
use smol::{Async, Timer, future, io, prelude::*};

use super::{AnyError, GREETING, IDLE, announce};
use crate::plan::Kind;

type Stream = Arc<Async<TcpStream>>;

pub(super) fn serve(kind: Kind, upstream: Option<SocketAddr>) -> Result<(), AnyError> {
    smol::block_on(async {
        let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0))?;
        announce(listener.get_ref().local_addr()?.port())?;
        let (sender, receiver) = bounded(100);
        smol::spawn(dispatch(receiver)).detach();
        loop {
            let (stream, address) = listener.accept().await?;
            if !matches!(kind, Kind::Churn | Kind::Sink) {
                stream.get_ref().set_nodelay(true)?;
            }
            match kind {
                Kind::Echo => smol::spawn(echo(stream, 64 * 1024)).detach(),
                Kind::Idle => smol::spawn(echo(stream, 4096)).detach(),
                Kind::Lines => smol::spawn(lines(stream)).detach(),
                Kind::Sink => smol::spawn(sink(stream)).detach(),
                Kind::Churn => smol::spawn(greet(stream)).detach(),
                Kind::Timeout => smol::spawn(echo_in_time(stream)).detach(),
                Kind::Chat => {
                    let client = Arc::new(stream);
                    sender.send(Event::Join(address, client.clone())).await?;
                    let sender = sender.clone();
                    smol::spawn(async move {
                        read_messages(&sender, client).await.ok();
                        sender.send(Event::Leave(address)).await.ok();
                    })
                    .detach();
                }
                Kind::Proxy => smol::spawn(proxy(stream, upstream.ok_or("no upstream")?)).detach(),
                Kind::Slow => return Err("only netloop has this server".into()),
            }
        }
    })
}

async fn echo(mut stream: Async<TcpStream>, buffer: usize) -> io::Result<()> {
    let mut buf = vec![0; buffer];
    loop {
        let n = stream.read(&mut buf).await?;
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&buf[..n]).await?;
    }
}

async fn echo_in_time(mut stream: Async<TcpStream>) -> io::Result<()> {
    let mut buf = vec![0; 4096];
    loop {
        let late = async {
            Timer::after(IDLE).await;
            Err(io::ErrorKind::TimedOut.into())
        };
        let n = future::or(stream.read(&mut buf), late).await?;
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&buf[..n]).await?;
    }
}

async fn lines(stream: Async<TcpStream>) -> io::Result<()> {
    let (mut reader, mut writer, mut line) = (io::BufReader::new(&stream), &stream, Vec::new());
    while reader.read_until(b'\n', &mut line).await? > 0 {
        writer.write_all(&line).await?;
        line.clear();
    }
    Ok(())
}

async fn sink(mut stream: Async<TcpStream>) -> io::Result<()> {
    let (mut buf, mut total) = (vec![0; 64 * 1024], 0);
    loop {
        let n = stream.read(&mut buf).await?;
        if n == 0 {
            return stream.write_all(format!("{total}\n").as_bytes()).await;
        }
        total += n;
    }
}

async fn greet(mut stream: Async<TcpStream>) -> io::Result<()> {
    stream.write_all(&GREETING).await
}

/// What happens in the room.
enum Event {
    Join(SocketAddr, Stream),
    Leave(SocketAddr),
    Message(Vec<u8>),
}

/// Sends each message to all members, one after the other.
async fn dispatch(events: Receiver<Event>) -> io::Result<()> {
    let mut members = HashMap::<SocketAddr, Stream>::new();
    while let Ok(event) = events.recv().await {
        match event {
            Event::Join(address, stream) => drop(members.insert(address, stream)),
            Event::Leave(address) => drop(members.remove(&address)),
            Event::Message(line) => {
                for stream in members.values() {
                    // A member may leave at any time.
                    (&mut stream.as_ref()).write_all(&line).await.ok();
                }
            }
        }
    }
    Ok(())
}

async fn read_messages(room: &Sender<Event>, client: Stream) -> io::Result<()> {
    let (mut reader, mut line) = (io::BufReader::new(client.as_ref()), Vec::new());
    while reader.read_until(b'\n', &mut line).await? > 0 {
        room.send(Event::Message(std::mem::take(&mut line))).await.ok();
    }
    Ok(())
}

async fn proxy(front: Async<TcpStream>, upstream: SocketAddr) -> io::Result<()> {
    let back = Async::<TcpStream>::connect(upstream).await?;
    back.get_ref().set_nodelay(true)?;
    future::try_zip(pass(&front, &back), pass(&back, &front)).await?;
    Ok(())
}

/// One direction, and its end.
async fn pass(from: &Async<TcpStream>, to: &Async<TcpStream>) -> io::Result<()> {
    io::copy(from, to).await?;
    to.get_ref().shutdown(std::net::Shutdown::Write)
}
