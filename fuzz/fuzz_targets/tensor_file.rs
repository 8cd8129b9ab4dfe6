#![no_main]
//! `cargo fuzz run tensor_file`; the target is in `src/targets/tensor_file.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("tensor_file", data));
