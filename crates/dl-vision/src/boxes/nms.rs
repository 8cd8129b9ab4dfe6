//! Non-maximum suppression: of many boxes on one object, one.
//!
//! All methods work class by class, take boxes by falling score (ties by input index), and compare with IoU > threshold,
//! as R-CNN's and torchvision's `nms` do. An IoU above t bounds how far the left edges of two boxes can lie apart, so
//! that a box is compared only with a range of boxes sorted by left edge; the result is that of comparing all pairs.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use dl_record::BBox;

use super::{diou, iou};

/// How overlapping boxes are treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NmsMethod {
    /// A box that overlaps a better one by more than the threshold goes (greedy NMS).
    #[default]
    Hard,
    /// Soft-NMS (Bodla et al. 2017), linear: its score is multiplied by 1 - IoU.
    SoftLinear,
    /// Soft-NMS, Gaussian: the score of every overlapping box is multiplied by exp(-IoU^2 / sigma).
    SoftGaussian,
    /// As [`Hard`](Self::Hard), with distance-IoU (Zheng et al. 2020) in place of IoU.
    Diou,
    /// As [`Hard`](Self::Hard), but a kept box becomes the mean, weighted by score, of itself and the boxes that it
    /// suppressed (weighted NMS, Zhou et al. 2017); it keeps its score.
    Weighted,
}

impl NmsMethod {
    /// Scores are factors or weights in these methods, so they must not be negative.
    pub fn needs_scores_above_zero(self) -> bool {
        matches!(self, Self::SoftLinear | Self::SoftGaussian | Self::Weighted)
    }
}

/// What suppression goes by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NmsConfig {
    /// How overlapping boxes are treated.
    pub method: NmsMethod,
    /// Overlap above which a box is suppressed, from 0 to 1; the Gaussian method does not use it.
    pub iou: f64,
    /// Boxes with a score below this are dropped, in the soft methods also when their score sinks below it.
    pub score: Option<f64>,
    /// At most so many boxes are kept, the best of all classes.
    pub max: Option<usize>,
    /// Width of the Gaussian method's decay, above 0.
    pub sigma: f64,
}

impl Default for NmsConfig {
    fn default() -> Self {
        Self { method: NmsMethod::Hard, iou: 0.5, score: None, max: None, sigma: 0.5 }
    }
}

/// A box that was kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kept {
    /// Its index in the input.
    pub index: usize,
    /// Its score, lower than before where a soft method lowered it.
    pub score: f64,
    /// Its box, another than before where the weighted method moved it.
    pub bbox: BBox,
}

/// The boxes that remain, by falling score, ties by input index.
///
/// `boxes`, `scores` and `classes` have one entry a box; boxes of different classes do not compete.
pub fn nms(boxes: &[BBox], scores: &[f64], classes: &[usize], config: &NmsConfig) -> Vec<Kept> {
    debug_assert!(boxes.len() == scores.len() && boxes.len() == classes.len());
    let mut order: Vec<usize> =
        (0..boxes.len()).filter(|&i| config.score.is_none_or(|least| scores[i] >= least)).collect();
    order.sort_by(|&a, &b| classes[a].cmp(&classes[b]).then(by_score(scores, a, b)));
    let mut kept = Vec::new();
    for class in order.chunk_by(|&a, &b| classes[a] == classes[b]) {
        let candidates = Candidates::new(boxes, class);
        match config.method {
            NmsMethod::Hard => candidates.greedy(config, iou, |kept_one, _| kept.push(kept_one.with(boxes, scores))),
            NmsMethod::Diou => candidates.greedy(config, diou, |kept_one, _| kept.push(kept_one.with(boxes, scores))),
            NmsMethod::Weighted => candidates.greedy(config, iou, |kept_one, suppressed| {
                let bbox = weighted_mean(boxes, scores, kept_one.0, suppressed);
                kept.push(Kept { bbox, ..kept_one.with(boxes, scores) });
            }),
            NmsMethod::SoftLinear => candidates.soft(config, scores, config.iou, |overlap| 1.0 - overlap, &mut kept),
            NmsMethod::SoftGaussian => {
                let decay = |overlap: f64| (-overlap * overlap / config.sigma).exp();
                candidates.soft(config, scores, 0.0, decay, &mut kept);
            }
        }
    }
    kept.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.index.cmp(&b.index)));
    kept.truncate(config.max.unwrap_or(usize::MAX));
    kept
}

