//! Matching of detections with objects: pycocotools' `evaluateImg`.
//!
//! Per image and class, the best detections, by descending score, each take the object that they overlap most, at each IoU
//! threshold and in each area range. Crowds and objects outside the range are taken last, and then neither the detection
//! nor the object counts.

use std::ops::Range;

use dl_vision::formats::coco::fields::Id;
use hotcoco::Rle;
use hotcoco::primitives::sim::{bbox_iou_pair, mask_iou_flat};
use rayon::prelude::*;

use super::data::{CocoData, Place};
use super::{AREAS, IOUS};

/// All IoU thresholds, as bits of a [`Verdict`].
pub(super) const ALL_IOUS: u16 = (1 << IOUS) - 1;

/// The outcome of a detection in one area range; bit t is for IoU threshold t.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// It finds an object.
    pub(super) hit: u16,
    /// It does not count.
    pub(super) ignored: u16,
}

/// A detection with its outcomes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matched {
    pub(super) category: u32,
    pub(super) score: f64,
    /// Number of detections of its image and class with higher scores.
    pub(super) rank: u32,
    pub(super) verdicts: [Verdict; AREAS.len()],
}

/// The boxes of one class in one image, as ranges of the sorted lists.
struct Cell {
    truth: Range<usize>,
    found: Range<usize>,
}

/// Matches the first `max` detections of each image and class; ordered by class, then image, then descending score. With
/// `lose_zero`, the object with annotation id 0 is taken but never found, as in pycocotools.
pub(super) fn match_all(data: &CocoData, max: usize, lose_zero: bool) -> Vec<Matched> {
    let mut truth: Vec<u32> = (0..data.truth.len() as u32).collect();
    truth.sort_by_key(|&index| data.truth[index as usize].place);
    // (place, score in descending order, index): compared as integers.
    let mut found: Vec<(Place, u64, u32)> = (data.found.par_iter().enumerate())
        .map(|(index, found)| (found.place, descending(found.score), index as u32))
        .collect();
    found.par_sort_unstable();
    let matched: Vec<Vec<Matched>> = cells(data, &truth, &found)
        .par_chunks(CHUNK)
        .map_init(Scratch::default, |scratch, cells| {
            let mut matched = Vec::with_capacity(cells.iter().map(|cell| cell.found.len().min(max)).sum());
            for cell in cells {
                let truth = &truth[cell.truth.clone()];
                let found = &found[cell.found.start..cell.found.end.min(cell.found.start + max)];
                scratch.match_cell(data, truth, found, lose_zero, &mut matched);
            }
            matched
        })
        .collect();
    matched.concat()
}

/// Cells per task.
const CHUNK: usize = 512;

/// A key that sorts scores in descending order.
pub(super) fn descending(score: f64) -> u64 {
    // -0 and 0 are equal.
    let bits = (score + 0.0).to_bits();
    if bits >> 63 == 0 { !(bits | 1 << 63) } else { bits }
}

/// The cells that have detections.
fn cells(data: &CocoData, truth: &[u32], found: &[(Place, u64, u32)]) -> Vec<Cell> {
    let mut cells = Vec::new();
    let (mut t, mut start) = (0, 0);
    for run in found.chunk_by(|a, b| a.0 == b.0) {
        let place = run[0].0;
        let end = start + run.len();
        let at = |t: usize| truth.get(t).map(|&index| data.truth[index as usize].place);
        while at(t).is_some_and(|other| other < place) {
            t += 1;
        }
        let first = t;
        while at(t) == Some(place) {
            t += 1;
        }
        cells.push(Cell { truth: first..t, found: start..end });
        start = end;
    }
    cells
}

/// Buffers that a task reuses for each cell.
#[derive(Default)]
struct Scratch {
    /// The (object, IoU) pairs of all detections that reach the lowest threshold.
    near: Vec<(usize, f64)>,
    /// Where the pairs of each detection start, and the end.
    starts: Vec<usize>,
    /// For each object: is it a crowd, or outside the area range?
    ignored: Vec<bool>,
    /// For each threshold and object: is it taken?
    taken: Vec<bool>,
}

