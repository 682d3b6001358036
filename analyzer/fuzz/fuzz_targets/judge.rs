//! `cargo +nightly fuzz run judge` in `analyzer/`: any bytes as a push.

#![no_main]

#[path = "../judge.rs"]
mod judge;

use std::sync::Once;

use libfuzzer_sys::fuzz_target;

/// Polars panics on some files, which the scan catches: a panic is a crash only when it comes through.
static QUIET: Once = Once::new();

fuzz_target!(|bytes: &[u8]| {
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| ())));
    judge::judge(bytes);
});
