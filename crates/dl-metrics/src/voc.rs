//! VOC: average precision per class, by the rule of the VOC devkit's `VOCevaldet.m`.
//!
//! Detections of a class are taken by falling score over all images, ties in input order. Each goes to the true box of
//! its class and image that it overlaps most, whether or not another has taken it: IoU at least the threshold makes the
//! first a true positive, later ones false positives; a box marked difficult (or crowd) makes it neither. Images are
//! matched as they come, so that only a score and a verdict is kept of each detection.

use std::collections::BTreeMap;

use dl_record::{Detection, Object};
use dl_vision::boxes::{iou, iou_inclusive};

use crate::matching::{Verdict, counts, match_detections};

/// Options of the evaluation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VocConfig {
    /// Overlap from which a detection has found a true box, from 0 to 1.
    pub iou: f64,
    /// Overlap as the devkit counts it, every side one longer; otherwise of continuous boxes.
    pub plus_one: bool,
}

impl Default for VocConfig {
    fn default() -> Self {
        Self { iou: 0.5, plus_one: false }
    }
}

/// Takes images one by one.
#[derive(Clone, Debug)]
pub struct VocEvaluator {
    config: VocConfig,
    classes: BTreeMap<String, Class>,
    images: usize,
}

#[derive(Clone, Debug, Default)]
struct Class {
    truth: usize,
    difficult: usize,
    /// In input order.
    verdicts: Vec<(f64, Verdict)>,
}

/// The figures of all classes.
#[derive(Clone, Debug, PartialEq)]
pub struct VocReport {
    /// How many images were evaluated.
    pub images: usize,
    /// By label.
    pub classes: Vec<VocClass>,
}

/// The figures of one class.
#[derive(Clone, Debug, PartialEq)]
pub struct VocClass {
    /// Its name.
    pub label: String,
    /// True boxes that count.
    pub truth: usize,
    /// True boxes that do not: difficult or crowd.
    pub difficult: usize,
    /// How many detections it got.
    pub detections: usize,
    /// Detections that found a true box.
    pub true_positives: usize,
    /// Detections that found none, or one already found.
    pub false_positives: usize,
    /// Mean of the best precision at recalls 0, 0.1, ..., 1 (VOC 2007); `None` without a true box that counts.
    pub ap_11_points: Option<f64>,
    /// Area under the precision-recall curve made monotone (VOC 2010 and later); `None` as above.
    pub ap_all_points: Option<f64>,
    /// Precision after each detection that counts, by falling score.
    pub precision: Vec<f64>,
    /// Recall after each of the same detections.
    pub recall: Vec<f64>,
    /// Score of each of the same detections.
    pub scores: Vec<f64>,
}

impl VocEvaluator {
    /// An evaluation of no image yet.
    pub fn new(config: VocConfig) -> Self {
        Self { config, classes: BTreeMap::new(), images: 0 }
    }

    /// Counts one image's true and found boxes.
    pub fn add(&mut self, objects: &[Object], detections: &[Detection]) {
        self.images += 1;
        for object in objects {
            let class = self.class(&object.label);
            if counts(object) {
                class.truth += 1;
            } else {
                class.difficult += 1;
            }
        }
        let overlap = if self.config.plus_one { iou_inclusive } else { iou };
        let verdicts = match_detections(objects, detections, self.config.iou, overlap);
        for (detection, verdict) in detections.iter().zip(verdicts) {
            self.class(&detection.label).verdicts.push((detection.score, verdict));
        }
    }

    fn class(&mut self, label: &str) -> &mut Class {
        if !self.classes.contains_key(label) {
            self.classes.insert(label.to_owned(), Class::default());
        }
        self.classes.get_mut(label).expect("it was just put there")
    }

    /// The figures of all images so far.
    pub fn finish(self) -> VocReport {
        let classes = self.classes.into_iter().map(|(label, class)| class.finish(label)).collect();
        VocReport { images: self.images, classes }
    }
}

impl Class {
    fn finish(self, label: String) -> VocClass {
        let mut verdicts = self.verdicts;
        // Stable: ties stay in input order.
        verdicts.sort_by(|a, b| b.0.total_cmp(&a.0));
        let detections = verdicts.len();
        let (mut precision, mut recall, mut scores) = (Vec::new(), Vec::new(), Vec::new());
        let (mut true_positives, mut false_positives) = (0, 0);
        for (score, verdict) in verdicts {
            match verdict {
                Verdict::Right(_) => true_positives += 1,
                Verdict::Duplicate(_) | Verdict::Unmatched => false_positives += 1,
                // It moves neither precision nor recall.
                Verdict::Ignored(_) => continue,
            }
            precision.push(true_positives as f64 / (true_positives + false_positives) as f64);
            recall.push(true_positives as f64 / self.truth.max(1) as f64);
            scores.push(score);
        }
        let defined = self.truth > 0;
        VocClass {
            label,
            truth: self.truth,
            difficult: self.difficult,
            detections,
            true_positives,
            false_positives,
            ap_11_points: defined.then(|| ap_11_points(&precision, &recall)),
            ap_all_points: defined.then(|| ap_all_points(&precision, &recall)),
            precision,
            recall,
            scores,
        }
    }
}

