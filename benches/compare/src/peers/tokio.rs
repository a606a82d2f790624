//! The servers on tokio: as its documentation writes them, on both runtimes, and with an expert's `BufWriter`.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, BufWriter, copy_bidirectional};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::timeout;

use super::{AnyError, GREETING, IDLE, announce};
use crate::plan::Kind;

type Line = Arc<[u8]>;

pub(super) fn current_thread(kind: Kind, upstream: Option<SocketAddr>) -> Result<(), AnyError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(kind, upstream, false))
}

pub(super) fn multi_thread(kind: Kind, upstream: Option<SocketAddr>) -> Result<(), AnyError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async move { tokio::spawn(serve(kind, upstream, false)).await? })
}

pub(super) fn buf_writer(kind: Kind, upstream: Option<SocketAddr>) -> Result<(), AnyError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(kind, upstream, true))
}

async fn serve(kind: Kind, upstream: Option<SocketAddr>, expert: bool) -> Result<(), AnyError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    announce(listener.local_addr()?.port())?;
    let (room, _) = broadcast::channel::<Line>(1024);
    loop {
        let (socket, _) = listener.accept().await?;
        if !matches!(kind, Kind::Churn | Kind::Sink) {
            socket.set_nodelay(true)?;
        }
        // An error ends its connection and nothing else.
        match kind {
            Kind::Echo => drop(tokio::spawn(echo(socket, 64 * 1024))),
            Kind::Idle => drop(tokio::spawn(echo(socket, 4096))),
            Kind::Lines if expert => drop(tokio::spawn(lines_buffered(socket))),
            Kind::Lines => drop(tokio::spawn(lines(socket))),
            Kind::Sink => drop(tokio::spawn(sink(socket))),
            Kind::Churn => drop(tokio::spawn(greet(socket))),
            Kind::Timeout => drop(tokio::spawn(echo_in_time(socket))),
            Kind::Chat if expert => {
                let (reader, writer) = socket.into_split();
                tokio::spawn(hear_buffered(writer, room.subscribe()));
                tokio::spawn(say(reader, room.clone()));
            }
            Kind::Chat => {
                let (reader, writer) = socket.into_split();
                tokio::spawn(hear(writer, room.subscribe()));
                tokio::spawn(say(reader, room.clone()));
            }
            Kind::Proxy => drop(tokio::spawn(proxy(socket, upstream.ok_or("no upstream")?))),
            Kind::Slow => return Err("only netloop has this server".into()),
        }
    }
}

async fn echo(mut socket: TcpStream, buffer: usize) -> io::Result<()> {
    let mut buf = vec![0; buffer];
    loop {
        let n = socket.read(&mut buf).await?;
        if n == 0 {
            return Ok(());
        }
        socket.write_all(&buf[..n]).await?;
    }
}

async fn echo_in_time(mut socket: TcpStream) -> io::Result<()> {
    let mut buf = vec![0; 4096];
    loop {
        let n = timeout(IDLE, socket.read(&mut buf)).await??;
        if n == 0 {
            return Ok(());
        }
        socket.write_all(&buf[..n]).await?;
    }
}

async fn lines(socket: TcpStream) -> io::Result<()> {
    let (reader, mut writer) = socket.into_split();
    let (mut reader, mut line) = (BufReader::new(reader), Vec::new());
    while reader.read_until(b'\n', &mut line).await? > 0 {
        writer.write_all(&line).await?;
        line.clear();
    }
    Ok(())
}

/// Flushes when no further line is there.
async fn lines_buffered(socket: TcpStream) -> io::Result<()> {
    let (reader, writer) = socket.into_split();
    let (mut reader, mut writer, mut line) = (BufReader::new(reader), BufWriter::new(writer), Vec::new());
    while reader.read_until(b'\n', &mut line).await? > 0 {
        writer.write_all(&line).await?;
        line.clear();
        if !reader.buffer().contains(&b'\n') {
            writer.flush().await?;
        }
    }
    Ok(())
}

async fn sink(mut socket: TcpStream) -> io::Result<()> {
    let (mut buf, mut total) = (vec![0; 64 * 1024], 0);
    loop {
        let n = socket.read(&mut buf).await?;
        if n == 0 {
            return socket.write_all(format!("{total}\n").as_bytes()).await;
        }
        total += n;
    }
}

async fn greet(mut socket: TcpStream) -> io::Result<()> {
    socket.write_all(&GREETING).await
}

async fn say(reader: OwnedReadHalf, room: broadcast::Sender<Line>) -> io::Result<()> {
    let (mut reader, mut line) = (BufReader::new(reader), Vec::new());
    while reader.read_until(b'\n', &mut line).await? > 0 {
        // An error means that nobody listens.
        let _ = room.send(line.as_slice().into());
        line.clear();
    }
    Ok(())
}

async fn hear(mut writer: OwnedWriteHalf, mut room: broadcast::Receiver<Line>) -> io::Result<()> {
    loop {
        match room.recv().await {
            Ok(line) => writer.write_all(&line).await?,
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return Ok(()),
        }
    }
}

/// Takes what is there already, and flushes before it waits.
async fn hear_buffered(writer: OwnedWriteHalf, mut room: broadcast::Receiver<Line>) -> io::Result<()> {
    let mut writer = BufWriter::new(writer);
    loop {
        match room.recv().await {
            Ok(line) => writer.write_all(&line).await?,
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return Ok(()),
        }
        if room.is_empty() {
            writer.flush().await?;
        }
    }
}

async fn proxy(mut front: TcpStream, upstream: SocketAddr) -> io::Result<()> {
    let mut back = TcpStream::connect(upstream).await?;
    back.set_nodelay(true)?;
    copy_bidirectional(&mut front, &mut back).await?;
    Ok(())
}
