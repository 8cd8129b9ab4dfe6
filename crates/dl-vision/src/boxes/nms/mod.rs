//! Non-maximum suppression: reduces many boxes on one object to one.
//!
//! All methods work class by class, take boxes by descending score (ties by input index), and compare with IoU >
//! threshold, like R-CNN's and torchvision's `nms`. The result is that of comparing all pairs, but a box is compared
//! only with those that [`grid`] finds near it and of similar size.

mod greedy;
mod grid;
mod order;
mod soft;

use dl_record::BBox;

use order::by_class_and_score;

/// How to treat overlapping boxes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NmsMethod {
    /// A box that overlaps a better one by more than the threshold is removed (greedy NMS).
    #[default]
    Hard,
    /// Soft-NMS (Bodla et al. 2017), linear: its score is multiplied by 1 - IoU.
    SoftLinear,
    /// Soft-NMS, Gaussian: the score of every overlapping box is multiplied by exp(-IoU^2 / sigma).
    SoftGaussian,
    /// As [`Hard`](Self::Hard), with distance IoU (Zheng et al. 2020) instead of IoU.
    Diou,
    /// As [`Hard`](Self::Hard), but a kept box becomes the score-weighted mean of itself and the boxes that it
    /// suppressed (weighted NMS, Zhou et al. 2017); it keeps its score.
    Weighted,
}

impl NmsMethod {
    /// Scores are factors or weights in these methods, so they must not be negative.
    pub fn needs_scores_above_zero(self) -> bool {
        matches!(self, Self::SoftLinear | Self::SoftGaussian | Self::Weighted)
    }
}

/// Options of suppression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NmsConfig {
    /// How to treat overlapping boxes.
    pub method: NmsMethod,
    /// Overlap above which a box is suppressed, from 0 to 1; not used by the Gaussian method.
    pub iou: f64,
    /// Boxes with a score below this are dropped; in the soft methods also when their score falls below it.
    pub score: Option<f64>,
    /// The most boxes to keep, the best of all classes.
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
    /// Its score, which a soft method may have lowered.
    pub score: f64,
    /// Its box, which the weighted method may have moved.
    pub bbox: BBox,
}

/// The kept boxes by descending score, ties by input index.
///
/// `boxes`, with finite edges, `scores` and `classes` have one entry per box; boxes of different classes do not
/// compete.
pub fn nms(boxes: &[BBox], scores: &[f64], classes: &[usize], config: &NmsConfig) -> Vec<Kept> {
    debug_assert!(boxes.len() == scores.len() && boxes.len() == classes.len());
    let mut kept = Vec::new();
    let order = by_class_and_score(scores, classes, config.score);
    for class in order.chunk_by(|&a, &b| classes[a] == classes[b]) {
        let class = Class {
            indices: class,
            boxes: class.iter().map(|&index| boxes[index]).collect(),
            scores: class.iter().map(|&index| scores[index]).collect(),
        };
        match config.method {
            NmsMethod::Hard | NmsMethod::Diou => greedy::select(&class, config, &mut kept),
            NmsMethod::Weighted => greedy::select_weighted(&class, config, &mut kept),
            NmsMethod::SoftLinear => soft::select(&class, config, config.iou, |overlap| 1.0 - overlap, &mut kept),
            NmsMethod::SoftGaussian => {
                let decay = |overlap: f64| (-overlap * overlap / config.sigma).exp();
                soft::select(&class, config, 0.0, decay, &mut kept);
            }
        }
    }
    kept.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.index.cmp(&b.index)));
    kept.truncate(config.max.unwrap_or(usize::MAX));
    kept
}

/// The boxes of one class, best first. A box's position here is its rank.
struct Class<'a> {
    /// Their indices in the input.
    indices: &'a [usize],
    boxes: Vec<BBox>,
    scores: Vec<f64>,
}

