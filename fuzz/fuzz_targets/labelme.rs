#![no_main]
//! `cargo fuzz run labelme`; the target is in `src/targets/labelme.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("labelme", data));
