//! Classification: accuracy, precision and recall per class, the confusion matrix, ROC AUC, calibration.
//!
//! A sample has one true label and a list of predictions, best first, which may be cut off: a class that is not listed
//! has the score 0. Definitions are scikit-learn's (`precision_recall_fscore_support`, `roc_auc_score` one against the
//! rest) and, for calibration, those of Guo et al. 2017, On calibration of modern neural networks.

use std::collections::BTreeMap;

use dl_record::Prediction;

/// Bins of the calibration error.
const BINS: usize = 15;

/// Takes samples one by one.
#[derive(Clone, Debug, Default)]
pub struct ClassifyEvaluator {
    /// Each label's number, in the order of appearance.
    labels: BTreeMap<String, usize>,
    samples: Vec<Sample>,
}

#[derive(Clone, Debug)]
struct Sample {
    truth: usize,
    /// (class, score), best first.
    scores: Vec<(usize, f64)>,
}

/// The figures of all classes.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassifyReport {
    /// How many samples were evaluated.
    pub samples: usize,
    /// Share of samples whose first prediction is right.
    pub top1: Option<f64>,
    /// Share of samples whose true class is among the first five predictions.
    pub top5: Option<f64>,
    /// Expected calibration error: the mean distance between the first prediction's score and how often such
    /// predictions are right, over 15 bins of equal width. `None` when a score lies outside [0, 1].
    pub calibration_error: Option<f64>,
    /// By label.
    pub classes: Vec<Class>,
    /// `confusion[true class][predicted class]`, classes in the order of `classes`. Samples without a prediction are in
    /// none of its columns.
    pub confusion: Vec<Vec<usize>>,
}

/// The figures of one class.
#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    /// Its name.
    pub label: String,
    /// Samples of it.
    pub truth: usize,
    /// Samples whose first prediction it is.
    pub predicted: usize,
    /// Of those predicted, the share that is right; `None` when it was never predicted.
    pub precision: Option<f64>,
    /// Of those that are of it, the share that was predicted; `None` without any.
    pub recall: Option<f64>,
    /// The harmonic mean of both; `None` when neither exists.
    pub f1: Option<f64>,
    /// The chance that a sample of the class has a higher score for it than one of another class, ties counted half;
    /// `None` without samples of both kinds.
    pub auc: Option<f64>,
}

impl ClassifyEvaluator {
    /// Adds a sample. Predictions may come in any order; ties keep theirs.
    pub fn add(&mut self, truth: &str, predictions: &[Prediction]) {
        let truth = self.class(truth);
        let mut scores: Vec<(usize, f64)> =
            predictions.iter().map(|prediction| (self.class(&prediction.label), prediction.score)).collect();
        scores.sort_by(|a, b| b.1.total_cmp(&a.1));
        self.samples.push(Sample { truth, scores });
    }

    fn class(&mut self, label: &str) -> usize {
        if let Some(known) = self.labels.get(label) {
            return *known;
        }
        let next = self.labels.len();
        self.labels.insert(label.to_owned(), next);
        next
    }

    /// The figures.
    pub fn finish(&self) -> ClassifyReport {
        // By label: the order of the map.
        let mut place = vec![0; self.labels.len()];
        self.labels.values().enumerate().for_each(|(index, class)| place[*class] = index);
        let mut confusion = vec![vec![0; place.len()]; place.len()];
        for sample in &self.samples {
            if let Some((first, _)) = sample.scores.first() {
                confusion[place[sample.truth]][place[*first]] += 1;
            }
        }
        let share = |hit: &dyn Fn(&Sample) -> bool| {
            let hits = self.samples.iter().filter(|sample| hit(sample)).count();
            ratio(hits, self.samples.len())
        };
        let among =
            |sample: &Sample, most: usize| sample.scores.iter().take(most).any(|(class, _)| *class == sample.truth);
        ClassifyReport {
            samples: self.samples.len(),
            top1: share(&|sample| among(sample, 1)),
            top5: share(&|sample| among(sample, 5)),
            calibration_error: self.calibration_error(),
            classes: self.labels.iter().map(|(label, class)| self.figures(label, *class, &confusion, &place)).collect(),
            confusion,
        }
    }

