//! Prototypes: a row gets the class whose mean is nearest (Snell, Swersky and Zemel 2017, Prototypical networks for
//! few-shot learning, section 2.3). Nothing is optimized, so that a few rows of a new class are enough to add it.

use anyhow::{Result, ensure};
use faer::{Mat, MatRef};
use rayon::prelude::*;

use crate::distance::{Metric, squared_distance};
use crate::dot;
use crate::linalg::{ensure_finite, row_major, softmax_rows, unit_rows};

/// Options of [`Prototypes`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PrototypesConfig {
    /// Euclid: logits are minus the squared distance, the paper's. Cosine: logits are the cosine.
    pub metric: Metric,
    /// Factor on the logits, above 0. Cosines lie in [-1, 1], so that a factor of 1 gives almost equal probabilities;
    /// 10 is usual.
    pub scale: f64,
}

impl Default for PrototypesConfig {
    fn default() -> Self {
        Self { metric: Metric::Euclid, scale: 1.0 }
    }
}

/// The mean of the rows of each class.
#[derive(Clone, Debug, PartialEq)]
pub struct Prototypes {
    config: PrototypesConfig,
    columns: usize,
    /// [classes, columns], row by row; of rows of length 1 with [`Metric::Cosine`].
    means: Vec<f64>,
    counts: Vec<usize>,
}

impl Prototypes {
    /// The means of the rows `x` [n, d] of each of the `classes` [n]; every class up to the largest needs a row.
    /// # Errors
    /// When there are no rows, the lengths differ, a class has no rows, the scale is not above 0, or a number is not
    /// finite.
    pub fn new(x: MatRef<f64>, classes: &[usize], config: PrototypesConfig) -> Result<Self> {
        let PrototypesConfig { scale, .. } = config;
        ensure!(scale > 0.0 && scale.is_finite(), "the scale of the logits must be above 0, not {scale:?}");
        ensure!(x.nrows() > 0 && x.ncols() > 0, "no rows to average; give labeled rows");
        let mut prototypes = Self { config, columns: x.ncols(), means: Vec::new(), counts: Vec::new() };
        prototypes.support(x, classes)?;
        Ok(prototypes)
    }

    /// Prototypes that were computed before: `means` [classes, d], and how many rows each is the mean of.
    /// # Errors
    /// As [`Self::new`].
    pub fn from_means(means: MatRef<f64>, counts: &[usize], config: PrototypesConfig) -> Result<Self> {
        ensure!(counts.len() == means.nrows(), "{} counts for {} prototypes", counts.len(), means.nrows());
        ensure!(counts.iter().all(|count| *count > 0), "a prototype of 0 rows");
        ensure!(means.nrows() > 0 && means.ncols() > 0, "no prototypes");
        ensure_finite(means, "prototypes")?;
        let counts = counts.to_vec();
        Ok(Self { config, columns: means.ncols(), means: row_major(means), counts })
    }

    /// Adds rows: of new classes, which follow those known, or more of known ones. The result is that of all rows at
    /// once, up to rounding. A call that fails changes nothing.
    /// # Errors
    /// As [`Self::new`], and when the number of columns differs.
    pub fn support(&mut self, x: MatRef<f64>, classes: &[usize]) -> Result<()> {
        let d = self.columns;
        ensure!(classes.len() == x.nrows(), "{} classes for {} rows", classes.len(), x.nrows());
        ensure!(x.ncols() == d, "rows of {} columns, but the prototypes have {d}", x.ncols());
        ensure_finite(x, "features")?;
        let count = classes.iter().map(|class| class + 1).max().unwrap_or(0).max(self.counts.len());
        ensure!(count <= self.counts.len() + classes.len(), "a class without rows; number the classes without gaps");
        let (mut means, mut counts) = (self.means.clone(), self.counts.clone());
        means.resize(count * d, 0.0);
        counts.resize(count, 0);
        let rows = match self.config.metric {
            Metric::Euclid => row_major(x),
            Metric::Cosine => unit_rows(x),
        };
        for (row, class) in rows.chunks_exact(d).zip(classes) {
            counts[*class] += 1;
            let share = 1.0 / counts[*class] as f64;
            // Each part is scaled before it is added: numbers near the largest do not overflow.
            let mean = &mut means[class * d..][..d];
            mean.iter_mut().zip(row).for_each(|(mean, value)| *mean += value * share - *mean * share);
        }
        if let Some(class) = counts.iter().position(|count| *count == 0) {
            anyhow::bail!("class {class} has no rows; give at least one");
        }
        (self.means, self.counts) = (means, counts);
        Ok(())
    }

    /// The options.
    pub fn config(&self) -> PrototypesConfig {
        self.config
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.counts.len()
    }

    /// How many rows each prototype is the mean of.
    pub fn counts(&self) -> &[usize] {
        &self.counts
    }

