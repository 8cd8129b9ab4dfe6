#![no_main]
//! `cargo fuzz run tokenizer`; the target is in `src/targets/tokenizer.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("tokenizer", data));