impl Class<'_> {
    fn kept(&self, rank: usize) -> Kept {
        Kept { index: self.indices[rank], score: self.scores[rank], bbox: self.boxes[rank] }
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use rand::RngExt;

    use super::*;
    use crate::boxes::{diou, iou};

    type Crowd = (Vec<BBox>, Vec<f64>, Vec<usize>);

    /// Boxes of very different sizes, many of which overlap, some with equal scores and edges.
    fn crowd(seed: u64, count: usize) -> Crowd {
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

    /// Boxes that are difficult for the grid, a few hundred of each kind.
    fn awkward(seed: u64) -> Vec<(&'static str, Crowd)> {
        let mut rng = dl_record::rng(seed, "awkward");
        let around = |x: f64, y: f64, width: f64, height: f64| BBox::new(x, y, x + width, y + height);
        let mut kinds: Vec<(&'static str, Vec<BBox>)> = Vec::new();
        let mut kind = |name, draw: &mut dyn FnMut(usize) -> BBox| kinds.push((name, (0..300).map(draw).collect()));
        kind("all the same", &mut |_| around(3.0, 4.0, 20.0, 10.0));
        kind("nearly the same", &mut |_| {
            around(rng.random_range(0.0..2.0), 0.0, rng.random_range(19.0..21.0), rng.random_range(19.0..21.0))
        });
        kind("giants over dwarfs", &mut |index| match index % 50 {
            0 => around(0.0, 0.0, 1e4, 1e4),
            1 => around(-1e9, -1e9, 2e9, 2e9),
            _ => around(rng.random_range(0.0..50.0), rng.random_range(0.0..50.0), 1.0, 1.0),
        });
        kind("elongated", &mut |index| {
            let (long, thin) = (rng.random_range(100.0..1000.0), rng.random_range(0.01..1.0));
            let (x, y) = (rng.random_range(0.0..10.0), rng.random_range(0.0..10.0));
            if index % 2 == 0 { around(x, y, long, thin) } else { around(x, y, thin, long) }
        });
        kind("of every size", &mut |_| {
            let size = 10_f64.powf(rng.random_range(-12.0..12.0));
            around(size * rng.random_range(-1.0..1.0), size * rng.random_range(-1.0..1.0), size, 1.3 * size)
        });
        kind("far away", &mut |_| {
            around(rng.random_range(-1e15..1e15_f64).round(), -1e15 + rng.random_range(0.0..9.0_f64).round(), 5e14, 7.0)
        });
        kind("at the limits of numbers", &mut |index| {
            let scale = [1e-320, 1e-308, 1e-160, 1e-150, 1e150, 1e160, 1e307][index % 7];
            let mut edge = || scale * rng.random_range(-16.0..16.0_f64).round();
            let (x1, y1, x2, y2) = (edge(), edge(), edge(), edge());
            BBox::new(x1.min(x2), y1.min(y2), x1.max(x2), y1.max(y2))
        });
        kind("empty, inverted and touching", &mut |_| {
            let mut edge = || f64::from(rng.random_range(-2..3_i32));
            BBox::new(edge(), edge(), edge(), edge())
        });
        kind("in clusters around objects", &mut |index| {
            let (x, y, size) = ((index % 7 * 40) as f64, (index % 5 * 40) as f64, 20.0 + (index % 3 * 30) as f64);
            let mut near = |value: f64| value + size * rng.random_range(-0.2..0.2);
            BBox::new(near(x), near(y), near(x + size), near(y + size))
        });
        let crowd = |(name, boxes): (_, Vec<BBox>)| {
            let scores = boxes.iter().map(|_| f64::from(rng.random_range(0..200_u32)) / 200.0).collect();
            let classes = boxes.iter().map(|_| rng.random_range(0..2)).collect();
            (name, (boxes, scores, classes))
        };
        kinds.into_iter().map(crowd).collect()
    }

    fn by_score(scores: &[f64], a: usize, b: usize) -> Ordering {
        scores[b].total_cmp(&scores[a]).then(a.cmp(&b))
    }

    fn indices(kept: &[Kept]) -> Vec<usize> {
        kept.iter().map(|kept| kept.index).collect()
    }

    fn naive_greedy((boxes, scores, classes): &Crowd, threshold: f64, overlap: fn(&BBox, &BBox) -> f64) -> Vec<usize> {
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
    fn comparing_near_boxes_gives_the_same_as_comparing_all_pairs() {
        for seed in 0..20 {
            let all = crowd(seed, 300);
            for threshold in [0.0, 0.05, 0.3, 0.5, 0.7, 0.95, 1.0] {
                for (method, overlap) in [(NmsMethod::Hard, iou as fn(&BBox, &BBox) -> f64), (NmsMethod::Diou, diou)] {
                    let config = NmsConfig { method, iou: threshold, ..NmsConfig::default() };
                    let found = indices(&nms(&all.0, &all.1, &all.2, &config));
                    assert_eq!(found, naive_greedy(&all, threshold, overlap), "seed {seed} {method:?} {threshold}");
                }
            }
        }
    }

    #[test]
    fn difficult_boxes_are_suppressed_as_by_comparing_all_pairs() {
        for (seed, threshold) in [(0, 0.0), (1, 1e-13), (2, 0.05), (3, 0.3), (4, 0.5), (5, 0.7), (6, 0.95), (7, 1.0)] {
            for (name, all) in awkward(seed) {
                for (method, overlap) in [(NmsMethod::Hard, iou as fn(&BBox, &BBox) -> f64), (NmsMethod::Diou, diou)] {
                    let config = NmsConfig { method, iou: threshold, ..NmsConfig::default() };
                    let found = indices(&nms(&all.0, &all.1, &all.2, &config));
                    assert_eq!(found, naive_greedy(&all, threshold, overlap), "{name}: {method:?} {threshold}");
                }
                // The weighted method moves boxes, but keeps the same ones.
                let config = NmsConfig { method: NmsMethod::Weighted, iou: threshold, ..NmsConfig::default() };
                let found = indices(&nms(&all.0, &all.1, &all.2, &config));
                assert_eq!(found, naive_greedy(&all, threshold, iou), "{name}: weighted {threshold}");
            }
        }
    }

    #[test]
    fn difficult_boxes_lose_score_as_by_comparing_all_pairs() {
        for (name, (boxes, scores, _)) in awkward(9) {
            let live: Vec<f64> = scores.iter().map(|score| score.max(0.002)).collect();
            let classes = vec![0; boxes.len()];
            let config = NmsConfig { score: Some(0.001), ..NmsConfig::default() };
            for threshold in [0.0, 0.3, 0.8] {
                let linear = NmsConfig { method: NmsMethod::SoftLinear, iou: threshold, ..config };
                let expected = naive_soft(&boxes, &live, 0.001, |iou| if iou > threshold { 1.0 - iou } else { 1.0 });
                check_soft(&nms(&boxes, &live, &classes, &linear), expected, name);
            }
            let gaussian = NmsConfig { method: NmsMethod::SoftGaussian, ..config };
            let expected =
                naive_soft(&boxes, &live, 0.001, |iou| if iou > 0.0 { (-iou * iou / 0.5).exp() } else { 1.0 });
            check_soft(&nms(&boxes, &live, &classes, &gaussian), expected, name);
        }
    }

    #[test]
    fn clusters_move_to_the_mean_of_the_suppressed_boxes() {
        let (boxes, scores, _) = crowd(3, 300);
        let config = NmsConfig { method: NmsMethod::Weighted, iou: 0.3, ..NmsConfig::default() };
        let kept = nms(&boxes, &scores, &[0; 300], &config);
        let mut left: Vec<usize> = (0..300).collect();
        left.sort_by(|&a, &b| by_score(&scores, a, b));
        for found in kept {
            let head = left[0];
            let (cluster, rest): (Vec<usize>, Vec<usize>) =
                left.iter().partition(|&&other| other == head || iou(&boxes[head], &boxes[other]) > 0.3);
            left = rest;
            let total: f64 = cluster.iter().map(|&index| scores[index]).sum();
            if total > 0.0 {
                let mean = |edge: fn(&BBox) -> f64| {
                    cluster.iter().map(|&index| scores[index] * edge(&boxes[index])).sum::<f64>() / total
                };
                let expected = BBox::new(mean(|b| b.x1), mean(|b| b.y1), mean(|b| b.x2), mean(|b| b.y2));
                let pairs = <[f64; 4]>::from(found.bbox).into_iter().zip(<[f64; 4]>::from(expected));
                assert!(
                    pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-9),
                    "{head}: {found:?}, expected {expected:?}"
                );
            }
            assert_eq!(found.index, head);
        }
        assert!(left.is_empty());
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
            let expected = naive_soft(&boxes, &live, 0.001, |iou| if iou > 0.3 { 1.0 - iou } else { 1.0 });
            check_soft(&nms(&boxes, &live, &classes, &linear), expected, "linear");
            let expected = naive_soft(&boxes, &live, 0.001, |iou| (-iou * iou / 0.5).exp());
            check_soft(&nms(&boxes, &live, &classes, &gaussian), expected, "gaussian");
        }
    }

    #[track_caller]
    fn check_soft(found: &[Kept], mut expected: Vec<(usize, f64)>, name: &str) {
        expected.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let found: Vec<(usize, f64)> = found.iter().map(|kept| (kept.index, kept.score)).collect();
        assert_eq!(found, expected, "{name}");
    }

    #[test]
    fn equal_scores_are_taken_in_input_order() {
        let boxes = [BBox::new(0.0, 0.0, 10.0, 10.0); 3];
        let kept = nms(&boxes, &[0.5, 0.5, 0.5], &[0, 0, 1], &NmsConfig::default());
        assert_eq!(indices(&kept), [0, 2]);
    }

    #[test]
    fn weighted_boxes_are_the_mean_of_their_cluster() {
        let boxes =
            [BBox::new(0.0, 0.0, 10.0, 10.0), BBox::new(2.0, 0.0, 12.0, 10.0), BBox::new(50.0, 0.0, 60.0, 10.0)];
        let config = NmsConfig { method: NmsMethod::Weighted, ..NmsConfig::default() };
        let kept = nms(&boxes, &[0.75, 0.25, 0.5], &[0; 3], &config);
        assert_eq!(kept[0], Kept { index: 0, score: 0.75, bbox: BBox::new(0.5, 0.0, 10.5, 10.0) });
        assert_eq!(kept[1], Kept { index: 2, score: 0.5, bbox: boxes[2] });
        // Boxes with score 0 have no mean.
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
