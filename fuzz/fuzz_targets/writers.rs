#![no_main]
//! `cargo fuzz run writers`; the target is in `src/targets/writers.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("writers", data));
