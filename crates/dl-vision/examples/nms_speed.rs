//! Measures the time of non-maximum suppression, for `bench/nms.py`.
//!
//!     nms_speed BOXES.json [METHOD]
//!
//! BOXES.json holds `{"boxes": [[x1, y1, x2, y2], ...], "scores": [...], "iou": 0.5}`; METHOD is hard (the default),
//! soft-linear, soft-gaussian, diou or weighted. Prints `{"kept": [index, ...]}`, and then, for every line on standard
//! input, runs once and prints `{"milliseconds": ...}`, so that runs can take turns with those of a peer.

use std::io::{Write, stdin, stdout};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use dl_record::BBox;
use dl_vision::boxes::{NmsConfig, NmsMethod, nms};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Case {
    boxes: Vec<BBox>,
    scores: Vec<f64>,
    iou: f64,
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().context("usage: nms_speed BOXES.json [METHOD]")?;
    let method = match arguments.next().as_deref() {
        None | Some("hard") => NmsMethod::Hard,
        Some("soft-linear") => NmsMethod::SoftLinear,
        Some("soft-gaussian") => NmsMethod::SoftGaussian,
        Some("diou") => NmsMethod::Diou,
        Some("weighted") => NmsMethod::Weighted,
        Some(other) => bail!("no method {other}"),
    };
    let case: Case = serde_json::from_str(&std::fs::read_to_string(&path).with_context(|| path.clone())?)?;
    let score = method.needs_scores_above_zero().then_some(0.001);
    let config = NmsConfig { method, iou: case.iou, score, ..NmsConfig::default() };
    let classes = vec![0; case.boxes.len()];
    let run = || nms(&case.boxes, &case.scores, &classes, &config);
    let indices: Vec<usize> = run().iter().map(|kept| kept.index).collect();
    writeln!(stdout(), "{}", json!({ "kept": indices }))?;
    for line in stdin().lines() {
        line?;
        let start = Instant::now();
        let kept = std::hint::black_box(run());
        let milliseconds = start.elapsed().as_secs_f64() * 1e3;
        drop(kept);
        writeln!(stdout(), "{}", json!({ "milliseconds": milliseconds }))?;
    }
    Ok(())
}
