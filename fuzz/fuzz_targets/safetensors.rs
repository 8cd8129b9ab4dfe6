#![no_main]
//! `cargo fuzz run safetensors`; the target is in `src/targets/safetensors.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("safetensors", data));