fn by_score(scores: &[f64], a: usize, b: usize) -> Ordering {
    scores[b].total_cmp(&scores[a]).then(a.cmp(&b))
}

/// Index in the input of a box that stays.
struct KeptIndex(usize);

impl KeptIndex {
    fn with(&self, boxes: &[BBox], scores: &[f64]) -> Kept {
        Kept { index: self.0, score: scores[self.0], bbox: boxes[self.0] }
    }
}

/// The boxes of one class that still compete.
struct Candidates<'a> {
    /// Indices into the input, best first.
    by_score: &'a [usize],
    /// The same boxes, by left edge.
    by_edge: Vec<Candidate>,
    /// Where each of `by_score` stands in `by_edge`.
    place: Vec<usize>,
    widest: f64,
}

struct Candidate {
    bbox: BBox,
    /// Position in `by_score`.
    rank: usize,
    alive: bool,
}

impl<'a> Candidates<'a> {
    fn new(boxes: &[BBox], by_score: &'a [usize]) -> Self {
        let mut by_edge: Vec<Candidate> = (by_score.iter().enumerate())
            .map(|(rank, &index)| Candidate { bbox: boxes[index], rank, alive: true })
            .collect();
        by_edge.sort_by(|a, b| a.bbox.x1.total_cmp(&b.bbox.x1));
        let mut place = vec![0; by_edge.len()];
        for (at, candidate) in by_edge.iter().enumerate() {
            place[candidate.rank] = at;
        }
        let widest = by_edge.iter().map(|candidate| candidate.bbox.width()).fold(0.0, f64::max);
        Self { by_score, by_edge, place, widest }
    }

    /// The stretch of `by_edge` outside of which no box has an IoU above `threshold` with `bbox`.
    ///
    /// The widths a and b and their overlap w obey w > threshold * max(a, b). So the other's left edge lies left of ours
    /// by less than b - w < (1 - threshold) * b, where b < a / threshold; and right of ours by at most a - w.
    fn neighbours(&self, bbox: &BBox, threshold: f64) -> std::ops::Range<usize> {
        let width = bbox.width();
        let threshold = threshold.max(0.0);
        let widest = if threshold > 0.0 { self.widest.min(width / threshold) } else { self.widest };
        // Rounding must not lose a box at the border.
        let slack = 1e-9 * (1.0 + bbox.x1.abs().max(bbox.x2.abs()));
        let left = bbox.x1 - (1.0 - threshold) * widest - slack;
        let right = bbox.x2 - threshold * width + slack;
        let start = self.by_edge.partition_point(|other| other.bbox.x1 < left);
        let end = self.by_edge.partition_point(|other| other.bbox.x1 <= right);
        start..end.max(start)
    }

    /// Keeps the best box, removes those that overlap it, and so on. `keep` gets the index of each kept box and of those
    /// that it suppressed.
    fn greedy(
        mut self,
        config: &NmsConfig,
        overlap: fn(&BBox, &BBox) -> f64,
        mut keep: impl FnMut(KeptIndex, &[usize]),
    ) {
        let mut suppressed = Vec::new();
        let mut left_to_keep = config.max.unwrap_or(usize::MAX);
        for (rank, &index) in self.by_score.iter().enumerate() {
            let best = &mut self.by_edge[self.place[rank]];
            if !best.alive {
                continue;
            }
            if left_to_keep == 0 {
                break;
            }
            left_to_keep -= 1;
            best.alive = false;
            let bbox = best.bbox;
            suppressed.clear();
            let range = self.neighbours(&bbox, config.iou);
            for other in &mut self.by_edge[range] {
                if other.alive && overlap(&bbox, &other.bbox) > config.iou {
                    other.alive = false;
                    suppressed.push(self.by_score[other.rank]);
                }
            }
            keep(KeptIndex(index), &suppressed);
        }
    }

