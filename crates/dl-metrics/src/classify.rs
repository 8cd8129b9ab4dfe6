//! Classification: accuracy, precision and recall per class, the confusion matrix, ROC AUC, calibration.
//!
//! A sample has one true label and a list of predictions, best first. The list may be truncated: a class that is not
//! listed has the score 0. Definitions follow scikit-learn (`precision_recall_fscore_support`, one-vs-rest
//! `roc_auc_score`) and, for calibration, Guo et al. 2017, On calibration of modern neural networks.

use std::collections::{BTreeMap, HashMap};

use dl_record::Prediction;

use crate::confusion::Confusion;

/// Bins of the calibration error.
const BINS: usize = 15;

/// Evaluates samples one by one. It keeps one number per prediction, so that memory grows with the predictions and not
/// with the square of the number of classes.
#[derive(Clone, Debug)]
pub struct ClassifyEvaluator {
    /// The index of each label, in order of appearance.
    indices: HashMap<String, usize>,
    classes: Vec<Counted>,
    /// How often samples of a true class were predicted as another or the same.
    confusion: HashMap<(usize, usize), u64>,
    samples: usize,
    /// Sums of weights: of all samples, of those whose first prediction is right, of those with the class among five.
    weight: f64,
    top1: f64,
    top5: f64,
    /// Per bin: the sum of the weighted scores, and the weight of the samples that are right. `None` once a score is
    /// not a probability.
    bins: Option<[(f64, f64); BINS]>,
}

/// Counts and scores of a class.
#[derive(Clone, Debug, Default)]
struct Counted {
    /// Samples, and their weight.
    truth: (usize, f64),
    predicted: (usize, f64),
    /// Weight of the samples that were rightly predicted as this class.
    right: f64,
    /// Its scores in the samples that list it, with their weights: samples of the class itself, and all others.
    own: Vec<(f64, f64)>,
    others: Vec<(f64, f64)>,
    /// The last sample that lists it, counted from 1.
    listed: usize,
}

/// The figures of all classes.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassifyReport {
    /// Number of samples.
    pub samples: usize,
    /// Fraction of samples whose first prediction is right.
    pub top1: Option<f64>,
    /// Fraction of samples whose true class is among the first five predictions.
    pub top5: Option<f64>,
    /// Expected calibration error: the mean difference between the score of the first prediction and the accuracy of
    /// such predictions, over 15 bins of equal width. `None` when a score is outside [0, 1].
    pub calibration_error: Option<f64>,
    /// Sorted by label.
    pub classes: Vec<Class>,
    /// In the order of `classes`. Samples without predictions are not in it.
    pub confusion: Confusion,
}

/// The figures of one class.
#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    /// Its name.
    pub label: String,
    /// Samples whose true class it is.
    pub truth: usize,
    /// Samples whose first prediction it is.
    pub predicted: usize,
    /// Samples that list it among their predictions.
    pub listed: usize,
    /// Fraction of the samples predicted as this class that are right; `None` when it was never predicted.
    pub precision: Option<f64>,
    /// Fraction of the samples of this class that were predicted as it; `None` without samples.
    pub recall: Option<f64>,
    /// Harmonic mean of precision and recall; `None` when neither exists.
    pub f1: Option<f64>,
    /// Probability that a sample of the class has a higher score for it than a sample of another class, ties counting
    /// half; `None` without samples of both kinds.
    pub auc: Option<f64>,
}

impl Default for ClassifyEvaluator {
    fn default() -> Self {
        Self {
            indices: HashMap::new(),
            classes: Vec::new(),
            confusion: HashMap::new(),
            samples: 0,
            weight: 0.0,
            top1: 0.0,
            top5: 0.0,
            bins: Some([(0.0, 0.0); BINS]),
        }
    }
}

impl ClassifyEvaluator {
    /// Adds a sample. Predictions may be in any order; ties keep theirs. If a class is listed twice, the higher score
    /// counts.
    pub fn add(&mut self, truth: &str, predictions: &[Prediction]) {
        self.add_weighted(truth, predictions, 1.0);
    }

