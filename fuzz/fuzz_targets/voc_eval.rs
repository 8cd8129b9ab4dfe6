#![no_main]
//! `cargo fuzz run voc_eval`; the target is in `src/targets/voc_eval.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("voc_eval", data));
