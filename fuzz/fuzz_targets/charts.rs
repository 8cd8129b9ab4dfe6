#![no_main]
//! `cargo fuzz run charts`; the target is in `src/targets/charts.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("charts", data));
