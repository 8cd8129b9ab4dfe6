#![no_main]
//! `cargo fuzz run image`; the target is in `src/targets/image.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("image", data));
