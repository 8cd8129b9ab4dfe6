//! Precision and recall over all images: pycocotools' `accumulate` and `summarize`.

use std::ops::Range;

use rayon::prelude::*;

use super::data::CocoData;
use super::matching::{ALL_IOUS, Judged, Verdict, falling, linspace};
use super::{AREAS, IOUS, UNDEFINED};

/// Recalls at which precision is read: 0, 0.01, ..., 1.
pub(super) const RECALLS: usize = 101;

/// (position in [`AREAS`], position in `max_dets`) of the curves that some figure needs.
const SERIES: [(usize, usize); 6] = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (3, 2)];

/// The curves of every class.
pub(super) struct Curves {
    /// [class][series][IoU][recall]: the best precision at this recall or beyond.
    precision: Vec<f64>,
    /// [class][series][IoU]
    recall: Vec<f64>,
}

impl Curves {
    /// `judged` is in the order of the classes.
    pub(super) fn new(data: &CocoData, judged: &[Judged], max_dets: [usize; 3]) -> Self {
        let classes = data.categories.len();
        let mut truth = vec![[0_usize; AREAS.len()]; classes];
        for object in data.truth.iter().filter(|object| !object.crowd) {
            for (count, [least, largest]) in truth[object.place.category as usize].iter_mut().zip(AREAS) {
                *count += usize::from((least..=largest).contains(&object.area));
            }
        }
        let first = |class: usize| judged.partition_point(|judged| (judged.category as usize) < class);
        // By falling score; of equal scores the earlier image, and there the earlier detection.
        let by_score: Vec<Vec<Judged>> = (0..classes)
            .into_par_iter()
            .map(|class| {
                let own = &judged[first(class)..first(class + 1)];
                let mut order: Vec<(u64, u32)> =
                    (0..).zip(own).map(|(index, own)| (falling(own.score), index)).collect();
                order.par_sort_unstable();
                order.into_iter().map(|(_, index)| own[index as usize]).collect()
            })
            .collect();
        let mut curves = Self {
            precision: vec![UNDEFINED; classes * SERIES.len() * IOUS * RECALLS],
            recall: vec![UNDEFINED; classes * SERIES.len() * IOUS],
        };
        let slots = curves.precision.par_chunks_mut(IOUS * RECALLS).zip(curves.recall.par_chunks_mut(IOUS));
        slots.enumerate().for_each(|(slot, (precision, recall))| {
            let (class, (area, limit)) = (slot / SERIES.len(), SERIES[slot % SERIES.len()]);
            let used = by_score[class].iter().filter(|judged| (judged.rank as usize) < max_dets[limit]);
            draw(used.map(|judged| judged.verdicts[area]), truth[class][area], precision, recall);
        });
        curves
    }

    /// Mean precision of the classes over all recalls; `series` is 0 to 2 for the three of `max_dets`, 3 to 5 for small,
    /// medium and large objects at the last.
    pub(super) fn mean_precision(&self, series: usize, classes: Range<usize>, ious: Range<usize>) -> f64 {
        let points = ious.flat_map(|iou| (0..RECALLS).map(move |recall| iou * RECALLS + recall));
        let slots = |point: usize| {
            classes.clone().map(move |class| self.precision[(class * SERIES.len() + series) * IOUS * RECALLS + point])
        };
        mean(points.flat_map(slots))
    }

    /// Mean recall of the classes over all thresholds.
    pub(super) fn mean_recall(&self, series: usize, classes: Range<usize>) -> f64 {
        let slots = |iou| classes.clone().map(move |class| self.recall[(class * SERIES.len() + series) * IOUS + iou]);
        mean((0..IOUS).flat_map(slots))
    }

    /// At the lowest threshold and the last of `max_dets`; empty where it is undefined.
    pub(super) fn precision_at_half(&self, class: usize) -> &[f64] {
        let start = (class * SERIES.len() + 2) * IOUS * RECALLS;
        let curve = &self.precision[start..start + RECALLS];
        if curve[0] > UNDEFINED { curve } else { &[] }
    }
}

/// One class and range of areas: `used` by falling score, `truth` objects that count.
fn draw(used: impl Iterator<Item = Verdict>, truth: usize, precision: &mut [f64], recall: &mut [f64]) {
    if truth == 0 {
        return;
    }
    // Most detections miss at every threshold: of those, only how many come before is kept.
    let mut missed = 0_usize;
    let mut verdicts: Vec<(usize, Verdict)> = Vec::new();
    for verdict in used {
        match verdict {
            Verdict { hit: 0, ignored: 0 } => missed += 1,
            Verdict { hit: 0, ignored: ALL_IOUS } => (),
            verdict => verdicts.push((missed, verdict)),
        }
    }
    let mut at_hits = Vec::new();
    for iou in 0..IOUS {
        at_hits.clear();
        let mut missed_here = 0;
        for (missed, verdict) in verdicts.iter().filter(|(_, verdict)| verdict.ignored >> iou & 1 == 0) {
            if verdict.hit >> iou & 1 == 1 {
                let hits = at_hits.len() + 1;
                at_hits.push(hits as f64 / ((hits + missed + missed_here) as f64 + f64::EPSILON));
            } else {
                missed_here += 1;
            }
        }
        for index in (1..at_hits.len()).rev() {
            at_hits[index - 1] = f64::max(at_hits[index - 1], at_hits[index]);
        }
        recall[iou] = at_hits.len() as f64 / truth as f64;
        let mut hits = 1;
        for (index, precision) in precision[iou * RECALLS..(iou + 1) * RECALLS].iter_mut().enumerate() {
            while hits <= at_hits.len() && (hits as f64 / truth as f64) < linspace(0.0, 1.0, RECALLS, index) {
                hits += 1;
            }
            *precision = at_hits.get(hits - 1).copied().unwrap_or(0.0);
        }
    }
}

/// Mean of the values that are defined, each from 0 to 1. The sum is of whole numbers, so that the order of the classes
/// does not show in the last bit.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    const ONE: f64 = (1_u64 << 62) as f64;
    let (mut sum, mut count) = (0_u128, 0_usize);
    for value in values.filter(|value| *value > UNDEFINED) {
        sum += u128::from((value * ONE) as u64);
        count += 1;
    }
    if count == 0 { UNDEFINED } else { sum as f64 / ONE / count as f64 }
}
