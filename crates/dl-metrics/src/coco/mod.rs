//! COCO: the twelve numbers, for boxes and masks.
//!
//! The arithmetic is that of `pycocotools/cocoeval.py`, over compact tables: each detection is matched once for all
//! thresholds and area ranges, and only the hits of a class enter its curves. Overlaps come from the crate `hotcoco`; the
//! tests compare with its evaluation.
//!
//! By default two quirks of pycocotools are avoided: a true object with annotation id 0 counts like any other, and every AP
//! is at the largest of `max_dets` (pycocotools' first number stays at 100). With
//! [`pycocotools`](CocoConfig::pycocotools) the figures equal its own, quirks included.

mod curves;
mod data;
mod files;
mod matching;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use curves::Sums;

pub use data::{CocoBuilder, CocoData};

/// Names of the twelve numbers, in COCO's order. `AR1`, `AR10` and `AR100` are at the first, second and third of
/// [`CocoConfig::max_dets`].
pub const NAMES: [&str; 12] = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"];

/// The figure where there is no true object, as in pycocotools.
pub const UNDEFINED: f64 = -1.0;

/// Options of the evaluation.
#[derive(Clone, Debug, PartialEq)]
pub struct CocoConfig {
    /// Compare masks, not boxes.
    pub masks: bool,
    /// At most N detections per image and class, best first, in increasing order.
    pub max_dets: [usize; 3],
    /// Reproduce pycocotools 2.0.11, quirks included.
    pub pycocotools: bool,
}

impl Default for CocoConfig {
    fn default() -> Self {
        Self { masks: false, max_dets: [1, 10, 100], pycocotools: false }
    }
}

/// The figures of all classes.
#[derive(Clone, Debug, PartialEq)]
pub struct CocoReport {
    /// Number of images.
    pub images: usize,
    /// The twelve numbers, fractions from 0 to 1, or [`UNDEFINED`].
    pub stats: [f64; 12],
    /// In the order of the category ids.
    pub classes: Vec<CocoClass>,
    /// Labels of results that no true object has.
    pub unknown: Vec<String>,
}

/// The figures of one class.
#[derive(Clone, Debug, PartialEq)]
pub struct CocoClass {
    /// Its name.
    pub label: String,
    /// The twelve numbers for this class.
    pub stats: [f64; 12],
    /// At IoU 0.5: the best precision at recall 0, 0.01, ..., 1 or above; empty without true objects.
    pub precision: Vec<f64>,
}

/// IoU thresholds: 0.5, 0.55, ..., 0.95.
const IOUS: usize = 10;
/// Positions of 0.5 and 0.75 among them.
const HALF: usize = 0;
const THREE_QUARTERS: usize = 5;

/// All, small, medium and large objects, in square pixels, both ends included.
const AREAS: [[f64; 2]; 4] = [[0.0, 1e10], [0.0, 1024.0], [1024.0, 9216.0], [9216.0, 1e10]];

/// Computes the figures.
pub fn evaluate(mut data: CocoData, config: &CocoConfig) -> CocoReport {
    if config.pycocotools {
        repeat_last_of_id(&mut data);
    }
    let matched = matching::match_all(&data, config.max_dets[2], config.pycocotools);
    let keep = |class: usize, sums: &Sums, at_half: &[f64]| CocoClass {
        label: data.categories[class].1.clone(),
        stats: stats(sums, config),
        precision: at_half.to_vec(),
    };
    let (classes, all) = curves::of_classes(&data, &matched, config.max_dets, keep);
    CocoReport { images: data.images, classes, stats: stats(&all, config), unknown: data.unknown }
}

/// pycocotools looks objects up by annotation id: where several share one, it sees the last, each time.
fn repeat_last_of_id(data: &mut CocoData) {
    let ids = data.truth.iter().enumerate();
    let last: HashMap<_, usize> = ids.filter_map(|(index, truth)| Some((truth.id.clone()?, index))).collect();
    for index in 0..data.truth.len() {
        let seen = data.truth[index].id.as_ref().map_or(index, |id| last[id]);
        if seen != index {
            data.truth[index] = data.truth[seen].clone();
            if !data.truth_masks.is_empty() {
                data.truth_masks[index] = data.truth_masks[seen].clone();
            }
        }
    }
}

fn stats(sums: &Sums, config: &CocoConfig) -> [f64; 12] {
    let at = |series, iou: usize| sums.mean_precision(series, iou..iou + 1);
    let precision = |series| sums.mean_precision(series, 0..IOUS);
    let recall = |series| sums.mean_recall(series);
    let overall = match config.max_dets.iter().position(|&most| most == 100) {
        _ if !config.pycocotools => precision(2),
        // pycocotools' first number is at 100 detections, whatever `max_dets` is.
        Some(at_100) => precision(at_100),
        None => UNDEFINED,
    };
    [
        overall,
        at(2, HALF),
        at(2, THREE_QUARTERS),
        precision(3),
        precision(4),
        precision(5),
        recall(0),
        recall(1),
        recall(2),
        recall(3),
        recall(4),
        recall(5),
    ]
}
