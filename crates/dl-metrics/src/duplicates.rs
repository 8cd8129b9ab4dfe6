//! Whether a generator copies its training data: the distance of each generated row to the nearest real one, beside the
//! distances of the real rows to each other.
//!
//! A generator that draws from the distribution of the real rows is as near to them as they are to each other: a share q
//! of its distances is below the q-quantile of theirs. One that memorized them is nearer.

use anyhow::Result;
use dl_record::Matrix;

use crate::check_sets;
use crate::neighbors::{nearest_among, nearest_within};

/// How near generated rows are to real ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Duplicates {
    /// Of each generated row: the nearest real row, and the Euclidean distance to it.
    pub nearest: Vec<(usize, f64)>,
    /// Of each real row: the distance to the nearest other real row, sorted.
    pub real: Vec<f64>,
}

impl Duplicates {
    /// The `share`-quantile of the distances of real rows to each other, from 0 to 1: the largest of the smallest `share`.
    pub fn quantile(&self, share: f64) -> f64 {
        let place = (share * self.real.len() as f64).ceil() as usize;
        self.real[place.clamp(1, self.real.len()) - 1]
    }

    /// The share of generated rows whose distance is below the `share`-quantile of the real ones.
    pub fn below(&self, share: f64) -> f64 {
        let limit = self.quantile(share);
        self.nearest.iter().filter(|(_, distance)| *distance < limit).count() as f64 / self.nearest.len() as f64
    }

    /// The number of generated rows that equal a real one in every feature.
    pub fn copies(&self) -> usize {
        self.nearest.iter().filter(|(_, distance)| *distance == 0.0).count()
    }

    /// The median distance of generated rows to the nearest real one.
    pub fn median(&self) -> f64 {
        let mut distances: Vec<f64> = self.nearest.iter().map(|(_, distance)| *distance).collect();
        distances.sort_unstable_by(f64::total_cmp);
        distances[(distances.len() - 1) / 2]
    }
}

/// Finds the nearest real row of each generated one: features [n, d] and [m, d].
/// # Errors
/// With no generated rows, with fewer than two real ones, or when the numbers of columns differ.
pub fn duplicates(generated: &Matrix, real: &Matrix) -> Result<Duplicates> {
    check_sets(generated, real, 1)?;
    check_sets(real, real, 2)?;
    let nearest = nearest_among(generated, real, 1);
    let nearest = nearest.iter().map(|row| (row[0].index, row[0].squared.sqrt())).collect();
    let mut own: Vec<f64> = nearest_within(real, 1).iter().map(|row| row[0].squared.sqrt()).collect();
    own.sort_unstable_by(f64::total_cmp);
    Ok(Duplicates { nearest, real: own })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden_rows;

    #[test]
    fn new_draws_are_as_near_as_real_rows_and_copies_are_nearer() {
        let real = golden_rows(0, 1500, 5, 0.0);
        let fresh = duplicates(&golden_rows(50_000, 1000, 5, 0.0), &real).unwrap();
        for share in [0.05, 0.5] {
            assert!((fresh.below(share) - share).abs() < 0.06, "{share}: {}", fresh.below(share));
        }
        assert_eq!(fresh.copies(), 0);
        let mut copied = golden_rows(50_000, 1000, 5, 0.0);
        copied.data[..300 * 5].copy_from_slice(&real.data[7 * 5..307 * 5]);
        copied.data[0] += 1e-4;
        let found = duplicates(&copied, &real).unwrap();
        assert_eq!(found.copies(), 299);
        assert_eq!(found.nearest[1], (8, 0.0));
        assert!((found.nearest[0].1 - 1e-4).abs() < 1e-6 && found.nearest[0].0 == 7);
        assert!(found.below(0.05) > 0.3);
    }

    #[test]
    fn quantiles_are_distances_of_real_rows() {
        let real = Matrix { rows: 4, columns: 1, data: vec![0.0, 1.0, 3.0, 7.0] };
        let found = duplicates(&Matrix { rows: 2, columns: 1, data: vec![5.5, 0.25] }, &real).unwrap();
        assert_eq!(found.real, [1.0, 1.0, 2.0, 4.0]);
        assert_eq!([0.0, 0.25, 0.5, 0.75, 1.0].map(|share| found.quantile(share)), [1.0, 1.0, 1.0, 2.0, 4.0]);
        assert_eq!(found.nearest, [(3, 1.5), (0, 0.25)]);
        assert_eq!((found.below(0.5), found.below(0.75), found.median()), (0.5, 1.0, 0.25));
        assert!(duplicates(&real, &Matrix { rows: 1, columns: 1, data: vec![0.0] }).is_err());
    }
}