    /// [classes, d]: the mean of each class.
    pub fn means(&self) -> MatRef<'_, f64> {
        MatRef::from_row_major_slice(&self.means, self.counts.len(), self.columns)
    }

    /// [rows, classes]: the scale times minus the squared distance, or times the cosine, which is 0 for a row of zeros.
    /// # Errors
    /// When the number of columns differs or a number is not finite.
    pub fn logits(&self, x: MatRef<f64>) -> Result<Mat<f64>> {
        let d = self.columns;
        ensure!(x.ncols() == d, "rows of {} columns, but the prototypes have {d}", x.ncols());
        ensure_finite(x, "features")?;
        let PrototypesConfig { metric, scale } = self.config;
        let (rows, means) = match metric {
            Metric::Euclid => (row_major(x), self.means.clone()),
            Metric::Cosine => (unit_rows(x), unit_rows(self.means())),
        };
        let logits: Vec<f64> = rows
            .par_chunks_exact(d)
            .flat_map_iter(|row| {
                means.chunks_exact(d).map(move |mean| match metric {
                    Metric::Euclid => (-scale * squared_distance(row, mean)).max(-f64::MAX),
                    Metric::Cosine => scale * dot(row, mean).clamp(-1.0, 1.0),
                })
            })
            .collect();
        Ok(Mat::from_fn(x.nrows(), self.classes(), |row, class| logits[row * self.classes() + class]))
    }

    /// [rows, classes]: the softmax of the logits.
    /// # Errors
    /// As [`Self::logits`].
    pub fn probabilities(&self, x: MatRef<f64>) -> Result<Mat<f64>> {
        let mut scores = self.logits(x)?;
        softmax_rows(&mut scores);
        Ok(scores)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn rows(first: u64, rows: usize, columns: usize) -> Mat<f64> {
        Mat::from_fn(rows, columns, |row, column| crate::formula(first + row as u64, column as u64))
    }

    #[test]
    fn logits_are_scikit_learns_distances_to_the_class_means() {
        let golden = include_str!("../../../testdata/goldens/neighbors/golden.json");
        let golden: Value = serde_json::from_str(golden).unwrap();
        for case in golden["prototypes"].as_array().unwrap() {
            let metric: Metric = serde_json::from_value(case["metric"].clone()).unwrap();
            let classes: Vec<usize> = serde_json::from_value(case["classes"].clone()).unwrap();
            let expected: Vec<Vec<f64>> = serde_json::from_value(case["logits"].clone()).unwrap();
            let x = rows(0, classes.len(), 7);
            let config = PrototypesConfig { metric, scale: 1.0 };
            let found = Prototypes::new(x.as_ref(), &classes, config).unwrap();
            let logits = found.logits(rows(1000, expected.len(), 7).as_ref()).unwrap();
            for (row, expected) in expected.iter().enumerate() {
                for (class, expected) in expected.iter().enumerate() {
                    let found = logits[(row, class)];
                    assert!((found - expected).abs() < 1e-12 * (1.0 + expected.abs()), "{metric:?} {found} {expected}");
                }
            }
        }
    }

    #[test]
    fn classes_added_later_and_rows_added_later_are_as_if_given_at_once() {
        let x = rows(0, 30, 5);
        let classes: Vec<usize> = (0..30).map(|row| if row < 20 { row % 3 } else { row % 5 }).collect();
        for metric in [Metric::Euclid, Metric::Cosine] {
            let config = PrototypesConfig { metric, scale: 2.0 };
            let at_once = Prototypes::new(x.as_ref(), &classes, config).unwrap();
            let mut later = Prototypes::new(x.subrows(0, 20), &classes[..20], config).unwrap();
            assert_eq!(later.classes(), 3);
            later.support(x.subrows(20, 10), &classes[20..]).unwrap();
            assert_eq!(later.counts(), at_once.counts());
            assert!((later.means() - at_once.means()).norm_max() < 1e-15);
            let again = Prototypes::from_means(later.means(), later.counts(), config).unwrap();
            assert_eq!(again, later);
        }
    }

    #[test]
    fn bad_rows_are_refused_and_change_nothing() {
        let x = rows(0, 4, 3);
        let mut prototypes = Prototypes::new(x.as_ref(), &[0, 1, 0, 1], PrototypesConfig::default()).unwrap();
        let before = prototypes.clone();
        let refused = |result: Result<()>| result.unwrap_err().to_string();
        assert!(refused(prototypes.support(x.as_ref(), &[0, 1, 0, 3])).contains("class 2 has no rows"));
        assert!(refused(prototypes.support(x.as_ref(), &[usize::MAX - 1; 4])).contains("gaps"));
        assert!(refused(prototypes.support(rows(0, 4, 2).as_ref(), &[0; 4])).contains("columns"));
        let nan = Mat::from_fn(1, 3, |_, _| f64::NAN);
        assert!(refused(prototypes.support(nan.as_ref(), &[0])).contains("not finite"));
        assert_eq!(prototypes, before);
        assert!(Prototypes::new(Mat::zeros(0, 3).as_ref(), &[], PrototypesConfig::default()).is_err());
    }

    #[test]
    fn probabilities_of_huge_equal_and_zero_rows_are_finite() {
        let x = Mat::from_fn(3, 2, |row, _| [1e308, -1e308, 0.0][row]);
        for metric in [Metric::Euclid, Metric::Cosine] {
            let config = PrototypesConfig { metric, scale: 10.0 };
            let found = Prototypes::new(x.as_ref(), &[0, 1, 0], config).unwrap();
            let shares = found.probabilities(x.as_ref()).unwrap();
            for row in 0..3 {
                let sum: f64 = shares.row(row).iter().sum();
                assert!((sum - 1.0).abs() < 1e-12, "{metric:?} {shares:?}");
            }
        }
    }
}