    fn figures(&self, label: &str, class: usize, confusion: &[Vec<usize>], place: &[usize]) -> Class {
        let at = place[class];
        let truth = self.samples.iter().filter(|sample| sample.truth == class).count();
        let predicted = confusion.iter().map(|row| row[at]).sum();
        let right = confusion[at][at];
        let (precision, recall) = (ratio(right, predicted), ratio(right, truth));
        let f1 = ratio(2 * right, truth + predicted);
        Class { label: label.to_owned(), truth, predicted, precision, recall, f1, auc: self.auc(class) }
    }

    /// By ranks (Mann and Whitney 1947).
    fn auc(&self, class: usize) -> Option<f64> {
        let score =
            |sample: &Sample| sample.scores.iter().find(|(of, _)| *of == class).map_or(0.0, |(_, score)| *score);
        let mut scored: Vec<(f64, bool)> =
            self.samples.iter().map(|sample| (score(sample), sample.truth == class)).collect();
        scored.sort_by(|a, b| a.0.total_cmp(&b.0));
        let positives = scored.iter().filter(|(_, positive)| *positive).count();
        let negatives = scored.len() - positives;
        let (mut ranks, mut before) = (0.0, 0);
        for ties in scored.chunk_by(|a, b| a.0 == b.0) {
            let rank = before as f64 + (ties.len() as f64 + 1.0) / 2.0;
            ranks += rank * ties.iter().filter(|(_, positive)| *positive).count() as f64;
            before += ties.len();
        }
        let (p, n) = (positives as f64, negatives as f64);
        (positives > 0 && negatives > 0).then(|| (ranks - p * (p + 1.0) / 2.0) / (p * n))
    }

    fn calibration_error(&self) -> Option<f64> {
        let mut bins = [(0_usize, 0.0, 0_usize); BINS];
        for sample in &self.samples {
            let (class, score) = sample.scores.first()?;
            if !(0.0..=1.0).contains(score) {
                return None;
            }
            // Bins are open on the left, as in the paper's.
            let bin = ((score * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
            let (count, sum, right) = &mut bins[bin];
            *count += 1;
            *sum += score;
            *right += usize::from(*class == sample.truth);
        }
        let distance = |(_, sum, right): &(usize, f64, usize)| (sum - *right as f64).abs();
        (!self.samples.is_empty()).then(|| bins.iter().map(distance).sum::<f64>() / self.samples.len() as f64)
    }
}

impl ClassifyReport {
    /// The mean of a figure over the classes that have samples; an undefined precision or F1 of such a class counts 0, as
    /// in scikit-learn. `None` without any.
    pub fn mean(&self, figure: impl Fn(&Class) -> Option<f64>) -> Option<f64> {
        let figures: Vec<f64> =
            self.classes.iter().filter(|class| class.truth > 0).map(|class| figure(class).unwrap_or(0.0)).collect();
        (!figures.is_empty()).then(|| figures.iter().sum::<f64>() / figures.len() as f64)
    }

    /// The mean AUC over the classes that have one.
    pub fn auc(&self) -> Option<f64> {
        let known: Vec<f64> = self.classes.iter().filter_map(|class| class.auc).collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
    }
}

fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
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
    fn the_figures_are_scikit_learns() {
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
        let close = |found: Option<f64>, wanted: &Value| {
            let (found, wanted) = (found.unwrap(), wanted.as_f64().unwrap());
            assert!((found - wanted).abs() < 1e-12, "{found} for {wanted}");
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
            for (predicted, count) in report.confusion[index].iter().enumerate() {
                assert_eq!(golden["confusion"][index][predicted], *count);
            }
        }
    }

    #[test]
    fn a_class_never_predicted_a_sample_without_predictions_and_logits_are_told_apart() {
        let mut evaluator = ClassifyEvaluator::default();
        evaluator.add("cat", &[prediction("dog", 3.0), prediction("cat", 2.0)]);
        evaluator.add("cat", &[]);
        evaluator.add("dog", &[prediction("dog", 5.0)]);
        let report = evaluator.finish();
        assert_eq!((report.top1, report.top5), (Some(1.0 / 3.0), Some(2.0 / 3.0)));
        assert_eq!(report.calibration_error, None);
        assert_eq!((report.classes[0].precision, report.classes[0].recall), (None, Some(0.0)));
        assert_eq!(report.confusion, [[0, 1], [0, 1]]);
        assert_eq!(report.mean(|class| class.precision), Some(0.25));
        assert_eq!(ClassifyEvaluator::default().finish().top1, None);
    }
}
