#![no_main]
//! `cargo fuzz run predictions`; the target is in `src/targets/predictions.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("predictions", data));
