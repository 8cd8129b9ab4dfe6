//! What the generations of YOLO have in common: candidates, each a box with a class, and their suppression per class.

use dl_record::BBox;
use dl_vision::boxes::{NmsConfig, NmsMethod, nms};

use super::{Found, Placed, Rules};

/// Boxes with classes and scores, before suppression. A box with several likely classes is several candidates.
#[derive(Default)]
pub(super) struct Candidates {
    boxes: Vec<BBox>,
    scores: Vec<f64>,
    classes: Vec<usize>,
}

/// Which candidates become objects.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Suppression {
    /// A candidate's score is above this.
    pub score: f64,
    /// The IoU above which a better box of the same class suppresses a box.
    pub iou: f64,
    /// Whether boxes are cut to the image, and those outside dropped. This is done after the suppression.
    pub clip: bool,
}

impl Suppression {
    /// Whether a candidate with this score may become an object. Never one whose score is not a number.
    pub(super) fn keeps(&self, score: f32, rules: &Rules) -> bool {
        let score = f64::from(score);
        match rules.score {
            Some(least) => score >= least,
            None => score > self.score,
        }
    }

    /// The objects, best first, ties in the order of the candidates.
    pub(super) fn objects(&self, candidates: &Candidates, placed: &Placed, rules: &Rules) -> Vec<Found> {
        let Candidates { boxes, scores, classes } = candidates;
        let boxes: Vec<BBox> = boxes.iter().map(|bbox| placed.to_image(*bbox)).collect();
        let order: Vec<usize> = if rules.raw {
            let mut order: Vec<usize> = (0..boxes.len()).collect();
            order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
            order
        } else {
            let config = NmsConfig { method: NmsMethod::Hard, iou: self.iou, ..NmsConfig::default() };
            nms(&boxes, scores, classes, &config).into_iter().map(|kept| kept.index).collect()
        };
        let found = order.into_iter().filter_map(|index| {
            let bbox = if self.clip { placed.clip(boxes[index]) } else { boxes[index] };
            // The class values of YOLOv1 are not squashed.
            let score = scores[index].min(1.0);
            (bbox.area() > 0.0).then_some(Found { bbox, class: classes[index], score, mask: None })
        });
        let most = rules.max.filter(|_| !rules.raw).unwrap_or(usize::MAX);
        found.take(most).collect()
    }
}

impl Candidates {
    /// Adds a box [center x, center y, width, height], in fractions of the input of `size` [height, width] pixels.
    pub(super) fn add(&mut self, bbox: [f32; 4], size: [usize; 2], class: usize, score: f32) {
        let [x, y, width, height] = bbox.map(f64::from);
        let [rows, columns] = size.map(|side| side as f64);
        let [x1, x2] = [x - width / 2.0, x + width / 2.0].map(|x| x * columns);
        let [y1, y2] = [y - height / 2.0, y + height / 2.0].map(|y| y * rows);
        let bbox = BBox::new(x1, y1, x2, y2);
        // Weights may be broken, or an exponential may overflow.
        if bbox.check().is_ok() && score.is_finite() {
            self.boxes.push(bbox);
            self.scores.push(score.into());
            self.classes.push(class);
        }
    }
}

/// 1 / (1 + exp(-x))
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// Softmax, in place.
pub(super) fn softmax(values: &mut [f32]) {
    let largest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for value in values.iter_mut() {
        *value = (*value - largest).exp();
        sum += *value;
    }
    for value in values {
        *value /= sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECIPE: Suppression = Suppression { score: 0.2, iou: 0.4, clip: true };

    fn objects(candidates: &[([f32; 4], usize, f32)], rules: &Rules) -> Vec<(usize, f64)> {
        let placed = Placed { image: [100, 50], source: BBox::new(0.0, 0.0, 100.0, 50.0), size: [10, 10] };
        let mut all = Candidates::default();
        for (bbox, class, score) in candidates {
            all.add(*bbox, placed.size, *class, *score);
        }
        RECIPE.objects(&all, &placed, rules).into_iter().map(|found| (found.class, found.score)).collect()
    }

    #[test]
    fn a_box_is_suppressed_by_a_better_one_of_its_class_only() {
        let bbox = [0.5, 0.5, 0.2, 0.2];
        let all = [(bbox, 0, 0.25), (bbox, 1, 0.5), (bbox, 0, 0.75)];
        assert_eq!(objects(&all, &Rules::default()), [(0, 0.75), (1, 0.5)]);
        assert_eq!(objects(&all, &Rules { max: Some(1), ..Rules::default() }), [(0, 0.75)]);
        let raw = Rules { raw: true, max: Some(1), ..Rules::default() };
        assert_eq!(objects(&all, &raw), [(0, 0.75), (1, 0.5), (0, 0.25)]);
    }

    #[test]
    fn broken_and_outside_boxes_are_dropped() {
        let all = [
            ([f32::NAN, 0.5, 0.2, 0.2], 0, 0.5),
            ([0.5, 0.5, f32::INFINITY, 0.2], 0, 0.5),
            ([0.5, 0.5, 0.2, 0.2], 0, f32::NAN),
            ([-0.5, 0.5, 0.2, 0.2], 0, 0.5),
            ([0.5, 0.5, 0.0, 0.2], 0, 0.5),
            ([0.5, 0.5, 0.2, 0.2], 3, 1.5),
        ];
        assert_eq!(objects(&all, &Rules::default()), [(3, 1.0)]);
    }

    #[test]
    fn the_threshold_of_the_recipe_is_exclusive_and_that_of_the_user_inclusive() {
        let rules = Rules { score: Some(0.5), ..Rules::default() };
        assert!(RECIPE.keeps(0.5, &rules) && !RECIPE.keeps(0.49, &rules));
        let half = Suppression { score: 0.5, ..RECIPE };
        assert!(!half.keeps(0.5, &Rules::default()) && half.keeps(0.51, &Rules::default()));
        assert!(!half.keeps(f32::NAN, &Rules::default()));
    }
}
