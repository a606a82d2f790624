#!/usr/bin/env bash
# Tests under faults that src/sys/faults.rs injects, with fixed seeds. Those that cannot hold then print their reason.
set -euo pipefail
cd "$(dirname "$0")/.."
export RUSTFLAGS='--cfg netloop_faults' CARGO_TARGET_DIR=target/faults CARGO_PROFILE_DEV_DEBUG=0
targets=()
for name in injected close_lifecycle connect_lifecycle data_lifecycle gathering pipe proxy server_lifecycle \
    text_lifecycle unix_sockets write_callbacks; do
    targets+=(--test "$name")
done
cargo test --no-run "${targets[@]}"
for seed in 1 2 3; do
    echo "seed $seed"
    NETLOOP_FAULTS=$seed cargo test --quiet "${targets[@]}"
done
# Chains alone, more often; ENOBUFS is tried again by the clock, which tests that move their own clock would wait for.
for seed in 4 5 6 7 8 9 10 11 12 4+enobufs 5+enobufs 6+enobufs; do
    echo "seed $seed"
    NETLOOP_FAULTS=$seed cargo test --quiet --test injected
done
