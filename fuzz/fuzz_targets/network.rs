#![no_main]
//! `cargo fuzz run network`; the target is in `src/targets/network.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("network", data));
