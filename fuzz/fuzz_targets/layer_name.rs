#![no_main]
//! `cargo fuzz run layer_name`; the target is in `src/targets/layer_name.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("layer_name", data));