    /// [`add`](Self::add) for a sample that counts as `weight` samples, at least 0, in all figures but the confusion
    /// matrix and the numbers of samples.
    pub fn add_weighted(&mut self, truth: &str, predictions: &[Prediction], weight: f64) {
        self.samples += 1;
        self.weight += weight;
        let truth = self.class(truth);
        // Adding 0 turns -0 into 0, which sorts equal.
        let mut scores: Vec<(usize, f64)> =
            predictions.iter().map(|prediction| (self.class(&prediction.label), prediction.score + 0.0)).collect();
        scores.sort_by(|a, b| b.1.total_cmp(&a.1));
        scores.retain(|(class, _)| {
            let listed = &mut self.classes[*class].listed;
            std::mem::replace(listed, self.samples) != self.samples
        });
        let first = scores.first().copied();
        add(&mut self.classes[truth].truth, weight);
        if let Some((first, _)) = first {
            add(&mut self.classes[first].predicted, weight);
            if first == truth {
                self.classes[first].right += weight;
            }
            *self.confusion.entry((truth, first)).or_default() += 1;
        }
        let place = scores.iter().position(|(class, _)| *class == truth);
        if place == Some(0) {
            self.top1 += weight;
        }
        if place.is_some_and(|place| place < 5) {
            self.top5 += weight;
        }
        self.calibrate(first, truth, weight);
        for (class, score) in scores {
            let counted = &mut self.classes[class];
            let scores = if class == truth { &mut counted.own } else { &mut counted.others };
            scores.push((score, weight));
        }
    }

    fn class(&mut self, label: &str) -> usize {
        if let Some(known) = self.indices.get(label) {
            return *known;
        }
        let next = self.classes.len();
        self.indices.insert(label.to_owned(), next);
        self.classes.push(Counted::default());
        next
    }

