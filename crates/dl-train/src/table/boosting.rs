//! Gradient boosting of decision trees for two classes (Friedman 2001), on histograms of the features, each tree grown leaf
//! by leaf (Ke et al. 2017, LightGBM): the recipe of scikit-learn's `HistGradientBoostingClassifier`.

use anyhow::{Result, ensure};
use rayon::prelude::*;

/// Options of [`boost`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoostingConfig {
    /// Number of trees.
    pub rounds: usize,
    /// Factor on the values of the leaves.
    pub rate: f64,
    /// Most leaves of a tree.
    pub leaves: usize,
    /// Fewest rows of a leaf.
    pub least: usize,
}

impl Default for BoostingConfig {
    fn default() -> Self {
        Self { rounds: 100, rate: 0.1, leaves: 31, least: 20 }
    }
}

/// Most bins of a feature.
const BINS: usize = 255;
/// Least sum of second derivatives of a leaf.
const LEAST_HESSIAN: f64 = 1e-3;

/// A boosted ensemble.
#[derive(Clone, Debug, PartialEq)]
pub struct Boosting {
    base: f64,
    trees: Vec<Vec<Node>>,
    columns: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Node {
    Leaf(f64),
    /// Features up to the threshold go to the first child.
    Split {
        column: usize,
        threshold: f32,
        children: [usize; 2],
    },
}

impl Boosting {
    /// The log odds of the second class for a row.
    pub fn score(&self, row: &[f32]) -> f64 {
        let of_tree = |tree: &Vec<Node>| {
            let mut at = 0;
            loop {
                match tree[at] {
                    Node::Leaf(value) => break value,
                    Node::Split { column, threshold, children } => at = children[usize::from(row[column] > threshold)],
                }
            }
        };
        self.base + self.trees.iter().map(of_tree).sum::<f64>()
    }

    /// The scores of rows [n, columns].
    pub fn scores(&self, rows: &[f32]) -> Vec<f64> {
        rows.par_chunks_exact(self.columns.max(1)).map(|row| self.score(row)).collect()
    }
}

/// Trains on features [n, columns] and targets [n], whether a row is of the second class.
/// # Errors
/// When the shapes do not fit, a feature is not finite, or there is only one class.
pub fn boost(features: &[f32], columns: usize, targets: &[bool], config: &BoostingConfig) -> Result<Boosting> {
    let rows = targets.len();
    ensure!(rows > 0 && columns > 0 && features.len() == rows * columns, "no features to train on");
    ensure!(features.iter().all(|value| value.is_finite()), "the features hold numbers that are not finite");
    let positive = targets.iter().filter(|target| **target).count();
    ensure!(positive > 0 && positive < rows, "only one class; training needs two");
    let binned = Binned::new(features, columns);
    let share = positive as f64 / rows as f64;
    let base = (share / (1.0 - share)).ln();
    let mut scores = vec![base; rows];
    let mut boosting = Boosting { base, trees: Vec::new(), columns };
    for _ in 0..config.rounds {
        let slopes: Vec<[f64; 2]> = scores
            .iter()
            .zip(targets)
            .map(|(score, target)| {
                let probability = 1.0 / (1.0 + (-score).exp());
                [probability - f64::from(u8::from(*target)), probability * (1.0 - probability)]
            })
            .collect();
        let tree = Growing { binned: &binned, slopes: &slopes, config }.grow(&mut scores);
        boosting.trees.push(tree);
    }
    Ok(boosting)
}

/// The features as bins.
struct Binned {
    /// For each column, the largest value of each bin but the last.
    thresholds: Vec<Vec<f32>>,
    /// [columns, rows]
    bins: Vec<Vec<u8>>,
}

impl Binned {
    fn new(features: &[f32], columns: usize) -> Self {
        let of_column = |column: usize| {
            let values: Vec<f32> = features.iter().skip(column).step_by(columns).copied().collect();
            let mut sorted = values.clone();
            sorted.sort_by(f32::total_cmp);
            let mut distinct = sorted.clone();
            distinct.dedup();
            let thresholds: Vec<f32> = if distinct.len() <= BINS {
                distinct.windows(2).map(|pair| pair[0] + (pair[1] - pair[0]) / 2.0).collect()
            } else {
                let mut quantiles: Vec<f32> =
                    (1..BINS).map(|bin| sorted[(bin * sorted.len() / BINS).min(sorted.len() - 1)]).collect();
                quantiles.dedup();
                quantiles
            };
            let bin = |value: &f32| thresholds.partition_point(|threshold| threshold < value) as u8;
            let bins = values.iter().map(bin).collect();
            (thresholds, bins)
        };
        let (thresholds, bins) = (0..columns).into_par_iter().map(of_column).unzip();
        Self { thresholds, bins }
    }
}

/// Sums of first and second derivatives, and the number of rows.
type Sums = [f64; 3];

/// A leaf that may be split.
struct Open {
    node: usize,
    rows: Vec<u32>,
    sums: Sums,
    best: Option<Best>,
}

#[derive(Clone, Copy)]
struct Best {
    gain: f64,
    column: usize,
    bin: usize,
}

struct Growing<'a> {
    binned: &'a Binned,
    slopes: &'a [[f64; 2]],
    config: &'a BoostingConfig,
}