    /// Takes the box that now has the highest score, lowers the scores of the rest that overlap it by more than
    /// `threshold`, drops those that sink too low, and so on, as the authors' `cpu_soft_nms`.
    fn soft(
        mut self,
        config: &NmsConfig,
        scores: &[f64],
        threshold: f64,
        decay: impl Fn(f64) -> f64,
        kept: &mut Vec<Kept>,
    ) {
        let least = config.score.unwrap_or(f64::NEG_INFINITY);
        let mut current: Vec<f64> = self.by_score.iter().map(|&index| scores[index]).collect();
        let mut queue: BinaryHeap<Ranked> =
            current.iter().enumerate().map(|(rank, &score)| self.ranked(rank, score)).collect();
        let mut left_to_keep = config.max.unwrap_or(usize::MAX);
        while let Some(Ranked { score, rank, .. }) = queue.pop() {
            // Scores only sink, so a box whose score has changed since it was queued is queued again, further back.
            let best = &mut self.by_edge[self.place[rank]];
            if !best.alive {
                continue;
            }
            if current[rank] != score {
                let again = self.ranked(rank, current[rank]);
                queue.push(again);
                continue;
            }
            if left_to_keep == 0 {
                break;
            }
            left_to_keep -= 1;
            best.alive = false;
            let bbox = best.bbox;
            kept.push(Kept { index: self.by_score[rank], score, bbox });
            let range = self.neighbours(&bbox, threshold);
            for other in self.by_edge[range].iter_mut().filter(|other| other.alive) {
                let overlap = iou(&bbox, &other.bbox);
                if overlap > threshold {
                    current[other.rank] *= decay(overlap);
                    other.alive = current[other.rank] >= least;
                }
            }
        }
    }

    fn ranked(&self, rank: usize, score: f64) -> Ranked {
        Ranked { score, index: Reverse(self.by_score[rank]), rank }
    }
}

/// A box in the queue of the soft methods: the highest score first, then the lowest index.
#[derive(PartialEq)]
struct Ranked {
    score: f64,
    index: Reverse<usize>,
    rank: usize,
}

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(self.index.cmp(&other.index))
    }
}

