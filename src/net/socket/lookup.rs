//! From a name to the addresses to try. Mirrors `lookupAndConnect` and `lookupAndConnectMultiple` (`lib/net.js`).

use std::collections::HashSet;
use std::net::SocketAddr;

use super::SocketId;
use super::connect::Attempt;
use crate::address::Address;
use crate::code;
use crate::error::{Error, Result};
use crate::net::Reactor;
use crate::net::emit::Event;
use crate::net::host::{Handle, Task};
use crate::net::lookup::{LookupAddress, LookupRequest, LookupResult, resolve};
use crate::net::options::ConnectOptions;

/// A name that is being looked up, and what follows.
#[derive(Clone, Debug)]
pub(super) struct Query {
    host: String,
    port: u16,
    /// All addresses are wanted, to try them in turn.
    all: bool,
    options: ConnectOptions,
}

impl<S> Reactor<S> {
    /// Looks a name up: by the system on the work pool, or on the next tick by the embedder's own function.
    pub(super) fn look_up_and_connect(&mut self, id: SocketId, life: u32, host: String, port: u16, options: &ConnectOptions) {
        let wants_all = options.auto_select_family.unwrap_or(self.options.auto_select_family);
        let is_free = options.family.is_none() && options.local_address.is_none();
        let all = wants_all && is_free && !self.has_unconnected(id);
        let query = Query { host, port, all, options: options.clone() };
        if query.options.lookup.is_some() {
            if let Some(socket) = self.socket_entry(id) {
                socket.rare().queries.push_back(query);
                self.event_loop.tick_task(Task::Lookup(id, life));
            }
            return;
        }
        let (host, family) = (query.host.clone(), query.options.family);
        self.event_loop.queue_work(
            move || resolve(&host, family),
            move |reactor: &mut Self, answer, state| {
                reactor.on_lookup(id, life, query, answer, state);
            },
        );
    }

    /// The tick of the embedder's lookup function.
    pub(in crate::net) fn on_custom_lookup(&mut self, id: SocketId, life: u32) {
        let Some(query) = self.socket_entry(id).and_then(|socket| socket.rare().queries.pop_front()) else {
            return;
        };
        let Some(lookup) = query.options.lookup.clone().filter(|_| self.is_connecting(id, life)) else {
            return;
        };
        let (host, family, all) = (query.host.clone(), query.options.family, query.all);
        let (awaited, ticket) = self.event_loop.await_work(move |reactor: &mut Self, answer, state| {
            reactor.on_lookup(id, life, query, answer, state);
        });
        if let Some(socket) = self.socket_entry(id) {
            socket.rare().lookups.push(awaited);
        }
        self.call_of(Handle::Socket(id), |_| (lookup.0)(LookupRequest::new(host, family, all, ticket)));
    }

    /// The answer. It counts only for the life it was asked in.
    fn on_lookup(&mut self, id: SocketId, life: u32, query: Query, answer: LookupResult, state: &mut S) {
        if !self.is_connecting(id, life) {
            return;
        }
        let result = answer.and_then(|entries| match entries.is_empty() {
            true => Err(Error::lookup(&query.host, code::ENOTFOUND, None)),
            false => Ok(entries),
        });
        let mut entries = match result {
            Ok(entries) => entries,
            Err(error) => {
                self.emit(id, Event::Lookup(Err(&error), &query.host), state);
                return self.destroy_on_tick(id, life, error);
            }
        };
        if !query.all {
            entries.truncate(1);
        }
        let found: Vec<_> = entries.iter().map(LookupAddress::address).collect();
        for result in &found {
            if !self.is_connecting(id, life) {
                return;
            }
            self.emit(id, Event::Lookup(result.as_ref().map(SocketAddr::ip), &query.host), state);
        }
        self.connect_to_found(id, life, &query, &found, state);
    }

    fn connect_to_found(&mut self, id: SocketId, life: u32, query: &Query, found: &[Result<SocketAddr>], state: &mut S) {
        if !self.is_connecting(id, life) {
            return;
        }
        let (local, port) = (&query.options, query.port);
        let attempt = |address: SocketAddr| Attempt::new(Address::Tcp(with_port(address, port)), local);
        match in_turn(found).as_slice() {
            [] => {
                let invalid = found.iter().find_map(|result| result.as_ref().err().cloned());
                let error = invalid.unwrap_or_else(|| Error::lookup(&query.host, code::ENOTFOUND, None));
                self.destroy_on_tick(id, life, error);
            }
            [only] => {
                self.touch(id);
                self.attempt(id, life, attempt(*only), state);
            }
            several => {
                self.touch(id);
                let addresses = several.iter().map(|&address| with_port(address, port)).collect();
                self.attempt_several(id, life, addresses, &query.options, state);
            }
        }
    }
}

fn with_port(mut address: SocketAddr, port: u16) -> SocketAddr {
    address.set_port(port);
    address
}

/// The order in which addresses are tried: no duplicates, the families in turn, the first one's family first.
fn in_turn(found: &[Result<SocketAddr>]) -> Vec<SocketAddr> {
    let mut seen = HashSet::with_capacity(found.len());
    let unique: Vec<SocketAddr> = found.iter().flatten().copied().filter(|address| seen.insert(*address)).collect();
    let preferred = unique.first().is_some_and(SocketAddr::is_ipv4);
    let (first, second): (Vec<_>, Vec<_>) = unique.into_iter().partition(|address| address.is_ipv4() == preferred);
    let (mut second, mut order) = (second.into_iter(), Vec::new());
    for address in first {
        order.push(address);
        order.extend(second.next());
    }
    order.extend(second);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(given: &[&str], expected: &[&str]) {
        let found: Vec<_> = given.iter().map(|&text| LookupAddress::from(text).address()).collect();
        let order: Vec<_> = in_turn(&found).iter().map(|address| address.ip().to_string()).collect();
        assert_eq!(order, expected, "of {given:?}");
    }

    #[test]
    fn families_take_turns_and_the_first_one_leads() {
        check(&[], &[]);
        check(&["bad"], &[]);
        check(&["::1"], &["::1"]);
        check(&["1.1.1.1", "2.2.2.2", "3.3.3.3", "::6", "2.2.2.2", "bad"], &["1.1.1.1", "::6", "2.2.2.2", "3.3.3.3"]);
        check(&["::6", "::7", "1.1.1.1"], &["::6", "1.1.1.1", "::7"]);
        check(&["bad", "1.1.1.1", "::6", "::7", "::8"], &["1.1.1.1", "::6", "::7", "::8"]);
    }
}
