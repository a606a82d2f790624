//! N: small differences from Node, found by playing random lives in both.
