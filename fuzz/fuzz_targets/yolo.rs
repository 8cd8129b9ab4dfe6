#![no_main]
//! `cargo fuzz run yolo`; the target is in `src/targets/yolo.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("yolo", data));
