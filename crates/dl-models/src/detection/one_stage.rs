//! From scored boxes to detections, as one-stage detectors do it: threshold and best `top_k` of each class, suppression
//! within each class, best `keep` of all.

use std::cmp::Ordering;

use dl_record::BBox;
use dl_vision::boxes::{NmsConfig, nms};

use super::Rules;

/// Which scored boxes become detections.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Selection {
    /// The least score.
    pub score: f64,
    /// The most boxes of a class that enter suppression.
    pub top_k: usize,
    /// Overlap above which a better box of the class suppresses another one.
    pub iou: f64,
    /// The most detections of an image.
    pub keep: usize,
}

/// A box as an object of one class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Index of the box.
    pub index: usize,
    /// The class.
    pub class: usize,
    /// From 0 to 1.
    pub score: f64,
}

impl Selection {
    /// The recipe with the user's changes.
    #[must_use]
    pub fn with(self, rules: &Rules) -> Self {
        Self { score: rules.score.unwrap_or(self.score), keep: rules.max.unwrap_or(self.keep), ..self }
    }

    /// The detections among `candidates`, all of which have at least the least score: best first, ties by class, then by
    /// index. `raw`: all of them.
    pub fn select(&self, boxes: &[BBox], mut candidates: Vec<Candidate>, raw: bool) -> Vec<Candidate> {
        if raw {
            candidates.sort_unstable_by(best_first);
            return candidates;
        }
        // The best candidates alone decide which are the best detections. So with a least score near 0 the many others
        // are looked at only if too few of the best survive.
        let mut count = self.keep.saturating_mul(16);
        loop {
            if count < candidates.len() {
                candidates.select_nth_unstable_by(count, best_first);
            }
            let kept = self.suppress(boxes, &candidates[..count.min(candidates.len())]);
            if kept.len() >= self.keep || count >= candidates.len() {
                return kept;
            }
            count = count.saturating_mul(8);
        }
    }

    /// The detections among `candidates` alone.
    fn suppress(&self, boxes: &[BBox], candidates: &[Candidate]) -> Vec<Candidate> {
        let mut candidates = candidates.to_vec();
        candidates.sort_unstable_by(|a, b| a.class.cmp(&b.class).then_with(|| best_first(a, b)));
        let by_class = candidates.chunk_by(|a, b| a.class == b.class);
        let candidates: Vec<Candidate> =
            by_class.flat_map(|class| &class[..class.len().min(self.top_k)]).copied().collect();
        let classes: Vec<usize> = candidates.iter().map(|candidate| candidate.class).collect();
        let scores: Vec<f64> = candidates.iter().map(|candidate| candidate.score).collect();
        let boxes: Vec<BBox> = candidates.iter().map(|candidate| boxes[candidate.index]).collect();
        let config = NmsConfig { iou: self.iou, max: Some(self.keep), ..NmsConfig::default() };
        nms(&boxes, &scores, &classes, &config).into_iter().map(|kept| candidates[kept.index]).collect()
    }
}

/// By descending score, ties by class, then by index.
fn best_first(a: &Candidate, b: &Candidate) -> Ordering {
    b.score.total_cmp(&a.score).then(a.class.cmp(&b.class)).then(a.index.cmp(&b.index))
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    const BOXES: [BBox; 3] =
        [BBox::new(0.0, 0.0, 10.0, 10.0), BBox::new(0.0, 0.0, 10.0, 9.0), BBox::new(50.0, 0.0, 60.0, 10.0)];

    fn candidates() -> Vec<Candidate> {
        let scored = [(0, 1, 0.5), (1, 1, 0.75), (2, 1, 0.25), (0, 2, 0.5), (1, 2, 0.5)];
        scored.map(|(index, class, score)| Candidate { index, class, score }).to_vec()
    }

    fn selected(selection: Selection, raw: bool) -> Vec<(usize, usize)> {
        selection.select(&BOXES, candidates(), raw).into_iter().map(|found| (found.index, found.class)).collect()
    }

    #[test]
    fn suppression_is_within_a_class_and_the_best_of_all_are_kept() {
        let selection = Selection { score: 0.0, top_k: 10, iou: 0.5, keep: 10 };
        assert_eq!(selected(selection, false), [(1, 1), (0, 2), (2, 1)]);
        assert_eq!(selected(Selection { keep: 2, ..selection }, false), [(1, 1), (0, 2)]);
        assert_eq!(selected(Selection { top_k: 2, ..selection }, false), [(1, 1), (0, 2)]);
        assert_eq!(selected(Selection { top_k: 1, keep: 1, ..selection }, true).len(), 5);
    }
    #[test]
    fn looking_at_the_best_candidates_first_changes_nothing() {
        let mut rng = dl_record::rng(0, "candidates");
        let mut edge = || rng.random_range(0.0..40.0_f64).round();
        let boxes: Vec<BBox> = (0..400)
            .map(|_| {
                let (x, y) = (edge(), edge());
                BBox::new(x, y, x + edge(), y + edge())
            })
            .collect();
        let candidates: Vec<Candidate> = (0..2000)
            .map(|number| {
                let score = f64::from(rng.random_range(0..100_u32)) / 100.0;
                Candidate { index: number / 5, class: number % 5, score }
            })
            .collect();
        for (top_k, iou) in [(usize::MAX, 0.0), (usize::MAX, 0.6), (30, 0.3), (400, 0.9)] {
            let all = Selection { score: 0.0, top_k, iou, keep: usize::MAX };
            let expected = all.select(&boxes, candidates.clone(), false);
            for keep in [0, 1, 7, 100, 1999] {
                let found = Selection { keep, ..all }.select(&boxes, candidates.clone(), false);
                assert_eq!(found, expected[..keep.min(expected.len())], "top_k {top_k}, IoU {iou}, keep {keep}");
            }
        }
    }
}
