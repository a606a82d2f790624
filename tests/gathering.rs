//! What listeners write to their own sockets leaves when they return: at random against a model, and corner by corner.

#[path = "gathering/model.rs"]
mod model;

#[test]
fn whatever_listeners_do_every_byte_arrives_once_and_in_order() {
    // `NETLOOP_SEED` repeats one.
    if let Some(seed) = std::env::var("NETLOOP_SEED").ok().and_then(|seed| seed.parse().ok()) {
        return model::play(seed);
    }
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_nanos() as u64;
    for seed in (0..2000).map(|n| now.wrapping_add(n)) {
        println!("seed {seed}");
        model::play(seed);
    }
}
