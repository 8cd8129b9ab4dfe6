//! Precision and recall of generated samples (Kynkäänniemi et al. 2019, Improved precision and recall metric for assessing
//! generative models, section 2): the share of generated rows within a ball of the real set, and of real rows within a
//! ball of the generated set. The ball of a row reaches to its k-th nearest other row.

use anyhow::{Result, ensure};
use dl_record::Matrix;

use crate::check_sets;
use crate::neighbors::{Balls, inside, nearest_within};

/// Shares of rows within the other set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PrecisionRecall {
    /// Share of generated rows that look real.
    pub precision: f64,
    /// Share of real rows that the generator covers.
    pub recall: f64,
}

impl PrecisionRecall {
    /// The harmonic mean; 0 when both are.
    pub fn f_score(&self) -> f64 {
        2.0 * self.precision * self.recall / (self.precision + self.recall).max(1e-5)
    }
}

/// Compares rows of features [n, d] and [m, d] with balls that reach to the `k`-th nearest other row; the paper's k is 3.
/// Distances are exact in f64; memory grows with the rows, not with their pairs.
/// # Errors
/// When a set has at most `k` rows, `k` is 0, or the numbers of columns differ.
pub fn precision_recall(generated: &Matrix, real: &Matrix, k: usize) -> Result<PrecisionRecall> {
    ensure!(k > 0, "k is 0; a ball needs a neighbor to reach to");
    check_sets(generated, real, k + 1)?;
    let radii = |rows: &Matrix| -> Vec<f64> {
        nearest_within(rows, k).iter().map(|row| row.last().map_or(0.0, |neighbor| neighbor.squared)).collect()
    };
    let [generated_radii, real_radii] = [radii(generated), radii(real)];
    let generated_balls = Balls { rows: generated, radii: &generated_radii };
    let [precise, recalled] = inside(&generated_balls, &Balls { rows: real, radii: &real_radii });
    let [precision, recall] = [precise as f64 / generated.rows as f64, recalled as f64 / real.rows as f64];
    Ok(PrecisionRecall { precision, recall })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{golden, golden_rows};

    #[test]
    fn shares_equal_those_of_torch_fidelity() {
        for case in golden()["precision_recall"].as_array().unwrap() {
            let number = |key: &str| case[key].as_u64().unwrap() as usize;
            let columns = number("columns");
            let generated = golden_rows(0, number("generated"), columns, case["shift"].as_f64().unwrap());
            let real = golden_rows(10_000, number("real"), columns, 0.0);
            let found = precision_recall(&generated, &real, number("k")).unwrap();
            for (found, key) in [(found.precision, "precision"), (found.recall, "recall"), (found.f_score(), "f_score")]
            {
                // torch-fidelity rounds to f32.
                let expected = case[key].as_f64().unwrap();
                assert!((found - expected).abs() < 1e-6, "{key} {found}, expected {expected}: {case}");
            }
        }
    }

    #[test]
    fn a_set_covers_itself_and_a_collapsed_generator_recalls_little() {
        let real = golden_rows(0, 600, 6, 0.0);
        assert_eq!(precision_recall(&real, &real, 3).unwrap(), PrecisionRecall { precision: 1.0, recall: 1.0 });
        let mode = Matrix { data: (0..200).flat_map(|_| real.row(17).to_vec()).collect(), rows: 200, columns: 6 };
        let found = precision_recall(&mode, &real, 3).unwrap();
        assert_eq!((found.precision, found.recall), (1.0, 1.0 / 600.0));
    }

    #[test]
    fn sets_without_enough_neighbors_are_refused() {
        let set = golden_rows(0, 4, 3, 0.0);
        assert!(precision_recall(&set, &set, 3).is_ok());
        assert!(precision_recall(&set, &set, 4).unwrap_err().to_string().contains("has 4 rows; expected at least 5"));
        assert!(precision_recall(&set, &set, 0).is_err());
    }
}
