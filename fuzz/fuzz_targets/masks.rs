#![no_main]
//! `cargo fuzz run masks`; the target is in `src/targets/masks.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("masks", data));
