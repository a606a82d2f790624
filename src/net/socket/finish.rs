//! Ending the writing half: flush, FIN, `finish`. Mirrors `Writable.prototype.end`, `finishMaybe` and `Socket.prototype._final`.

use super::bytes::Bytes;
use super::flush::RETRY;
use super::state::{Effect, Ending, Writing};
use super::write::destroyed;
use super::{SocketId, SocketState};
use crate::code;
use crate::error::Error;
use crate::event_loop::TimerJob;
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
            None if errored.is_none() || socket.life.is_destroyed() => Some(socket.life.end(errored.is_some())),
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
                    socket.rare().end_done.push_back(done);
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
        let harmless = refusal.is_some() && socket.shut_down;
        let error = match refusal {
            Some(error) => error,
            None => self.try_write(id, bytes, None).err()?.0,
        };
        if !harmless {
            self.destroy(id, Some(error.clone()));
        }
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
    pub(in crate::net) fn on_shut_down(&mut self, id: SocketId, life: u32) {
        let lingers = self.lingers();
        let Some(socket) = self.socket_in_life(id, life) else {
            return;
        };
        if lingers && socket.errored.is_none() && socket.closes_unwatched() && !self.has_unread_input(id) {
            // The close that follows sends the FIN: one system call less, for the one that looked.
            return self.event_loop.tick_task(Task::Finish(id));
        }
        let Some(stream) = self.socket_entry(id).filter(|socket| socket.errored.is_none()).and_then(|s| s.stream.as_ref())
        else {
            return;
        };
        let sent = stream.shutdown();
        self.counters.shutdowns += 1;
        match sent {
            Ok(()) => self.event_loop.tick_task(Task::Finish(id)),
            // A named pipe that still writes.
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => self.shut_down_later(id, life),
            // The callbacks of `end` are told on a tick, before `error`.
            Err(error) => self.destroy(id, Some(Error::system("shutdown", error))),
        }
    }

    fn shut_down_later(&mut self, id: SocketId, life: u32) {
        let job = TimerJob::Once(Box::new(move |reactor: &mut Self, _: &mut S| reactor.on_shut_down(id, life)));
        self.event_loop.start_timer(job, RETRY, None);
    }

    pub(in crate::net) fn on_finish(&mut self, id: SocketId, state: &mut S) {
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        let life = socket.life_number;
        match socket.life.writing {
            _ if socket.life.is_destroyed() || socket.errored.is_some() => return,
            Writing::ShuttingDown => socket.life.finish(),
            Writing::Open | Writing::Ending | Writing::Finished => return,
        }
        let count = self.count_rare(id, |rare| rare.end_done.len());
        self.complete_all(id, count, |socket| Some((socket.pop_end_done()?, Ok(()))), state);
        self.emit(id, Event::Finish, state);
        self.after_finish(id, life);
    }

    /// Destroys the socket if nothing is left to read.
    fn after_finish(&mut self, id: SocketId, life: u32) {
        let Some(socket) = self.socket_in_life(id, life) else {
            return;
        };
        if socket.destroy_on_finish || socket.life.finished() == Effect::Destroy {
            self.close_after_end(id);
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

    /// The tick of a destroyed socket's callbacks, if it has not begun another life.
    pub(in crate::net) fn on_error_buffer(&mut self, id: SocketId, life: u32, state: &mut S) {
        if self.socket_in_life(id, life).is_some() {
            self.error_buffer(id, state);
        }
    }

    /// The callbacks of writes and ends that will not happen any more; what they write in turn waits for the next time.
    /// Mirrors `errorBuffer`; a batch in flight is still the handle's.
    pub(super) fn error_buffer(&mut self, id: SocketId, state: &mut S) {
        let Some(socket) = self.socket_entry(id) else {
            return;
        };
        if socket.writable.in_flight() {
            return;
        }
        // Only a panic of another callback leaves some that are due although the FIN is sent.
        let finished = socket.life.writing == Writing::Finished;
        let errored = socket.errored.clone();
        let waiting = socket.outgoing.as_ref().map_or(0, |outgoing| outgoing.waiting());
        let error = errored.clone().unwrap_or_else(|| destroyed("write"));
        let pop = |socket: &mut SocketState<S>| Some((socket.outgoing.as_mut()?.pop_waiting()?.done, Err(error.clone())));
        self.complete_all(id, waiting, pop, state);
        let result = if finished { Ok(()) } else { Err(errored.unwrap_or_else(|| destroyed("end"))) };
        let count = self.count_rare(id, |rare| rare.end_done.len());
        self.complete_all(id, count, |socket| Some((socket.pop_end_done()?, result.clone())), state);
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

    pub(super) fn pop_end_done(&mut self) -> Option<Done<S>> {
        self.rare.as_mut()?.end_done.pop_front()
    }
}
