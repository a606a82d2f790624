//! Completion callbacks.

use netloop::{Reactor, SocketId};
use std::sync::Arc;
#[derive(Default)]
struct Pool {
    free: Vec<Box<[u8]>>,
    in_flight: usize,
}
struct Lease(Arc<[u8]>);
impl AsRef<[u8]> for Lease {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
impl Drop for Lease {
    fn drop(&mut self) {
        println!("released")
    }
}
fn main() -> netloop::Result {
    let mut reactor = Reactor::new()?;
    reactor
        .create_server(|socket, pool: &mut Pool| {
            pool.in_flight += 1;
            socket.write_then("header", |socket, result, pool| {
                pool.in_flight -= 1;
                match result {
                    Ok(()) => {
                        socket.end();
                    }
                    Err(error) => eprintln!("{error}"),
                }
            });
            let page: Arc<[u8]> = Arc::from(vec![0; 1 << 20]);
            socket.write_owned(Arc::clone(&page));
            socket.write_owned(Lease(page));
            socket.write_owned(vec![1, 2, 3]);
            socket.write_owned("static");
            socket.write_owned_then(vec![0; 4096].into_boxed_slice(), |_, _, pool| pool.in_flight -= 1);
            match socket.try_write("x") {
                Ok(_) => {}
                Err(error) => eprintln!("{}", error.code()),
            }
            let id: SocketId = socket.id();
            let _ = id;
        })
        .listen(4000);
    reactor.run(&mut Pool::default())
}
