#![no_main]
//! `cargo fuzz run heads`; the target is in `src/targets/heads.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("heads", data));
