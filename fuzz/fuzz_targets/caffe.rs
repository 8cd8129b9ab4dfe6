#![no_main]
//! `cargo fuzz run caffe`; the target is in `src/targets/caffe.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("caffe", data));
