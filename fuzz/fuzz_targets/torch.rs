#![no_main]
//! `cargo fuzz run torch`; the target is in `src/targets/torch.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("torch", data));
