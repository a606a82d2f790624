//! Ending the writing half: flush, FIN, `finish`. Mirrors `Writable.prototype.end`, `finishMaybe` and `Socket.prototype._final`.

use super::state::{Effect, Ending, Writing};
use super::write::{Bytes, destroyed};
use super::{SocketId, SocketState};
use crate::code;
use crate::error::Error;
use crate::net::Reactor;
use crate::net::emit::{Done, Event};
use crate::net::host::Task;

impl<S> Reactor<S> {
    /// Node's `end`: the last bytes, then no more writes; `done` is called once, before `finish`.
    pub(super) fn end(&mut self, id: SocketId, bytes: impl Bytes, done: Option<Done<S>>) {
        let mut error = None;
        if !bytes.bytes().is_empty() {
            error = self.end_chunk(id, bytes);
        }
        self.uncork_fully(id);
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        let errored = socket.errored.clone();
        let ending = match &error {
            None if errored.is_none() => Some(socket.life.end()),
            _ => None,
        };
        match ending {
            Some(Ending::Begun) => {
                self.flush_socket(id);
                self.finish_maybe(id);
            }
            Some(Ending::AlreadyFinished) => {
                error =
                    Some(Error::with_code(code::ERR_STREAM_ALREADY_FINISHED, "Cannot call end after a stream was finished"));
            }
            Some(Ending::Destroyed) => error = Some(destroyed("end")),
            Some(Ending::UnderWay) | None => {}
        }
        match error.or(errored) {
            Some(error) => self.reject(id, done, error),
            None => {
                if let (Some(done), Some(socket)) = (done, self.socket_entry(id)) {
                    socket.rare().end_done.push(done);
                }
            }
        }
    }

    /// Writes the chunk given to `end`. The callback of a failure is that of `end`.
    fn end_chunk(&mut self, id: SocketId, bytes: impl Bytes) -> Option<Error> {
        let socket = self.socket_entry(id)?;
        let refusal = if socket.life.is_ending() {
            Some(Error::with_code(code::ERR_STREAM_WRITE_AFTER_END, "write after end"))
        } else if socket.life.is_destroyed() {
            return Some(destroyed("write"));
        } else {
            None
        };
        let error = match refusal {
            Some(error) => error,
            None => self.try_write(id, bytes, None).err()?.0,
        };
        self.destroy(id, Some(error.clone()));
        Some(error)
    }

    /// Sends the FIN if `end` was called and nothing is left to write.
    pub(super) fn finish_maybe(&mut self, id: SocketId) {
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        if !socket.is_drained() {
            return;
        }
        match socket.life.drained() {
            Effect::Shutdown => {
                let life = socket.life_number;
                self.event_loop.defer(Task::ShutDown(id, life));
            }
            Effect::Finish => self.event_loop.tick_task(Task::Finish(id)),
            Effect::Nothing | Effect::AutoEnd | Effect::Destroy => {}
        }
    }

    /// The pending phase: all is with the kernel, so is the FIN. Mirrors `uv__drain`.
    pub(in crate::net) fn on_shut_down(&mut self, id: SocketId, life: u32, state: &mut S) {
        let Some(socket) = self.socket_entry(id).filter(|socket| socket.life_number == life) else {
            return;
        };
        let Some(stream) = socket.stream.as_ref().filter(|_| socket.errored.is_none()) else {
            return;
        };
        match stream.shutdown() {
            Ok(()) => self.event_loop.tick_task(Task::Finish(id)),
            Err(error) => {
                let error = Error::system("shutdown", error);
                self.end_failed(id, &error, state);
                self.destroy(id, Some(error));
            }
        }
    }

    pub(in crate::net) fn on_finish(&mut self, id: SocketId, state: &mut S) {
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        if socket.life.is_destroyed() || socket.errored.is_some() || socket.life.writing != Writing::ShuttingDown {
            return;
        }
        socket.life.finish();
        for done in socket.take_end_done() {
            self.complete(id, done, Ok(()), state);
        }
        self.emit(id, Event::Finish, state);
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        if socket.destroy_on_finish || socket.life.finished() == Effect::Destroy {
            self.destroy(id, None);
        } else if socket.shut_down {
            // No `drain` comes any more, and who is paused would never see the peer's end.
            self.resume(id);
        }
    }

    /// Ends a socket for its server's shutdown.
    pub(in crate::net) fn shut_down(&mut self, id: SocketId) {
        if let Some(socket) = self.socket_entry(id) {
            socket.shut_down = true;
            let finished = socket.life.writing == Writing::Finished;
            self.end(id, &b""[..], None);
            if finished {
                self.resume(id);
            }
        }
    }

    /// The peer has ended and half-open is not allowed: end too.
    pub(in crate::net) fn on_auto_end(&mut self, id: SocketId) {
        if self.socket_entry(id).is_some_and(|socket| socket.is_writable()) {
            self.end(id, &b""[..], None);
        }
    }

    fn end_failed(&mut self, id: SocketId, error: &Error, state: &mut S) {
        for done in self.socket_entry(id).map(SocketState::take_end_done).unwrap_or_default() {
            self.complete(id, done, Err(error.clone()), state);
        }
    }

    /// The callbacks of writes and ends that will not happen any more. Mirrors `errorBuffer`; a batch in flight is still the
    /// handle's.
    pub(in crate::net) fn error_buffer(&mut self, id: SocketId, state: &mut S) {
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        if socket.writable.in_flight() {
            return;
        }
        let errored = socket.errored.clone();
        loop {
            let outgoing = self.socket_entry(id).and_then(|socket| socket.outgoing.as_mut());
            let Some(done) = outgoing.and_then(|outgoing| outgoing.pop_waiting()) else {
                break;
            };
            let error = errored.clone().unwrap_or_else(|| destroyed("write"));
            self.complete(id, done, Err(error), state);
        }
        let error = errored.unwrap_or_else(|| destroyed("end"));
        self.end_failed(id, &error, state);
    }
}

impl<S> SocketState<S> {
    /// `needFinish`: nothing is queued, in flight or gathered, and nothing failed.
    fn is_drained(&self) -> bool {
        self.writable.len() == 0
            && !self.writable.in_flight()
            && !self.writable.is_gathering()
            && self.errored.is_none()
            && !self.life.is_destroyed()
    }

    pub(super) fn take_end_done(&mut self) -> Vec<Done<S>> {
        self.rare.as_mut().map(|rare| std::mem::take(&mut rare.end_done)).unwrap_or_default()
    }
}
