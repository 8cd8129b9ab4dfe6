#![no_main]
//! `cargo fuzz run voc`; the target is in `src/targets/voc.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("voc", data));