impl Growing<'_> {
    /// Grows a tree, and adds its values to the scores.
    fn grow(&self, scores: &mut [f64]) -> Vec<Node> {
        let all: Vec<u32> = (0..self.slopes.len() as u32).collect();
        let mut tree = vec![Node::Leaf(0.0)];
        let mut open = vec![self.open(0, all)];
        while open.len() < self.config.leaves.max(1) {
            let gain = |open: &Open| open.best.map_or(f64::NEG_INFINITY, |best| best.gain);
            let Some(place) = (0..open.len()).reduce(|a, b| if gain(&open[b]) > gain(&open[a]) { b } else { a }) else {
                break;
            };
            let Some(best) = open[place].best else { break };
            let leaf = open.swap_remove(place);
            let bins = &self.binned.bins[best.column];
            let (first, second): (Vec<u32>, Vec<u32>) =
                leaf.rows.iter().partition(|row| usize::from(bins[**row as usize]) <= best.bin);
            let children = [tree.len(), tree.len() + 1];
            tree.extend([Node::Leaf(0.0); 2]);
            let threshold = self.binned.thresholds[best.column][best.bin];
            tree[leaf.node] = Node::Split { column: best.column, threshold, children };
            open.extend([self.open(children[0], first), self.open(children[1], second)]);
        }
        for leaf in open {
            let [slope, curve, _] = leaf.sums;
            let value = -self.config.rate * slope / curve.max(f64::MIN_POSITIVE);
            tree[leaf.node] = Node::Leaf(value);
            leaf.rows.iter().for_each(|row| scores[*row as usize] += value);
        }
        tree
    }

    fn open(&self, node: usize, rows: Vec<u32>) -> Open {
        let mut sums = [0.0; 3];
        rows.iter().for_each(|row| self.add(*row, &mut sums));
        let best = (0..self.binned.bins.len()).into_par_iter().filter_map(|column| self.best(column, &rows, sums));
        let found: Vec<Best> = best.collect();
        let best = found.into_iter().reduce(|best, next| if next.gain > best.gain { next } else { best });
        Open { node, rows, sums, best }
    }

    fn add(&self, row: u32, sums: &mut Sums) {
        let [slope, curve] = self.slopes[row as usize];
        [sums[0], sums[1], sums[2]] = [sums[0] + slope, sums[1] + curve, sums[2] + 1.0];
    }

    /// The best split of a column.
    fn best(&self, column: usize, rows: &[u32], all: Sums) -> Option<Best> {
        let thresholds = self.binned.thresholds[column].len();
        if thresholds == 0 || rows.len() < 2 * self.config.least {
            return None;
        }
        let bins = &self.binned.bins[column];
        let mut histogram = vec![[0.0; 3]; thresholds + 1];
        rows.iter().for_each(|row| self.add(*row, &mut histogram[usize::from(bins[*row as usize])]));
        let value = |[slope, curve, _]: Sums| slope * slope / curve;
        let is_leaf = |[_, curve, count]: Sums| count >= self.config.least as f64 && curve >= LEAST_HESSIAN;
        let mut first = [0.0; 3];
        let mut best: Option<Best> = None;
        for (bin, sums) in histogram[..thresholds].iter().enumerate() {
            first = [first[0] + sums[0], first[1] + sums[1], first[2] + sums[2]];
            let second = [all[0] - first[0], all[1] - first[1], all[2] - first[2]];
            if !is_leaf(first) || !is_leaf(second) {
                continue;
            }
            let gain = value(first) + value(second) - value(all);
            if gain > 0.0 && best.is_none_or(|best| gain > best.gain) {
                best = Some(Best { gain, column, bin });
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    #[test]
    fn a_function_that_no_line_separates_is_found() {
        let mut rng = dl_record::rng(0, "boosting");
        let mut draw = |count: usize| {
            let features: Vec<f32> = (0..count * 3).map(|_| rng.random::<f32>() * 2.0 - 1.0).collect();
            let targets: Vec<bool> = features.chunks_exact(3).map(|row| row[0] * row[1] > 0.0).collect();
            (features, targets)
        };
        let (features, targets) = draw(2000);
        let model = boost(&features, 3, &targets, &BoostingConfig::default()).unwrap();
        let (test, expected) = draw(1000);
        let right = model.scores(&test).iter().zip(&expected).filter(|(score, is)| (**score > 0.0) == **is).count();
        assert!(right > 960, "{right}");
        // What was added in training is what a row of the training set gets.
        let again = boost(&features, 3, &targets, &BoostingConfig::default()).unwrap();
        assert_eq!(model, again);
    }

    #[test]
    fn a_constant_feature_and_one_class_are_handled() {
        let features = [1.0_f32; 100];
        let targets: Vec<bool> = (0..100).map(|row| row % 4 == 0).collect();
        let model = boost(&features, 1, &targets, &BoostingConfig::default()).unwrap();
        assert!((model.score(&[1.0]) - (1.0_f64 / 3.0).ln()).abs() < 1e-9);
        assert!(boost(&features, 1, &[true; 100], &BoostingConfig::default()).is_err());
    }
}
