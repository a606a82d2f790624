//! Options, as builders with Node's names.

macro_rules! builder {
    ($($(#[$doc:meta])* $field:ident: $type:ty),* $(,)?) => {
        $($(#[$doc])* pub fn $field(mut self, $field: $type) -> Self {
            self.$field = $field;
            self
        })*
    };
}

mod connect;
mod listen;
mod reactor;
mod server;
mod socket;

pub use self::connect::ConnectOptions;
pub use self::listen::ListenOptions;
pub use self::reactor::ReactorOptions;
pub use self::server::ServerOptions;
pub use self::socket::SocketOptions;
pub use crate::sys::KeepAlive;
