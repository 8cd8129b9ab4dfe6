#![no_main]
//! `cargo fuzz run coco`; the target is in `src/targets/coco.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("coco", data));