    fn calibrate(&mut self, first: Option<(usize, f64)>, truth: usize, weight: f64) {
        let Some((class, score)) = first.filter(|(_, score)| (0.0..=1.0).contains(score)) else {
            self.bins = None;
            return;
        };
        if let Some(bins) = &mut self.bins {
            // Bins are open on the left, as in the paper.
            let bin = ((score * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
            let (sum, right) = &mut bins[bin];
            *sum += weight * score;
            if class == truth {
                *right += weight;
            }
        }
    }

    /// The figures.
    pub fn finish(self) -> ClassifyReport {
        let (samples, weight) = (self.samples, self.weight);
        let calibration_error = self.calibration_error();
        let labels: BTreeMap<String, usize> = self.indices.into_iter().collect();
        let mut place = vec![0; labels.len()];
        labels.values().enumerate().for_each(|(index, class)| place[*class] = index);
        let mut cells: Vec<(usize, usize, u64)> =
            self.confusion.iter().map(|((truth, first), count)| (place[*truth], place[*first], *count)).collect();
        cells.sort_unstable();
        let confusion = Confusion { labels: labels.keys().cloned().collect(), cells };
        let mut classes = self.classes;
        let figures = |(label, class): (String, usize)| std::mem::take(&mut classes[class]).figures(label, weight);
        ClassifyReport {
            samples,
            top1: ratio(self.top1, weight),
            top5: ratio(self.top5, weight),
            calibration_error,
            classes: labels.into_iter().map(figures).collect(),
            confusion,
        }
    }

    fn calibration_error(&self) -> Option<f64> {
        let bins = self.bins.as_ref().filter(|_| self.weight > 0.0)?;
        Some(bins.iter().map(|(sum, right)| (sum - right).abs()).sum::<f64>() / self.weight)
    }
}

impl Counted {
    fn figures(mut self, label: String, weight: f64) -> Class {
        let auc = self.auc(weight);
        let Self { truth, predicted, right, own, others, .. } = self;
        Class {
            label,
            truth: truth.0,
            predicted: predicted.0,
            listed: own.len() + others.len(),
            precision: ratio(right, predicted.1),
            recall: ratio(right, truth.1),
            f1: ratio(2.0 * right, truth.1 + predicted.1),
            auc,
        }
    }

    /// Weighs the pairs in the right order (Mann and Whitney 1947). A sample that does not list the class has the score
    /// 0.
    fn auc(&mut self, weight: f64) -> Option<f64> {
        let (positives, negatives) = (self.truth.1, weight - self.truth.1);
        let others = &mut self.others;
        others.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        // The weight of the first of the others.
        let mut before = vec![0.0];
        others.iter().for_each(|(_, weight)| before.push(before[before.len() - 1] + weight));
        let unlisted = (negatives - before[others.len()]).max(0.0);
        // The weight of the negatives below the score, plus half of those equal to it.
        let beats = |score: f64| {
            let below = before[others.partition_point(|other| other.0 < score)];
            let up_to = before[others.partition_point(|other| other.0 <= score)];
            let zeros = if score > 0.0 { 1.0 } else { 0.5 * f64::from(u8::from(score == 0.0)) };
            below + 0.5 * (up_to - below) + zeros * unlisted
        };
        let listed: f64 = self.own.iter().map(|(score, weight)| weight * beats(*score)).sum();
        let own: f64 = self.own.iter().map(|(_, weight)| weight).sum();
        let pairs = listed + (positives - own).max(0.0) * beats(0.0);
        (positives > 0.0 && negatives > 0.0).then(|| pairs / (positives * negatives))
    }
}

/// Counts a sample of this weight.
fn add(count: &mut (usize, f64), weight: f64) {
    count.0 += 1;
    count.1 += weight;
}

impl ClassifyReport {
    /// Mean of a figure over the classes that have samples; an undefined precision or F1 of such a class counts as 0,
    /// as in scikit-learn. `None` without any.
    pub fn mean(&self, figure: impl Fn(&Class) -> Option<f64>) -> Option<f64> {
        let figures: Vec<f64> =
            self.classes.iter().filter(|class| class.truth > 0).map(|class| figure(class).unwrap_or(0.0)).collect();
        (!figures.is_empty()).then(|| figures.iter().sum::<f64>() / figures.len() as f64)
    }

    /// Mean AUC over the classes that have one.
    pub fn auc(&self) -> Option<f64> {
        let known: Vec<f64> = self.classes.iter().filter_map(|class| class.auc).collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
    }
}

fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, Value};

    fn prediction(label: &str, score: f64) -> Prediction {
        Prediction { label: label.to_owned(), score, extra: Map::new() }
    }

    /// See testdata/goldens/classify/make.py.
    #[test]
    fn figures_equal_those_of_scikit_learn() {
        let golden: Value =
            serde_json::from_str(include_str!("../../../testdata/goldens/classify/golden.json")).unwrap();
        let labels: Vec<&str> =
            golden["labels"].as_array().unwrap().iter().map(|label| label.as_str().unwrap()).collect();
        let mut evaluator = ClassifyEvaluator::default();
        for (truth, scores) in golden["truth"].as_array().unwrap().iter().zip(golden["scores"].as_array().unwrap()) {
            let scores = scores.as_array().unwrap().iter().map(|score| score.as_f64().unwrap());
            let predictions: Vec<_> =
                labels.iter().zip(scores).map(|(label, score)| prediction(label, score)).collect();
            evaluator.add(labels[truth.as_u64().unwrap() as usize], &predictions);
        }
        let report = evaluator.finish();
        let close = |found: Option<f64>, expected: &Value| {
            let (found, expected) = (found.unwrap(), expected.as_f64().unwrap());
            assert!((found - expected).abs() < 1e-12, "{found}, expected {expected}");
        };
        close(report.top1, &golden["top1"]);
        close(report.top5, &golden["top5"]);
        close(report.calibration_error, &golden["calibration_error"]);
        close(report.auc(), &golden["auc_macro"]);
        close(report.mean(|class| class.precision), &golden["precision_macro"]);
        close(report.mean(|class| class.recall), &golden["recall_macro"]);
        close(report.mean(|class| class.f1), &golden["f1_macro"]);
        for (index, class) in report.classes.iter().enumerate() {
            assert_eq!(class.label, labels[index]);
            close(class.precision.or(Some(0.0)), &golden["precision"][index]);
            close(class.recall, &golden["recall"][index]);
            close(class.f1, &golden["f1"][index]);
            close(class.auc, &golden["auc"][index]);
        }
        assert_eq!(serde_json::to_value(&report.confusion).unwrap()["counts"], golden["confusion"]);
    }

