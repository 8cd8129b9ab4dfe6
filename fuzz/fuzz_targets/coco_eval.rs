#![no_main]
//! `cargo fuzz run coco_eval`; the target is in `src/targets/coco_eval.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::run("coco_eval", data));
