//! The bytes of a server are compared before its time is: one that is wrong is not timed.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use super::{AnyError, Server, bulk, patient, pattern, wrong_bytes};
use crate::peers::GREETING;
use crate::plan::Kind;

const MUCH: usize = 300_000;

pub(crate) fn check(kind: Kind, server: &Server) -> Result<(), AnyError> {
    match kind {
        Kind::Echo | Kind::Idle | Kind::Timeout | Kind::Slow => echo(server),
        Kind::Lines => lines(server),
        Kind::Sink => sink(server),
        Kind::Churn => churn(server),
        Kind::Chat => chat(server),
        Kind::Proxy => proxy(server),
    }
}

fn expect(stream: &mut TcpStream, bytes: &[u8]) -> Result<(), AnyError> {
    let mut got = vec![0; bytes.len()];
    stream.read_exact(&mut got)?;
    if got == bytes { Ok(()) } else { Err(wrong_bytes()) }
}

/// Writes much on one stream while it is read from another.
fn through(from: &TcpStream, to: &mut TcpStream) -> Result<(), AnyError> {
    let bytes = pattern(MUCH);
    let (sent, mut from) = (bytes.clone(), from.try_clone()?);
    let sender = std::thread::spawn(move || from.write_all(&sent));
    expect(to, &bytes)?;
    sender.join().map_err(|_| "the sender has panicked")??;
    Ok(())
}

fn echo(server: &Server) -> Result<(), AnyError> {
    let mut stream = patient(server)?;
    for message in ["h", "hello", "hello, world"] {
        stream.write_all(message.as_bytes())?;
        expect(&mut stream, message.as_bytes())?;
    }
    through(&stream.try_clone()?, &mut stream)
}

fn lines(server: &Server) -> Result<(), AnyError> {
    let mut stream = patient(server)?;
    for (sent, answer) in [("one\n", "one\n"), ("two\nthr", "two\n"), ("ee\nfour\n", "three\nfour\n")] {
        stream.write_all(sent.as_bytes())?;
        expect(&mut stream, answer.as_bytes())?;
    }
    let many: String = (0..1000).map(|number| format!("line {number}\n")).collect();
    stream.write_all(many.as_bytes())?;
    expect(&mut stream, many.as_bytes())
}

/// Two at once, each with a total of its own.
fn sink(server: &Server) -> Result<(), AnyError> {
    let mut streams = [(patient(server)?, MUCH), (patient(server)?, MUCH / 3)];
    for (stream, length) in &mut streams {
        stream.write_all(&pattern(*length))?;
    }
    for (stream, length) in &mut streams {
        stream.shutdown(Shutdown::Write)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        if answer != format!("{length}\n") {
            return Err(format!("{answer:?} instead of {length} bytes").into());
        }
    }
    Ok(())
}

fn churn(server: &Server) -> Result<(), AnyError> {
    for _ in 0..3 {
        let (mut stream, mut got) = (patient(server)?, Vec::new());
        stream.read_to_end(&mut got)?;
        if got != GREETING {
            return Err(wrong_bytes());
        }
    }
    Ok(())
}

fn chat(server: &Server) -> Result<(), AnyError> {
    let mut members = (0..3).map(|_| patient(server)).collect::<Result<Vec<_>, _>>()?;
    for (talker, said) in [(2, "who is there?\n"), (0, "I am\n"), (1, "and I\n")] {
        members[talker].write_all(said.as_bytes())?;
        members.iter_mut().try_for_each(|member| expect(member, said.as_bytes()))?;
    }
    Ok(())
}

/// Both ways, and one half closed before the other.
fn proxy(server: &Server) -> Result<(), AnyError> {
    let mut front = patient(server)?;
    let mut back = bulk::accepted(server)?;
    through(&front, &mut back)?;
    front.shutdown(Shutdown::Write)?;
    if back.read(&mut [0; 1])? != 0 {
        return Err("the end is not passed on".into());
    }
    through(&back, &mut front)?;
    back.shutdown(Shutdown::Write)?;
    if front.read(&mut [0; 1])? == 0 { Ok(()) } else { Err("the end is not passed back".into()) }
}
