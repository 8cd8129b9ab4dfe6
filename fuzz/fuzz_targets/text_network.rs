#![no_main]
//! `cargo fuzz run text_network`; the target is in `src/targets/text_network.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("text_network", data));