    #[test]
    fn undefined_figures_and_scores_that_are_not_probabilities() {
        let mut evaluator = ClassifyEvaluator::default();
        evaluator.add("cat", &[prediction("dog", 3.0), prediction("cat", 2.0)]);
        evaluator.add("cat", &[]);
        evaluator.add("dog", &[prediction("dog", 5.0)]);
        let report = evaluator.finish();
        assert_eq!((report.top1, report.top5), (Some(1.0 / 3.0), Some(2.0 / 3.0)));
        assert_eq!(report.calibration_error, None);
        assert_eq!((report.classes[0].precision, report.classes[0].recall), (None, Some(0.0)));
        assert_eq!(report.confusion.cells, [(0, 1, 1), (1, 1, 1)]);
        assert_eq!(report.mean(|class| class.precision), Some(0.25));
        assert_eq!(ClassifyEvaluator::default().finish().top1, None);
    }

    #[test]
    fn a_class_that_is_not_listed_has_the_score_zero_among_the_others() {
        let mut evaluator = ClassifyEvaluator::default();
        // Scores of "cat": of its own samples 0.5, 0 and -1, of the others -1, 0 (twice) and 0.5.
        evaluator.add("cat", &[prediction("cat", 0.5)]);
        evaluator.add("cat", &[]);
        evaluator.add("cat", &[prediction("cat", -1.0)]);
        evaluator.add("dog", &[prediction("cat", -1.0)]);
        evaluator.add("dog", &[prediction("dog", 1.0)]);
        evaluator.add("dog", &[prediction("cat", -0.0)]);
        evaluator.add("dog", &[prediction("cat", 0.5), prediction("cat", 0.25)]);
        let report = evaluator.finish();
        let pairs = (3.0 + 0.5) + (1.0 + 0.5 + 0.5) + 0.5;
        assert_eq!(report.classes[0].auc, Some(pairs / 12.0));
    }

    #[test]
    fn a_weight_counts_as_that_many_samples() {
        let samples = [
            ("a", [("a", 0.7), ("b", 0.3)], 3),
            ("a", [("a", 0.2), ("b", 0.8)], 1),
            ("b", [("a", 0.4), ("b", 0.6)], 2),
            ("b", [("a", 0.9), ("b", 0.1)], 0),
        ];
        let (mut weighted, mut repeated) = (ClassifyEvaluator::default(), ClassifyEvaluator::default());
        for (truth, scores, count) in samples {
            let predictions = scores.map(|(label, score)| prediction(label, score));
            weighted.add_weighted(truth, &predictions, f64::from(count));
            (0..count).for_each(|_| repeated.add(truth, &predictions));
        }
        let (weighted, repeated) = (weighted.finish(), repeated.finish());
        assert_eq!((weighted.top1, weighted.samples), (Some(5.0 / 6.0), 4));
        assert_eq!(weighted.calibration_error, repeated.calibration_error);
        for (weighted, repeated) in weighted.classes.iter().zip(&repeated.classes) {
            assert_eq!(
                (weighted.precision, weighted.recall, weighted.f1),
                (repeated.precision, repeated.recall, repeated.f1)
            );
            assert!((weighted.auc.unwrap() - repeated.auc.unwrap()).abs() < 1e-12);
        }
    }

    #[test]
    fn a_tie_counts_for_the_class_listed_first() {
        let mut evaluator = ClassifyEvaluator::default();
        for truth in ["a", "b"] {
            evaluator.add(truth, &[prediction("a", 0.5), prediction("b", 0.5)]);
        }
        assert_eq!(evaluator.finish().top1, Some(0.5));
    }
}
