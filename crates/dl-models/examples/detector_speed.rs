//! Measures single operations of detectors, for `bench/detector_ops.py`.
//!
//!     detector_speed OPERATION INPUT.safetensors
//!
//! OPERATION is align (tensors `map`, `boxes`), propose (`objectness.0` and `deltas.0` to those of the last map, for an
//! input of 800 x 1088) or paste (`masks`, `boxes`). Prints `{"check": ...}`, a number that a peer should find, too, and
//! then, for every line on standard input, runs once and prints `{"milliseconds": ...}`, so that runs can take turns with
//! those of a peer.

use std::collections::HashMap;
use std::io::{Write, stdin, stdout};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use candle_core::{Device, Tensor, safetensors};
use dl_models::Parameters;
use dl_models::detection::rcnn::{self, BatchMaps, GeneralizedRcnn};
use dl_ops::{RoiAlignConfig, roi_align};
use dl_vision::masks::{area, paste};
use rayon::prelude::*;
use serde_json::{Map, json};

/// [height, width] of the network's input.
const INPUT: [usize; 2] = [800, 1088];
/// [width, height] of the image that masks are pasted into.
const IMAGE: [u32; 2] = [1088, 800];

type Tensors = HashMap<String, Tensor>;
type Operation = Box<dyn Fn() -> Result<f64>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [operation, path] = &arguments[..] else { bail!("usage: detector_speed OPERATION INPUT.safetensors") };
    let tensors = safetensors::load(Path::new(path), &Device::Cpu).with_context(|| path.clone())?;
    let run = match operation.as_str() {
        "align" => align(&tensors)?,
        "propose" => propose(&tensors)?,
        "paste" => paste_all(&tensors)?,
        other => bail!("no operation {other}"),
    };
    writeln!(stdout(), "{}", json!({ "check": run()? }))?;
    for line in stdin().lines() {
        line?;
        let start = Instant::now();
        std::hint::black_box(run()?);
        writeln!(stdout(), "{}", json!({ "milliseconds": start.elapsed().as_secs_f64() * 1e3 }))?;
    }
    Ok(())
}

fn get(tensors: &Tensors, name: &str) -> Result<Tensor> {
    tensors.get(name).cloned().with_context(|| format!("no tensor {name}"))
}

/// RoIAlign with 7 x 7 bins of 2 x 2 samples, from a map of 1/16. The check is the first number.
fn align(tensors: &Tensors) -> Result<Operation> {
    let [map, boxes] = [get(tensors, "map")?, get(tensors, "boxes")?];
    let config =
        RoiAlignConfig { output_size: [7, 7], spatial_scale: 1.0 / 16.0, sampling_ratio: Some(2), aligned: false };
    Ok(Box::new(move || {
        let pooled = roi_align(&map, &boxes, &config)?;
        Ok(f64::from(pooled.get(0)?.flatten_all()?.get(0)?.to_scalar::<f32>()?))
    }))
}

/// Selection of proposals from the maps of a region proposal network on a pyramid, with suppression, as in training. The
/// check is their number.
fn propose(tensors: &Tensors) -> Result<Operation> {
    let labels = ["object".to_owned()];
    let config = rcnn::config("fasterrcnn_resnet50_fpn", None, &Map::new(), &labels)?;
    let detector = GeneralizedRcnn::from_config(&config, Parameters::fresh(0).builder(&Device::Cpu))?;
    let map = |map: usize| Ok([get(tensors, &format!("objectness.{map}"))?, get(tensors, &format!("deltas.{map}"))?]);
    let scores = (0..5).map(map).collect::<Result<_>>()?;
    let batch = BatchMaps { maps: Vec::new(), scores, input: INPUT };
    let image = INPUT.map(|side| side as f64);
    Ok(Box::new(move || Ok(detector.training_proposals(&batch, 0, image)?.len() as f64)))
}

/// Masks of 28 x 28 pixels, pasted and encoded. The check is the number of their pixels.
fn paste_all(tensors: &Tensors) -> Result<Operation> {
    let masks: Vec<Vec<f32>> = get(tensors, "masks")?.flatten_from(1)?.to_vec2()?;
    let boxes: Vec<Vec<f32>> = get(tensors, "boxes")?.to_vec2()?;
    let all: Vec<(Vec<f32>, [f32; 4])> =
        masks.into_iter().zip(boxes).map(|(mask, bbox)| (mask, [bbox[0], bbox[1], bbox[2], bbox[3]])).collect();
    Ok(Box::new(move || {
        let pasted = all.par_iter().map(|(mask, bbox)| area(&paste(mask, 28, *bbox, IMAGE, 0.5)?));
        Ok(pasted.collect::<Result<Vec<u64>>>()?.into_iter().sum::<u64>() as f64)
    }))
}
