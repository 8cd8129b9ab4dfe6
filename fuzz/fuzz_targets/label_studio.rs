#![no_main]
//! `cargo fuzz run label_studio`; the target is in `src/targets/label_studio.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("label_studio", data));
