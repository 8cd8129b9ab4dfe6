#![no_main]
//! `cargo fuzz run cvat`; the target is in `src/targets/cvat.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("cvat", data));