/// The points are those of the Python ports, `np.arange(0, 1.1, 0.1)`: the fourth is a hair above 0.3, so that a recall of
/// exactly three tenths does not reach it. Published figures depend on it.
fn ap_11_points(precision: &[f64], recall: &[f64]) -> f64 {
    let best_from = |point: f64| {
        let reached = precision.iter().zip(recall).filter(|(_, recall)| **recall >= point);
        reached.map(|(precision, _)| *precision).fold(0.0, f64::max)
    };
    (0..=10).map(|tenth| best_from(f64::from(tenth) * 0.1)).sum::<f64>() / 11.0
}

fn ap_all_points(precision: &[f64], recall: &[f64]) -> f64 {
    let mut area = 0.0;
    let mut envelope = 0.0_f64;
    for index in (0..precision.len()).rev() {
        envelope = envelope.max(precision[index]);
        let before = if index == 0 { 0.0 } else { recall[index - 1] };
        area += (recall[index] - before) * envelope;
    }
    area
}

impl VocReport {
    /// Mean of `figure` over the classes that have it; `None` when none has.
    pub fn mean(&self, figure: impl Fn(&VocClass) -> Option<f64>) -> Option<f64> {
        let values: Vec<f64> = self.classes.iter().filter_map(figure).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }
}

#[cfg(test)]
mod tests {
    use dl_record::BBox;

    use super::*;

    fn object(x: f64, difficult: bool) -> Object {
        let bbox = BBox::new(x, 0.0, x + 10.0, 10.0);
        Object { bbox, label: "dog".into(), difficult, ..Object::default() }
    }

    fn detection(x: f64, score: f64) -> Detection {
        let bbox = BBox::new(x, 0.0, x + 10.0, 10.0);
        Detection { bbox, label: "dog".into(), score, mask: None, proposal: None, extra: Default::default() }
    }

    fn evaluate(objects: &[Object], detections: &[Detection]) -> VocClass {
        let mut evaluator = VocEvaluator::new(VocConfig::default());
        evaluator.add(objects, detections);
        evaluator.finish().classes.remove(0)
    }

    #[test]
    fn a_second_detection_of_a_box_is_a_false_positive_even_beside_a_free_one() {
        // The second detection overlaps the first box more than the free one: the devkit does not look further.
        let objects = [object(0.0, false), object(4.0, false)];
        let class = evaluate(&objects, &[detection(0.0, 0.9), detection(1.0, 0.8)]);
        assert_eq!((class.true_positives, class.false_positives), (1, 1));
        assert_eq!(class.ap_all_points, Some(0.5));
        // Precision 1 up to recall 0.5: six of eleven points.
        assert_eq!(class.ap_11_points, Some(6.0 / 11.0));
    }

    #[test]
    fn a_difficult_box_neither_helps_nor_harms() {
        let objects = [object(0.0, true), object(50.0, false)];
        let detections = [detection(0.0, 0.9), detection(0.0, 0.8), detection(50.0, 0.7)];
        let class = evaluate(&objects, &detections);
        assert_eq!((class.truth, class.difficult, class.detections), (1, 1, 3));
        assert_eq!((class.true_positives, class.false_positives), (1, 0));
        assert_eq!(class.ap_all_points, Some(1.0));
    }

    #[test]
    fn a_class_without_truth_has_no_ap_and_does_not_count_in_the_mean() {
        let mut evaluator = VocEvaluator::new(VocConfig::default());
        let cat = Detection { label: "cat".into(), ..detection(0.0, 0.5) };
        evaluator.add(&[object(0.0, false)], &[detection(0.0, 0.9), cat]);
        let report = evaluator.finish();
        assert_eq!(report.classes[0].ap_all_points, None);
        assert_eq!(report.mean(|class| class.ap_all_points), Some(1.0));
        assert_eq!(VocEvaluator::new(VocConfig::default()).finish().mean(|class| class.ap_all_points), None);
    }

    #[test]
    fn equal_scores_are_taken_in_input_order() {
        let far = detection(90.0, 0.5);
        let class = evaluate(&[object(0.0, false)], &[detection(0.0, 0.5), far.clone()]);
        assert_eq!(class.precision, [1.0, 0.5]);
        let class = evaluate(&[object(0.0, false)], &[far, detection(0.0, 0.5)]);
        assert_eq!(class.precision, [0.0, 0.5]);
    }

    #[test]
    fn the_eleven_points_are_those_of_the_python_ports() {
        let objects: Vec<Object> = (0..10).map(|i| object(f64::from(i) * 20.0, false)).collect();
        let detections: Vec<Detection> = (0..3).map(|i| detection(f64::from(i) * 20.0, 0.5)).collect();
        assert_eq!(evaluate(&objects, &detections).ap_11_points, Some(3.0 / 11.0));
    }
}
