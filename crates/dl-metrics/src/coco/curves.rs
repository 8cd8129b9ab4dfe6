//! Precision and recall over all images: pycocotools' `accumulate` and `summarize`.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::data::CocoData;
use super::matching::{ALL_IOUS, Matched, Verdict, descending, linspace};
use super::{AREAS, HALF, IOUS, UNDEFINED};

/// Number of recalls at which precision is sampled: 0, 0.01, ..., 1.
pub(super) const RECALLS: usize = 101;

/// (index into [`AREAS`], index into `max_dets`) of the curves that the figures need.
const SERIES: [(usize, usize); 6] = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (3, 2)];

/// The series of all objects at the last of `max_dets`.
const LAST: usize = 2;

/// The sums behind the figures, of one class or of several.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    /// [series][IoU]
    precision: [[Sum; IOUS]; SERIES.len()],
    /// [series], over all thresholds.
    recall: [Sum; SERIES.len()],
}

/// Computes the curves of every class. `keep` gets the sums of a class and its precision at the lowest threshold and the
/// last of `max_dets` (empty where undefined). Returns what it keeps, by class, and the sums of all classes. Only one class
/// per thread has whole curves in memory. `matched` is in the order of the classes.
pub(super) fn of_classes<T: Send>(
    data: &CocoData,
    matched: &[Matched],
    max_dets: [usize; 3],
    keep: impl Fn(usize, &Sums, &[f64]) -> T + Sync,
) -> (Vec<T>, Sums) {
    let all = Mutex::new(Sums::default());
    let classes = data.categories.len();
    let mut truth = vec![[0_usize; AREAS.len()]; classes];
    for object in data.truth.iter().filter(|object| !object.crowd) {
        for (count, [least, largest]) in truth[object.place.category as usize].iter_mut().zip(AREAS) {
            *count += usize::from((least..=largest).contains(&object.area));
        }
    }
    let first = |class: usize| matched.partition_point(|matched| (matched.category as usize) < class);
    let of_class = |scratch: &mut (Vec<f64>, Vec<f64>), class: usize| {
        // By descending score, then by image, then by detection.
        let own = &matched[first(class)..first(class + 1)];
        let mut order: Vec<(u64, u32)> = (0..).zip(own).map(|(index, own)| (descending(own.score), index)).collect();
        order.par_sort_unstable();
        // [series][IoU][recall]: the best precision at this recall or above; [series][IoU]
        let (precision, recall) = scratch;
        precision.fill(UNDEFINED);
        recall.fill(UNDEFINED);
        let slots = precision.chunks_mut(IOUS * RECALLS).zip(recall.chunks_mut(IOUS));
        for ((precision, recall), (area, limit)) in slots.zip(SERIES) {
            let used = order.iter().map(|(_, index)| &own[*index as usize]);
            let used = used.filter(|matched| (matched.rank as usize) < max_dets[limit]);
            fill(used.map(|matched| matched.verdicts[area]), truth[class][area], precision, recall);
        }
        let mut sums = Sums::default();
        let of_series = precision.chunks(IOUS * RECALLS).zip(recall.chunks(IOUS));
        for ((precision, recall), (sums, all)) in of_series.zip(sums.precision.iter_mut().zip(&mut sums.recall)) {
            sums.iter_mut().zip(precision.chunks(RECALLS)).for_each(|(sum, curve)| sum.add(curve));
            all.add(recall);
        }
        all.lock().unwrap_or_else(PoisonError::into_inner).join(&sums);
        let at_half = &precision[(LAST * IOUS + HALF) * RECALLS..][..RECALLS];
        keep(class, &sums, if at_half[0] > UNDEFINED { at_half } else { &[] })
    };
    let scratch = || (vec![0.0; SERIES.len() * IOUS * RECALLS], vec![0.0; SERIES.len() * IOUS]);
    let kept = (0..classes).into_par_iter().map_init(scratch, of_class).collect();
    (kept, all.into_inner().unwrap_or_else(PoisonError::into_inner))
}

impl Sums {
    /// Adds the sums of another class.
    fn join(&mut self, other: &Self) {
        let own = self.precision.iter_mut().flatten().chain(&mut self.recall);
        own.zip(other.precision.iter().flatten().chain(&other.recall)).for_each(|(own, other)| own.join(*other));
    }

    /// Mean precision over all recalls and these thresholds. Series 0 to 2 are for the three of `max_dets`, 3 to 5 for
    /// small, medium and large objects at the last of them.
    pub(super) fn mean_precision(&self, series: usize, ious: Range<usize>) -> f64 {
        let mut all = Sum::default();
        self.precision[series][ious].iter().for_each(|sum| all.join(*sum));
        all.mean()
    }

    /// Mean recall over all thresholds.
    pub(super) fn mean_recall(&self, series: usize) -> f64 {
        self.recall[series].mean()
    }
}

/// Fills the curves of one class and area range: `used` by descending score, `truth` objects that count.
fn fill(used: impl Iterator<Item = Verdict>, truth: usize, precision: &mut [f64], recall: &mut [f64]) {
    if truth == 0 {
        return;
    }
    // Most detections miss at every threshold: of those, only the number before each other one is kept.
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

/// A running mean of values from 0 to 1. The sum is an integer, so that it does not depend on the order of the classes.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    sum: u128,
    count: usize,
}

impl Sum {
    const ONE: f64 = (1_u64 << 62) as f64;

    /// Adds the values that are defined.
    fn add(&mut self, values: &[f64]) {
        for value in values.iter().filter(|value| **value > UNDEFINED) {
            self.sum += u128::from((value * Self::ONE) as u64);
            self.count += 1;
        }
    }

    fn join(&mut self, other: Self) {
        self.sum += other.sum;
        self.count += other.count;
    }

    fn mean(&self) -> f64 {
        if self.count == 0 { UNDEFINED } else { self.sum as f64 / Self::ONE / self.count as f64 }
    }
}
