#![no_main]
//! `cargo fuzz run pickle`; the target is in `src/targets/pickle.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("pickle", data));
