#![no_main]
//! `cargo fuzz run texts`; the target is in `src/targets/texts.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("texts", data));
