#![no_main]
//! `cargo fuzz run detections`; the target is in `src/targets/detections.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("detections", data));
