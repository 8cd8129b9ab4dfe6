#![no_main]
//! `cargo fuzz run check`; the target is in `src/targets/check.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("check", data));
