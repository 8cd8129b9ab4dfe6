//! R-CNN from images to mAP, with the committed models and images.

use crate::support::{Ran, run};

const SIGNS: &str = "testdata/models/signs.safetensors";
const HEADS: &str = "testdata/models/signs-rcnn.safetensors";

/// Runs the first `count` images of the test split through every stage.
fn found(count: usize, threads: &str, batch: &str) -> Ran {
    let data = run("dl-data", &["from", "voc", "testdata/signs", "--split", "test"], "").expect(0);
    let records: String = data.stdout.lines().take(count).flat_map(|line| [line, "\n"]).collect();
    let propose = ["selective-search", "--max", "1000", "--threads", threads];
    let ran = run("dl-propose", &propose, &records).expect(0);
    let ran =
        run("dl-embed", &["--model", SIGNS, "--layer", "fire9", "--threads", threads, "--batch", batch], &ran.stdout)
            .expect(0);
    let ran = run("dl-detect", &["--model", HEADS, "--threads", threads, "--drop-features"], &ran.stdout).expect(0);
    run("dl-nms", &["--iou", "0.3", "--threads", threads], &ran.stdout).expect(0)
}

#[test]
fn the_shipped_models_find_the_signs() {
    let ran = found(12, "2", "64");
    let ran = run("dl-eval", &["voc", "--iou", "0.5", "--format", "json"], &ran.stdout).expect(0);
    let map = ran.records()[0]["mAP"].as_f64().unwrap();
    assert!(map >= 0.8, "mAP@0.5 {map}");
}

#[test]
fn threads_and_batches_do_not_change_a_bit_of_the_result() {
    assert_eq!(found(3, "1", "64").stdout, found(3, "3", "17").stdout);
}