impl Scratch {
    fn match_cell(
        &mut self,
        data: &CocoData,
        truth: &[u32],
        found: &[(Place, u64, u32)],
        lose_zero: bool,
        matched: &mut Vec<Matched>,
    ) {
        self.find_near(data, truth, found);
        let first = matched.len();
        for (rank, &(place, _, index)) in found.iter().enumerate() {
            let verdicts = [Verdict::default(); AREAS.len()];
            let score = data.found[index as usize].score;
            matched.push(Matched { category: place.category, score, rank: rank as u32, verdicts });
        }
        for (a, area) in AREAS.iter().enumerate() {
            let outside = |size: f64| size < area[0] || size > area[1];
            self.ignored.clear();
            self.ignored.extend(truth.iter().map(|&index| {
                let truth = &data.truth[index as usize];
                truth.crowd || outside(truth.area)
            }));
            self.taken.clear();
            self.taken.resize(truth.len() * IOUS, false);
            for (d, &(_, _, index)) in found.iter().enumerate() {
                let mut verdict = Verdict::default();
                let near = &self.near[self.starts[d]..self.starts[d + 1]];
                for t in 0..if near.is_empty() { 0 } else { IOUS } {
                    let taken = &mut self.taken[t * truth.len()..(t + 1) * truth.len()];
                    let object = |g: usize| &data.truth[truth[g] as usize];
                    let Some(g) = best(near, threshold(t), |g| taken[g] && !object(g).crowd, &self.ignored) else {
                        continue;
                    };
                    taken[g] = true;
                    verdict.ignored |= u16::from(self.ignored[g]) << t;
                    verdict.hit |= u16::from(!(lose_zero && object(g).id == Some(Id::Number(0)))) << t;
                }
                if outside(data.found[index as usize].area) {
                    verdict.ignored |= ALL_IOUS & !verdict.hit;
                }
                matched[first + d].verdicts[a] = verdict;
            }
        }
    }

    fn find_near(&mut self, data: &CocoData, truth: &[u32], found: &[(Place, u64, u32)]) {
        self.near.clear();
        self.starts.clear();
        self.starts.push(0);
        let masks = if data.truth_masks.is_empty() { None } else { Some(mask_overlaps(data, truth, found)) };
        for (d, &(_, _, index)) in found.iter().enumerate() {
            let found = &data.found[index as usize];
            for (g, &index) in truth.iter().enumerate() {
                let iou = match &masks {
                    Some(overlaps) => overlaps[d * truth.len() + g],
                    None => {
                        let truth = &data.truth[index as usize];
                        bbox_iou_pair(found.bbox, truth.bbox, truth.crowd)
                    }
                };
                if iou >= threshold(0) {
                    self.near.push((g, iou));
                }
            }
            self.starts.push(self.near.len());
        }
    }
}

/// Overlaps by detection (rows) and object (columns).
fn mask_overlaps(data: &CocoData, truth: &[u32], found: &[(Place, u64, u32)]) -> Vec<f64> {
    let true_masks: Vec<Rle> = truth.iter().map(|&index| data.truth_masks[index as usize].clone()).collect();
    let found_masks: Vec<Rle> = found.iter().map(|found| data.found_masks[found.2 as usize].clone()).collect();
    let crowds: Vec<bool> = truth.iter().map(|&index| data.truth[index as usize].crowd).collect();
    mask_iou_flat(&found_masks, &true_masks, &crowds)
}

/// The object to take: the nearest that is not `ignored`, else the nearest ignored one; the last of equals.
fn best(near: &[(usize, f64)], threshold: f64, taken: impl Fn(usize) -> bool, ignored: &[bool]) -> Option<usize> {
    let among = |ignore: bool| {
        let free = near.iter().filter(|(g, iou)| ignored[*g] == ignore && *iou >= threshold && !taken(*g));
        free.reduce(|best, next| if next.1 < best.1 { best } else { next }).map(|(g, _)| *g)
    };
    among(false).or_else(|| among(true))
}

/// IoU threshold `index`: 0.5, 0.55, ..., 0.95 as numpy's linspace gives them.
pub(super) fn threshold(index: usize) -> f64 {
    linspace(0.5, 0.95, IOUS, index)
}

/// Element `index` of numpy's linspace, equal to the last bit.
pub(super) fn linspace(from: f64, to: f64, count: usize, index: usize) -> f64 {
    if index + 1 == count { to } else { index as f64 * ((to - from) / (count - 1) as f64) + from }
}
