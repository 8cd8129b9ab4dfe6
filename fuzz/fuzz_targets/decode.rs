#![no_main]
//! `cargo fuzz run decode`; the target is in `src/targets/decode.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("decode", data));
