#![no_main]
//! `cargo fuzz run records`; the target is in `src/targets/records.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("records", data));