/// The mean of a cluster's boxes, weighted by score; the kept box itself when all scores are 0.
fn weighted_mean(boxes: &[BBox], scores: &[f64], kept: usize, suppressed: &[usize]) -> BBox {
    let total: f64 = scores[kept] + suppressed.iter().map(|&index| scores[index]).sum::<f64>();
    if suppressed.is_empty() || total <= 0.0 {
        return boxes[kept];
    }
    let mut mean = [0.0; 4];
    for &index in std::iter::once(&kept).chain(suppressed) {
        for (edge, value) in mean.iter_mut().zip(<[f64; 4]>::from(boxes[index])) {
            *edge += scores[index] / total * value;
        }
    }
    mean.into()
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    /// A crowd of boxes of very different sizes, many overlapping, with equal scores and equal edges among them.
    fn crowd(seed: u64, count: usize) -> (Vec<BBox>, Vec<f64>, Vec<usize>) {
        let mut rng = dl_record::rng(seed, "crowd");
        let mut boxes = Vec::new();
        let mut scores = Vec::new();
        let mut classes = Vec::new();
        for _ in 0..count {
            let size = 2f64.powf(rng.random_range(0.0..7.0));
            let (x, y) = (rng.random_range(0.0..200.0_f64), rng.random_range(0.0..100.0_f64));
            let (width, height) = (size * rng.random_range(0.5..2.0), size * rng.random_range(0.0..2.0_f64));
            boxes.push(BBox::new(x.round(), y.round(), (x + width).round(), (y + height).round()));
            scores.push(f64::from(rng.random_range(0..50_u32)) / 50.0);
            classes.push(rng.random_range(0..3));
        }
        (boxes, scores, classes)
    }

    fn naive_greedy(
        (boxes, scores, classes): &(Vec<BBox>, Vec<f64>, Vec<usize>),
        threshold: f64,
        overlap: fn(&BBox, &BBox) -> f64,
    ) -> Vec<usize> {
        let mut order: Vec<usize> = (0..boxes.len()).collect();
        order.sort_by(|&a, &b| by_score(scores, a, b));
        let mut kept: Vec<usize> = Vec::new();
        for index in order {
            let covered = |&k: &usize| classes[k] == classes[index] && overlap(&boxes[k], &boxes[index]) > threshold;
            if !kept.iter().any(covered) {
                kept.push(index);
            }
        }
        kept
    }

    fn naive_soft(boxes: &[BBox], scores: &[f64], least: f64, weight: impl Fn(f64) -> f64) -> Vec<(usize, f64)> {
        let mut left: Vec<(usize, f64)> = scores.iter().copied().enumerate().collect();
        let mut kept = Vec::new();
        while !left.is_empty() {
            let mut best = 0;
            for at in 1..left.len() {
                if left[at].1 > left[best].1 {
                    best = at;
                }
            }
            let (index, score) = left.remove(best);
            kept.push((index, score));
            for (other, score) in &mut left {
                *score *= weight(iou(&boxes[index], &boxes[*other]));
            }
            left.retain(|(_, score)| *score >= least);
        }
        kept
    }

    #[test]
    fn comparing_a_range_of_boxes_gives_the_same_as_comparing_all_pairs() {
        for seed in 0..20 {
            let all = crowd(seed, 300);
            for threshold in [0.0, 0.05, 0.3, 0.5, 0.7, 0.95, 1.0] {
                for (method, overlap) in [(NmsMethod::Hard, iou as fn(&BBox, &BBox) -> f64), (NmsMethod::Diou, diou)] {
                    let config = NmsConfig { method, iou: threshold, ..NmsConfig::default() };
                    let found: Vec<usize> =
                        nms(&all.0, &all.1, &all.2, &config).iter().map(|kept| kept.index).collect();
                    assert_eq!(found, naive_greedy(&all, threshold, overlap), "seed {seed} {method:?} {threshold}");
                }
            }
        }
    }

    #[test]
    fn soft_nms_selects_again_after_each_decay() {
        for seed in 0..10 {
            let (boxes, scores, _) = crowd(seed, 200);
            let classes = vec![0; boxes.len()];
            let config = NmsConfig { iou: 0.3, score: Some(0.001), sigma: 0.5, ..NmsConfig::default() };
            let linear = NmsConfig { method: NmsMethod::SoftLinear, ..config };
            let gaussian = NmsConfig { method: NmsMethod::SoftGaussian, ..config };
            // Boxes that start below the least score are dropped at once; the authors' code selects them first.
            let live: Vec<f64> = scores.iter().map(|score| score.max(0.002)).collect();
            let wanted = naive_soft(&boxes, &live, 0.001, |iou| if iou > 0.3 { 1.0 - iou } else { 1.0 });
            check_soft(&nms(&boxes, &live, &classes, &linear), wanted);
            let wanted = naive_soft(&boxes, &live, 0.001, |iou| (-iou * iou / 0.5).exp());
            check_soft(&nms(&boxes, &live, &classes, &gaussian), wanted);
        }
    }

    #[track_caller]
    fn check_soft(found: &[Kept], mut wanted: Vec<(usize, f64)>) {
        wanted.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let found: Vec<(usize, f64)> = found.iter().map(|kept| (kept.index, kept.score)).collect();
        assert_eq!(found, wanted);
    }

    #[test]
    fn equal_scores_are_taken_in_input_order() {
        let boxes = [BBox::new(0.0, 0.0, 10.0, 10.0); 3];
        let kept = nms(&boxes, &[0.5, 0.5, 0.5], &[0, 0, 1], &NmsConfig::default());
        assert_eq!(kept.iter().map(|kept| kept.index).collect::<Vec<_>>(), [0, 2]);
    }

    #[test]
    fn weighted_boxes_are_the_mean_of_their_cluster() {
        let boxes =
            [BBox::new(0.0, 0.0, 10.0, 10.0), BBox::new(2.0, 0.0, 12.0, 10.0), BBox::new(50.0, 0.0, 60.0, 10.0)];
        let config = NmsConfig { method: NmsMethod::Weighted, ..NmsConfig::default() };
        let kept = nms(&boxes, &[0.75, 0.25, 0.5], &[0; 3], &config);
        assert_eq!(kept[0], Kept { index: 0, score: 0.75, bbox: BBox::new(0.5, 0.0, 10.5, 10.0) });
        assert_eq!(kept[1], Kept { index: 2, score: 0.5, bbox: boxes[2] });
        // Of boxes with score 0 no mean can be taken.
        assert_eq!(nms(&boxes, &[0.0; 3], &[0; 3], &config)[0].bbox, boxes[0]);
    }

    #[test]
    fn at_most_max_boxes_are_kept_over_all_classes() {
        let (boxes, scores, classes) = crowd(1, 200);
        let all = nms(&boxes, &scores, &classes, &NmsConfig::default());
        let few = nms(&boxes, &scores, &classes, &NmsConfig { max: Some(7), ..NmsConfig::default() });
        assert_eq!(few, all[..7]);
    }
}
