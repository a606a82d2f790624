//! A connect by name that tells what it tries.

use netloop::{ConnectOptions, Reactor};
use std::time::Duration;
fn main() -> netloop::Result {
    let mut reactor = Reactor::new()?;
    reactor
        .connect_with(("example.com", 80), ConnectOptions::new().attempt_timeout(Duration::from_millis(250)))
        .on_lookup(|_, result, host, _| match result {
            Ok(ip) => println!("{host} is {ip}"),
            Err(error) => println!("{error}"),
        })
        .on_connection_attempt(|_, address, _| println!("try {address}"))
        .on_connection_attempt_failed(|_, address, error, _| println!("{address}: {error}"))
        .on_connection_attempt_timeout(|_, address, _| println!("{address}: slow"))
        .on_connect(|socket, _| println!("{socket:?}"))
        .on_error(|_, error, _| {
            for e in error.errors() {
                println!("{e} {:?}", e.address())
            }
        });
    reactor.run(&mut ())
}
