#![no_main]
//! `cargo fuzz run darknet`; the target is in `src/targets/darknet.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("darknet", data));
