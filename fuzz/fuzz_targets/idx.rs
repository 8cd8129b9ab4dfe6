#![no_main]
//! `cargo fuzz run idx`; the target is in `src/targets/idx.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("idx", data));
