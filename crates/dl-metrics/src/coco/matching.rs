//! Which detection finds which object: pycocotools' `evaluateImg`.
//!
//! Image by image and class by class, the best detections in the order of their scores each take the object that they
//! overlap most, at each IoU threshold and in each range of areas. Objects that are crowds or outside the range may be
//! taken too, after the others, and then neither is counted.

use std::ops::Range;

use dl_vision::formats::coco::fields::Id;
use hotcoco::Rle;
use hotcoco::primitives::sim::{bbox_iou_pair, mask_iou_flat};
use rayon::prelude::*;

use super::data::{CocoData, Place};
use super::{AREAS, IOUS};

/// Every IoU threshold, in bits of a [`Verdict`].
pub(super) const ALL_IOUS: u16 = (1 << IOUS) - 1;

/// What became of a detection in one range of areas; bit t is for IoU threshold t.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// It found an object.
    pub(super) hit: u16,
    /// It counts for nothing.
    pub(super) ignored: u16,
}

/// A detection that was used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judged {
    pub(super) category: u32,
    pub(super) score: f64,
    /// How many of its image and class have higher scores.
    pub(super) rank: u32,
    pub(super) verdicts: [Verdict; AREAS.len()],
}

/// The boxes of one class in one image, as ranges of sorted positions.
struct Cell {
    truth: Range<usize>,
    found: Range<usize>,
}

/// Judges the first `most` detections of each image and class; ordered by class, then image, then falling score. With
/// `lose_zero`, the object with annotation id 0 is taken but found by none, as in pycocotools.
pub(super) fn judge(data: &CocoData, most: usize, lose_zero: bool) -> Vec<Judged> {
    let mut truth: Vec<u32> = (0..data.truth.len() as u32).collect();
    truth.sort_by_key(|&index| data.truth[index as usize].place);
    // (place, falling score, position): one comparison of whole numbers.
    let mut found: Vec<(Place, u64, u32)> = (data.found.par_iter().enumerate())
        .map(|(index, found)| (found.place, falling(found.score), index as u32))
        .collect();
    found.par_sort_unstable();
    let judged: Vec<Vec<Judged>> = cells(data, &truth, &found)
        .par_chunks(CHUNK)
        .map_init(Scratch::default, |scratch, cells| {
            let mut judged = Vec::with_capacity(cells.iter().map(|cell| cell.found.len().min(most)).sum());
            for cell in cells {
                let truth = &truth[cell.truth.clone()];
                let found = &found[cell.found.start..cell.found.end.min(cell.found.start + most)];
                scratch.judge(data, truth, found, lose_zero, &mut judged);
            }
            judged
        })
        .collect();
    judged.concat()
}

/// Cells of a task.
const CHUNK: usize = 512;

/// A number that falls as the score rises.
pub(super) fn falling(score: f64) -> u64 {
    // -0 and 0 are equal.
    let bits = (score + 0.0).to_bits();
    if bits >> 63 == 0 { !(bits | 1 << 63) } else { bits }
}

/// The places where something was found.
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

/// What one task uses from cell to cell.
#[derive(Default)]
struct Scratch {
    /// (object, IoU) that each detection could find at the lowest threshold, one after another.
    near: Vec<(usize, f64)>,
    /// Where those of each detection begin; one more at the end.
    starts: Vec<usize>,
    /// Outside the range of areas, or a crowd: each object.
    ignored: Vec<bool>,
    /// Each object at each threshold.
    taken: Vec<bool>,
}

impl Scratch {
    fn judge(
        &mut self,
        data: &CocoData,
        truth: &[u32],
        found: &[(Place, u64, u32)],
        lose_zero: bool,
        judged: &mut Vec<Judged>,
    ) {
        self.find_near(data, truth, found);
        let first = judged.len();
        for (rank, &(place, _, index)) in found.iter().enumerate() {
            let verdicts = [Verdict::default(); AREAS.len()];
            let score = data.found[index as usize].score;
            judged.push(Judged { category: place.category, score, rank: rank as u32, verdicts });
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
                judged[first + d].verdicts[a] = verdict;
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

/// Row by row for the found, column by column for the true.
fn mask_overlaps(data: &CocoData, truth: &[u32], found: &[(Place, u64, u32)]) -> Vec<f64> {
    let true_masks: Vec<Rle> = truth.iter().map(|&index| data.truth_masks[index as usize].clone()).collect();
    let found_masks: Vec<Rle> = found.iter().map(|found| data.found_masks[found.2 as usize].clone()).collect();
    let crowds: Vec<bool> = truth.iter().map(|&index| data.truth[index as usize].crowd).collect();
    mask_iou_flat(&found_masks, &true_masks, &crowds)
}

/// The object to take: of those not `ignored` the nearest, else of the ignored; the later one of two equally near.
fn best(near: &[(usize, f64)], threshold: f64, gone: impl Fn(usize) -> bool, ignored: &[bool]) -> Option<usize> {
    let among = |ignore: bool| {
        let free = near.iter().filter(|(g, iou)| ignored[*g] == ignore && *iou >= threshold && !gone(*g));
        free.reduce(|best, next| if next.1 < best.1 { best } else { next }).map(|(g, _)| *g)
    };
    among(false).or_else(|| among(true))
}

/// IoU threshold `index`: 0.5, 0.55, ..., 0.95 as numpy's linspace gives them.
pub(super) fn threshold(index: usize) -> f64 {
    linspace(0.5, 0.95, IOUS, index)
}

/// Number `index` of `count` evenly spaced ones, to numpy's last bit.
pub(super) fn linspace(from: f64, to: f64, count: usize, index: usize) -> f64 {
    if index + 1 == count { to } else { index as f64 * ((to - from) / (count - 1) as f64) + from }
}
