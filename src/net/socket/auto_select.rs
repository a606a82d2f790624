//! Several addresses, one after the other: "happy eyeballs" as Node has it, with one attempt at a time. Mirrors
//! `internalConnectMultiple` and its callbacks (`lib/net.js`).

use std::net::SocketAddr;
use std::time::Duration;

use super::SocketId;
use super::connect::Attempt;
use crate::address::Address;
use crate::code;
use crate::error::Error;
use crate::event_loop::{Key, TimerJob};
use crate::net::Reactor;
use crate::net::emit::Event;
use crate::net::host::Task;
use crate::net::options::ConnectOptions;
use crate::sys;

/// The shortest time an address is given.
const SHORTEST: Duration = Duration::from_millis(10);

/// The addresses of a name, and how far we are.
#[derive(Debug)]
pub(super) struct Candidates {
    addresses: std::vec::IntoIter<SocketAddr>,
    options: ConnectOptions,
    timeout: Duration,
    /// Of the attempt under way; the last one has none.
    timer: Option<Key>,
    /// Why the attempts so far have failed.
    errors: Vec<Error>,
}

impl<S> Reactor<S> {
    /// Tries the addresses in turn.
    pub(super) fn attempt_several(
        &mut self,
        id: SocketId,
        life: u32,
        addresses: Vec<SocketAddr>,
        options: &ConnectOptions,
        state: &mut S,
    ) {
        let timeout = options.attempt_timeout.unwrap_or(self.options.attempt_timeout).max(SHORTEST);
        if self.socket_entry(id).is_some_and(|socket| socket.stream.is_some()) {
            // Another attempt is under way, so one is enough to fail.
            return self.attempt(id, life, Attempt::new(Address::Tcp(addresses[0]), options), state);
        }
        if let Some(socket) = self.socket_entry(id) {
            socket.rare().attempted.clear();
            let addresses = addresses.into_iter();
            let candidates = Candidates { addresses, options: options.clone(), timeout, timer: None, errors: Vec::new() };
            socket.rare().candidates = Some(Box::new(candidates));
        }
        self.next_candidate(id, life, state);
    }

    /// Goes on to the next address that can be tried; without one the connect has failed.
    pub(super) fn next_candidate(&mut self, id: SocketId, life: u32, state: &mut S) {
        while self.is_connecting(id, life) {
            self.drop_attempt(id);
            let Some(candidates) = self.candidates(id) else {
                return;
            };
            let Some(address) = candidates.addresses.next() else {
                let error = Error::aggregate(std::mem::take(&mut candidates.errors));
                self.destroy(id, Some(error));
                return;
            };
            let attempt = Attempt::new(Address::Tcp(address), &candidates.options);
            if self.begin_candidate(id, life, address, attempt, state) {
                return;
            }
        }
    }

    /// Begins an attempt; false if it is over already and the next one may begin.
    fn begin_candidate(&mut self, id: SocketId, life: u32, address: SocketAddr, attempt: Attempt, state: &mut S) -> bool {
        let bound = match attempt.bind(address) {
            Ok(bound) => bound,
            Err(error) => {
                self.note_failure(id, error);
                return false;
            }
        };
        if let Some(error) = self.blocked(id, address, None) {
            self.candidate_failed(id, &attempt.address, error, state);
            return false;
        }
        if !self.tell_attempt(id, life, &attempt, state) {
            return true;
        }
        if let Some(socket) = self.socket_entry(id) {
            socket.rare().attempted.push(attempt.address.clone());
        }
        match sys::connect_tcp(address, bound) {
            Ok(transport) => self.watch_attempt(id, transport, attempt),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                self.defer_connect_error(id, life, attempt, error);
            }
            Err(error) => {
                let error = attempt.failed_at_once(address, None, error);
                self.candidate_failed(id, &attempt.address, error, state);
                return false;
            }
        }
        self.start_attempt_timer(id, life);
        true
    }

    fn start_attempt_timer(&mut self, id: SocketId, life: u32) {
        let Some(timeout) = self.candidates(id).filter(|c| c.addresses.len() > 0).map(|candidates| candidates.timeout) else {
            return;
        };
        let timer = self.event_loop.start_timer(TimerJob::Task(Task::AttemptTimeout(id, life)), timeout, None);
        if let Some(candidates) = self.candidates(id) {
            candidates.timer = Some(timer);
        }
    }

    /// An address took too long: it is given up, whatever comes of it later.
    pub(in crate::net) fn on_attempt_timeout(&mut self, id: SocketId, life: u32, state: &mut S) {
        if !self.is_connecting(id, life) {
            return;
        }
        self.clear_attempt_timer(id);
        let Some(attempt) = self.socket_entry(id).and_then(|socket| socket.rare().attempt.take()) else {
            return;
        };
        self.note_failure(id, Error::connect_code(code::ETIMEDOUT, &attempt.address, None));
        self.emit(id, Event::ConnectionAttemptTimeout(&attempt.address), state);
        self.next_candidate(id, life, state);
    }

    /// `connectionAttemptFailed` of one address of several.
    pub(super) fn candidate_failed(&mut self, id: SocketId, address: &Address, error: Error, state: &mut S) {
        self.note_failure(id, error.clone());
        self.emit(id, Event::ConnectionAttemptFailed(address, &error), state);
    }

    fn note_failure(&mut self, id: SocketId, error: Error) {
        if let Some(candidates) = self.candidates(id) {
            candidates.errors.push(error);
        }
    }

    pub(super) fn clear_attempt_timer(&mut self, id: SocketId) {
        if let Some(timer) = self.candidates(id).and_then(|candidates| candidates.timer.take()) {
            self.event_loop.timers.remove(timer);
        }
    }

    /// The lookups and attempts are over. If `destroy` ended one of several, its `connectionAttemptFailed` comes before `close`.
    pub(super) fn forget_candidates(&mut self, id: SocketId, destroyed: bool) {
        self.clear_attempt_timer(id);
        let Some(rare) = self.socket_entry(id).and_then(|socket| socket.rare.as_mut()) else {
            return;
        };
        let lookups = std::mem::take(&mut rare.lookups);
        let attempt = rare.attempt.take();
        if rare.candidates.take().is_some()
            && let Some(attempt) = attempt.filter(|_| destroyed)
        {
            rare.cancelled_attempts.push_back(attempt.address);
            self.event_loop.close(Task::AttemptCancelled(id));
        }
        lookups.into_iter().for_each(|lookup| self.event_loop.forget_work(lookup));
    }

    pub(in crate::net) fn on_attempt_cancelled(&mut self, id: SocketId, state: &mut S) {
        if let Some(address) = self.socket_entry(id).and_then(|socket| socket.rare().cancelled_attempts.pop_front()) {
            let error = Error::connect_code(code::ECANCELED, &address, None);
            self.emit(id, Event::ConnectionAttemptFailed(&address, &error), state);
        }
    }

    pub(super) fn candidates(&mut self, id: SocketId) -> Option<&mut Candidates> {
        self.socket_entry(id)?.rare.as_mut()?.candidates.as_deref_mut()
    }
}
