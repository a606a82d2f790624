//! Programs as different users would write them. That they compile is the test: a change of the surface shows here first.

#![allow(dead_code, reason = "most serve for ever, at ports of their own")]
#![allow(
    clippy::unwrap_used,
    clippy::write_with_newline,
    unreachable_pub,
    unused_qualifications,
    reason = "they stand as their users wrote them"
)]

#[path = "programs/chat.rs"]
mod chat;
#[path = "programs/completion.rs"]
mod completion;
#[path = "programs/ctrlc.rs"]
mod ctrlc;
#[path = "programs/early_write.rs"]
mod early_write;
#[path = "programs/echo.rs"]
mod echo;
#[path = "programs/echo_infer.rs"]
mod echo_infer;
#[cfg(all(unix, not(mio_unsupported_force_poll_poll)))]
#[path = "programs/embed.rs"]
mod embed;
#[path = "programs/eyeballs.rs"]
mod eyeballs;
#[path = "programs/framed.rs"]
mod framed;
#[path = "programs/halfopen.rs"]
mod halfopen;
#[path = "programs/handler.rs"]
mod handler;
#[path = "programs/http.rs"]
mod http;
#[path = "programs/idle.rs"]
mod idle;
#[path = "programs/interval.rs"]
mod interval;
#[path = "programs/ipc.rs"]
mod ipc;
#[path = "programs/library.rs"]
mod library;
#[path = "programs/lines.rs"]
mod lines;
#[path = "programs/metrics.rs"]
mod metrics;
#[path = "programs/misc.rs"]
mod misc;
#[path = "programs/nonstatic.rs"]
mod nonstatic;
#[path = "programs/proxy_hand.rs"]
mod proxy_hand;
#[path = "programs/proxy_helper.rs"]
mod proxy_helper;
#[path = "programs/reconnect.rs"]
mod reconnect;
#[path = "programs/upper.rs"]
mod upper;
#[path = "programs/work.rs"]
mod work;

/// No program lies in the folder without being compiled.
#[test]
fn every_program_is_compiled() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs");
    let files = std::fs::read_dir(folder).expect("the folder of the programs");
    let mut count = 0;
    for file in files {
        let name = file.expect("an entry").file_name().into_string().expect("a plain name");
        assert!(include_str!("programs.rs").contains(&format!("#[path = \"programs/{name}\"]")), "{name}");
        count += 1;
    }
    assert!(count >= 25, "{count}");
}
