//! Distances between the values of a column in two tables.

use std::collections::BTreeMap;

/// The largest difference between the distribution functions of two samples (Kolmogorov and Smirnov), 0 to 1. `None` if
/// either is empty.
pub fn kolmogorov_smirnov(a: &[f64], b: &[f64]) -> Option<f64> {
    walk(a, b).map(|steps| steps.into_iter().map(|(_, difference)| difference.abs()).fold(0.0, f64::max))
}

/// The area between the distribution functions of two samples: Wasserstein's distance, in the values' unit. `None` if either
/// is empty.
pub fn wasserstein(a: &[f64], b: &[f64]) -> Option<f64> {
    let steps = walk(a, b)?;
    Some(steps.windows(2).map(|pair| (pair[1].0 - pair[0].0) * pair[0].1.abs()).sum())
}

/// The different values, and the difference of the distribution functions from each on.
fn walk(a: &[f64], b: &[f64]) -> Option<Vec<(f64, f64)>> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let weights = [(a, 1.0 / a.len() as f64), (b, -1.0 / b.len() as f64)];
    let mut all: Vec<(f64, f64)> =
        weights.iter().flat_map(|(values, weight)| values.iter().map(|value| (*value, *weight))).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut steps: Vec<(f64, f64)> = Vec::new();
    let mut sum = 0.0;
    for (value, weight) in all {
        sum += weight;
        match steps.last_mut() {
            Some(last) if last.0 == value => last.1 = sum,
            _ => steps.push((value, sum)),
        }
    }
    Some(steps)
}

/// Half the sum of the differences between the shares of the categories of two samples: the total variation, 0 to 1. `None`
/// if either is empty.
pub fn total_variation<T: Ord>(a: impl IntoIterator<Item = T>, b: impl IntoIterator<Item = T>) -> Option<f64> {
    let mut counts: BTreeMap<T, [f64; 2]> = BTreeMap::new();
    let mut totals = [0.0; 2];
    a.into_iter().for_each(|value| {
        counts.entry(value).or_default()[0] += 1.0;
        totals[0] += 1.0;
    });
    b.into_iter().for_each(|value| {
        counts.entry(value).or_default()[1] += 1.0;
        totals[1] += 1.0;
    });
    let differences = counts.values().map(|[a, b]| (a / totals[0] - b / totals[1]).abs());
    (totals[0] > 0.0 && totals[1] > 0.0).then(|| 0.5 * differences.sum::<f64>())
}

/// The correlation of two columns (Pearson); `None` if one is constant.
pub fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let n = a.len().min(b.len()) as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / n;
    let (of_a, of_b) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (a - of_a, b - of_b);
        ab += a * b;
        aa += a * a;
        bb += b * b;
    }
    let product = (aa * bb).sqrt();
    (product.is_normal()).then(|| ab / product)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_of_small_samples_are_those_by_hand() {
        // scipy.stats: ks_2samp and wasserstein_distance.
        let (a, b) = ([0.0, 1.0, 3.0], [5.0, 6.0, 8.0]);
        assert_eq!(kolmogorov_smirnov(&a, &b), Some(1.0));
        assert!((wasserstein(&a, &b).unwrap() - 5.0).abs() < 1e-12);
        assert!((kolmogorov_smirnov(&[0.0, 1.0, 1.0, 2.0], &[1.0, 3.0]).unwrap() - 0.5).abs() < 1e-12);
        assert_eq!(wasserstein(&a, &a), Some(0.0));
        assert!((total_variation(["a", "a", "b", "b"], ["a", "c"]).unwrap() - 0.5).abs() < 1e-12);
        assert_eq!((wasserstein(&[], &a), total_variation([1], [])), (None, None));
        assert!((correlation(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.5]).unwrap() - 0.997_948_7).abs() < 1e-6);
        assert_eq!(correlation(&[1.0, 1.0], &[2.0, 4.0]), None);
    }
}
