//! Metrics of scores for two classes.

/// The area under the ROC curve: how often a positive has a higher score than a negative, a tie counting half (Mann and
/// Whitney 1947). `None` without both.
pub fn roc_auc(scores: &[f64], positives: &[bool]) -> Option<f64> {
    let (mut right, mut below, mut count) = (0.0, 0.0, 0.0);
    for group in groups(scores, positives, f64::total_cmp) {
        let [of_positives, of_negatives] = group;
        right += of_positives * (below + 0.5 * of_negatives);
        below += of_negatives;
        count += of_positives;
    }
    (count > 0.0 && below > 0.0).then(|| right / (count * below))
}

/// Average precision: the mean over the positives of the precision down to their score, as scikit-learn's
/// `average_precision_score`. `None` without positives.
pub fn average_precision(scores: &[f64], positives: &[bool]) -> Option<f64> {
    let (mut sum, mut hits, mut seen) = (0.0, 0.0, 0.0);
    for [of_positives, of_negatives] in groups(scores, positives, |a, b| b.total_cmp(a)) {
        hits += of_positives;
        seen += of_positives + of_negatives;
        sum += of_positives * hits / seen;
    }
    (hits > 0.0).then(|| sum / hits)
}

/// For each different score in this order, its numbers of positives and of negatives.
fn groups(scores: &[f64], positives: &[bool], order: impl Fn(&f64, &f64) -> std::cmp::Ordering) -> Vec<[f64; 2]> {
    let mut sorted: Vec<(f64, bool)> = scores.iter().copied().zip(positives.iter().copied()).collect();
    sorted.sort_by(|a, b| order(&a.0, &b.0));
    let mut groups: Vec<[f64; 2]> = Vec::new();
    let mut last = None;
    for (score, positive) in sorted {
        if last != Some(score) {
            groups.push([0.0; 2]);
            last = Some(score);
        }
        if let Some(group) = groups.last_mut() {
            group[usize::from(!positive)] += 1.0;
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_equal_those_of_scikit_learn() {
        // roc_auc_score and average_precision_score of scikit-learn's own example, and of one with ties.
        let (scores, positives) = ([0.1, 0.4, 0.35, 0.8], [false, false, true, true]);
        assert_eq!(roc_auc(&scores, &positives), Some(0.75));
        assert!((average_precision(&scores, &positives).unwrap() - 0.833_333_333_333).abs() < 1e-9);
        let (scores, positives) = ([0.5, 0.5, 0.5, 0.9, 0.1], [true, false, true, false, true]);
        assert!((roc_auc(&scores, &positives).unwrap() - 1.0 / 6.0).abs() < 1e-12);
        // Precisions 2/4 for two positives and 3/5 for one.
        assert!((average_precision(&scores, &positives).unwrap() - 1.6 / 3.0).abs() < 1e-12);
        assert_eq!((roc_auc(&[0.5], &[true]), average_precision(&[0.5], &[false])), (None, None));
    }
}
