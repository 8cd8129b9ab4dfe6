//! COCO: the twelve numbers, for boxes and for masks, through the crate `hotcoco`.
//!
//! By default two traps of pycocotools are avoided: a true object whose annotation id is 0 counts as any other, and every
//! AP is that at the largest of `max_dets` (pycocotools' first number stays at 100). With
//! [`pycocotools`](CocoConfig::pycocotools) the figures are its own, traps included.

mod data;
mod quirks;

use std::collections::{BTreeSet, HashSet};
use std::ops::Range;

use anyhow::{Result, anyhow};
use hotcoco::{COCO, COCOeval, IouType};

pub use data::{CocoBuilder, CocoData};

/// The names of the twelve numbers, in COCO's order. `AR1`, `AR10` and `AR100` stand for the first, second and third of
/// [`CocoConfig::max_dets`].
pub const NAMES: [&str; 12] = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"];

/// What a figure is where there is no true object to find, as in pycocotools.
pub const UNDEFINED: f64 = -1.0;

/// What the evaluation goes by.
#[derive(Clone, Debug, PartialEq)]
pub struct CocoConfig {
    /// Overlap of masks, otherwise of boxes.
    pub masks: bool,
    /// How many of an image's best detections of a class may be used, rising.
    pub max_dets: [usize; 3],
    /// Reproduce pycocotools 2.0.11 to the last trap.
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
    /// How many images were evaluated.
    pub images: usize,
    /// The twelve numbers, fractions from 0 to 1, or [`UNDEFINED`].
    pub stats: [f64; 12],
    /// In the order of the category ids.
    pub classes: Vec<CocoClass>,
    /// Labels of detections that no true object has.
    pub unknown: Vec<String>,
}

/// The figures of one class.
#[derive(Clone, Debug, PartialEq)]
pub struct CocoClass {
    /// Its name.
    pub label: String,
    /// The twelve numbers of this class alone.
    pub stats: [f64; 12],
    /// At IoU 0.5: the best precision at recall 0, 0.01, ..., 1 or beyond; empty without true objects.
    pub precision: Vec<f64>,
}

/// Precision and recall in hotcoco's layout.
struct Curves {
    precision: Vec<f64>,
    recall: Vec<f64>,
    shape: hotcoco::EvalShape,
}

/// Evaluates.
/// # Errors
/// When the data cannot be evaluated so, for example masks of pictures without a size.
pub fn evaluate(data: CocoData, config: &CocoConfig) -> Result<CocoReport> {
    let CocoData { mut truth, results } = data;
    if !config.pycocotools {
        number_anew(&mut truth);
    }
    let unknown = unknown(&truth, &results);
    let mut evaluation = COCOeval::new(truth, results, if config.masks { IouType::Segm } else { IouType::Bbox });
    evaluation.params.max_dets = config.max_dets.to_vec();
    evaluation.evaluate().map_err(|error| anyhow!("{error}"))?;
    evaluation.accumulate();
    let accumulated = evaluation.accumulated().ok_or_else(|| anyhow!("hotcoco accumulated nothing"))?;
    let mut curves = Curves {
        precision: accumulated.precision.clone(),
        recall: accumulated.recall.clone(),
        shape: accumulated.shape,
    };
    if config.pycocotools {
        quirks::lose_annotation_zero(&evaluation, &accumulated.cat_ids, &mut curves);
    }
    let mut names = HashSet::new();
    let classes = accumulated.cat_ids.iter().enumerate().map(|(k, &id)| {
        let name = evaluation.coco_gt().cat_name(id);
        let label = if names.insert(name.clone()) { name } else { format!("{name} ({id})") };
        CocoClass { label, stats: curves.stats(k..k + 1, config), precision: curves.precision_at_half(k) }
    });
    Ok(CocoReport {
        images: evaluation.coco_gt().dataset.images.len(),
        classes: classes.collect(),
        stats: curves.stats(0..curves.shape.k, config),
        unknown,
    })
}

fn unknown(truth: &COCO, results: &COCO) -> Vec<String> {
    let classes = |data: &COCO| -> BTreeSet<u64> {
        data.dataset.annotations.iter().map(|annotation| annotation.category_id).collect()
    };
    classes(results).difference(&classes(truth)).map(|id| truth.cat_name(*id)).collect()
}

/// Gives every true object an id of its own, from 1, if some id is 0 or stands twice.
fn number_anew(truth: &mut COCO) {
    let annotations = &mut truth.dataset.annotations;
    let mut ids: Vec<u64> = annotations.iter().map(|annotation| annotation.id).collect();
    ids.sort_unstable();
    if ids.first() == Some(&0) || ids.windows(2).any(|pair| pair[0] == pair[1]) {
        for (annotation, id) in annotations.iter_mut().zip(1..) {
            annotation.id = id;
        }
        truth.create_index();
    }
}

/// Positions on hotcoco's axis of area ranges.
const ALL: usize = 0;
const SMALL: usize = 1;
const MEDIUM: usize = 2;
const LARGE: usize = 3;

/// Positions of 0.5 and 0.75 on the axis of IoU thresholds 0.5, 0.55, ..., 0.95.
const HALF: usize = 0;
const THREE_QUARTERS: usize = 5;

impl Curves {
    fn stats(&self, classes: Range<usize>, config: &CocoConfig) -> [f64; 12] {
        let every = 0..self.shape.t;
        let precision = |ious, area| self.average_precision(ious, classes.clone(), area, 2);
        let recall = |area: usize, most: usize| {
            mean(
                (0..self.shape.t)
                    .flat_map(|t| classes.clone().map(move |k| self.recall[self.shape.recall_idx(t, k, area, most)])),
            )
        };
        let overall = match config.max_dets.iter().position(|&most| most == 100) {
            _ if !config.pycocotools => precision(every.clone(), ALL),
            // pycocotools' first number is that at 100 detections, whatever was asked for.
            Some(at_100) => self.average_precision(every.clone(), classes.clone(), ALL, at_100),
            None => UNDEFINED,
        };
        [
            overall,
            precision(HALF..HALF + 1, ALL),
            precision(THREE_QUARTERS..THREE_QUARTERS + 1, ALL),
            precision(every.clone(), SMALL),
            precision(every.clone(), MEDIUM),
            precision(every, LARGE),
            recall(ALL, 0),
            recall(ALL, 1),
            recall(ALL, 2),
            recall(SMALL, 2),
            recall(MEDIUM, 2),
            recall(LARGE, 2),
        ]
    }

    fn average_precision(&self, ious: Range<usize>, classes: Range<usize>, area: usize, most: usize) -> f64 {
        let points = ious.flat_map(|t| (0..self.shape.r).map(move |r| (t, r)));
        mean(points.flat_map(|(t, r)| {
            classes.clone().map(move |k| self.precision[self.shape.precision_idx(t, r, k, area, most)])
        }))
    }

    fn precision_at_half(&self, class: usize) -> Vec<f64> {
        let points = (0..self.shape.r).map(|r| self.precision[self.shape.precision_idx(HALF, r, class, ALL, 2)]);
        points.filter(|precision| *precision > UNDEFINED).collect()
    }
}

/// Mean of the values that are defined.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0_usize);
    for value in values.filter(|value| *value > UNDEFINED) {
        sum += value;
        count += 1;
    }
    if count == 0 { UNDEFINED } else { sum / count as f64 }
}
