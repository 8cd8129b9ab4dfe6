#![no_main]
//! `cargo fuzz run boxes`; the target is in `src/targets/boxes.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("boxes", data));
