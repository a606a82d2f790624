//! The servers. Each is a process of its own; it prints its port and serves until it is killed.
//!
//! Peers are written as their own documentation writes them. All set `TCP_NODELAY` where messages go both ways.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::plan::Kind;
use crate::system::output_of;

mod by_hand;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod floor;
mod mio;
mod netloop;
mod smol;
mod tokio;

pub(crate) type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// What a server of the churn scenario writes.
pub(crate) const GREETING: [u8; 64] = [b'g'; 64];
/// The idle timeout.
const IDLE: Duration = Duration::from_secs(30);
/// How much one slow consumer may make the producer keep.
pub(crate) const SLOW_LIMIT: usize = 256 * 1024;
/// What is written to a slow consumer at a time.
const SLOW_MESSAGE: usize = 4096;
/// The send buffer of a slow consumer; Linux doubles it. Without a limit the kernel keeps megabytes.
const SLOW_SEND_BUFFER: usize = 16 * 1024;

/// Runs a server of this program.
pub(crate) fn serve(peer: &str, kind: Kind, upstream: Option<SocketAddr>) -> Result<(), AnyError> {
    match peer {
        "netloop" => netloop::serve(kind, upstream),
        "tokio" => tokio::current_thread(kind, upstream),
        "tokio-multi" => tokio::multi_thread(kind, upstream),
        "tokio-bufwriter" => tokio::buf_writer(kind, upstream),
        "smol" => smol::serve(kind, upstream),
        "mio" => mio::serve(kind, upstream),
        #[cfg(any(target_os = "linux", target_os = "android"))]
        "floor" => floor::serve(kind, upstream),
        other => Err(format!("no server {other}").into()),
    }
}

/// Tells the load where to connect.
fn announce(port: u16) -> std::io::Result<()> {
    println!("{port}");
    std::io::stdout().flush()
}

/// How a peer's server is started.
#[derive(Clone, Debug)]
pub(crate) enum Runs {
    /// By this program.
    Here,
    /// By another, which gets the kind of server and perhaps an upstream port.
    Program(Vec<String>),
}

/// How the peer is started on this machine and what it calls itself, or why it cannot be.
pub(crate) fn find(peer: &str, scratch: &Path) -> Result<(Runs, String), String> {
    match peer {
        "libuv" => libuv(scratch),
        "node" => node(scratch),
        "floor" if !cfg!(any(target_os = "linux", target_os = "android")) => Err("epoll is Linux's".to_owned()),
        _ => Ok((Runs::Here, String::new())),
    }
}

/// Compiles the C server against the system's libuv.
fn libuv(scratch: &Path) -> Result<(Runs, String), String> {
    let flags = output_of("pkg-config", &["--cflags", "--libs", "libuv"]);
    let version = output_of("pkg-config", &["--modversion", "libuv"]);
    let (Some(flags), Some(version)) = (flags, version) else {
        return Err("pkg-config knows no libuv (Debian: libuv1-dev)".to_owned());
    };
    let (source, program) = (written(scratch, "libuv.c", include_str!("libuv.c"))?, scratch.join("libuv-server"));
    let mut compile = Command::new("cc");
    compile.args(["-O2", "-Wall", "-o"]).arg(&program).arg(source).args(flags.split_whitespace());
    match compile.output() {
        Ok(output) if output.status.success() => Ok((Runs::Program(vec![text(&program)]), version)),
        Ok(output) => Err(format!("cc: {}", String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or_default())),
        Err(error) => Err(format!("cc: {error}")),
    }
}

/// Node 26 or later, from the environment variable `NODE26` or the path.
fn node(scratch: &Path) -> Result<(Runs, String), String> {
    let program = std::env::var("NODE26").unwrap_or_else(|_| "node".to_owned());
    let version = output_of(&program, &["--version"]).ok_or_else(|| format!("`{program}` does not run; NODE26 may name it"))?;
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < 26) {
        return Err(format!("`{program}` is {version}; NODE26 may name a later one"));
    }
    let script = written(scratch, "node.mjs", include_str!("node.mjs"))?;
    Ok((Runs::Program(vec![program, text(&script)]), version))
}

fn written(scratch: &Path, name: &str, source: &str) -> Result<PathBuf, String> {
    let path = scratch.join(name);
    let done = std::fs::create_dir_all(scratch).and_then(|()| std::fs::write(&path, source));
    done.map(|()| path).map_err(|error| error.to_string())
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
