#![no_main]
//! `cargo fuzz run drawing`; the target is in `src/targets/drawing.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("drawing", data));
