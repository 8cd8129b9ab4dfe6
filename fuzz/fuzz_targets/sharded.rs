#![no_main]
//! `cargo fuzz run sharded`; the target is in `src/targets/sharded.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("sharded", data));
