//! Extractive summaries: the most central rows of each group, without repeats. On embeddings of the sentences of
//! documents, these are the sentences that say most of what the document says.
//!
//! Centrality is LexRank's (Erkan and Radev 2004, section 3.3, the continuous form) or the cosine to the centroid
//! (Radev et al. 2004); rows too similar to one already chosen are skipped, as in maximal marginal relevance (Carbonell
//! and Goldstein
//! 1998).

use std::collections::BTreeMap;

use anyhow::{Result, anyhow, ensure};
use faer::{Mat, MatRef};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::dot;
use crate::linalg::{ensure_finite, product, unit_rows};

/// Rows of a group whose similarities fit in memory: 800 MB.
const MOST_ROWS: usize = 10_000;

/// How central a row is in its group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Centrality {
    /// The share of its visits in a random walk between rows, with probabilities proportional to their cosines, of
    /// which negative ones count as 0.
    #[default]
    LexRank,
    /// Its cosine to the mean of the rows of length 1.
    Centroid,
}

/// Options of [`central`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SummaryConfig {
    /// Most rows of each group, at least 1.
    pub count: usize,
    /// How central a row is.
    pub centrality: Centrality,
    /// Probability that the walk of LexRank jumps to any row instead, in (0, 1]; the paper's is 0.15.
    pub jump: f64,
    /// A row whose cosine to a chosen one is above this is a repeat and skipped, in [-1, 1]; 1 keeps all.
    pub repeat: f64,
}

impl Default for SummaryConfig {
    fn default() -> Self {
        Self { count: 3, centrality: Centrality::LexRank, jump: 0.15, repeat: 0.9 }
    }
}

/// The indices of the most central rows of `x` [n, d] in each of the `groups` [n], ascending. A group of which too few
/// rows are not repeats has fewer. Of equally central rows, the first is chosen.
/// # Errors
/// When an option is out of range, the lengths differ, a number is not finite, or a group has more than 10,000 rows
/// with LexRank.
pub fn central<G: Ord>(x: MatRef<f64>, groups: &[G], config: &SummaryConfig) -> Result<Vec<usize>> {
    let SummaryConfig { count, jump, repeat, .. } = *config;
    ensure!(count > 0, "the number of central rows must be at least 1");
    ensure!(jump > 0.0 && jump <= 1.0, "the probability of a jump must be above 0 and at most 1, not {jump}");
    ensure!((-1.0..=1.0).contains(&repeat), "the similarity of repeats must be from -1 to 1, not {repeat}");
    ensure!(groups.len() == x.nrows(), "{} groups for {} rows", groups.len(), x.nrows());
    ensure!(x.nrows() == 0 || x.ncols() > 0, "rows without columns");
    ensure_finite(x, "features")?;
    let mut members: BTreeMap<&G, Vec<usize>> = BTreeMap::new();
    for (row, group) in groups.iter().enumerate() {
        members.entry(group).or_default().push(row);
    }
    let units = unit_rows(x);
    let members: Vec<Vec<usize>> = members.into_values().collect();
    let choose = |rows: &Vec<usize>| -> Result<Vec<usize>> {
        let own: Vec<f64> = rows.iter().flat_map(|row| &units[row * x.ncols()..][..x.ncols()]).copied().collect();
        let own = MatRef::from_row_major_slice(&own, rows.len(), x.ncols());
        let chosen = choose(own, config).map_err(|error| anyhow!("the group of row {}: {error}", rows[0]))?;
        Ok(chosen.into_iter().map(|at| rows[at]).collect())
    };
    let chosen: Vec<Vec<usize>> = members.par_iter().map(choose).collect::<Result<_>>()?;
    let mut chosen: Vec<usize> = chosen.into_iter().flatten().collect();
    chosen.sort_unstable();
    Ok(chosen)
}

/// The chosen rows of one group, most central first; `rows` have length 1 or 0.
fn choose(rows: MatRef<f64>, config: &SummaryConfig) -> Result<Vec<usize>> {
    let scores = match config.centrality {
        Centrality::LexRank => lex_rank(rows, config.jump)?,
        Centrality::Centroid => centroid(rows),
    };
    // Repeated rows are equally central but for rounding.
    let largest = scores.iter().fold(f64::MIN_POSITIVE, |largest: f64, score| largest.max(score.abs()));
    let rounded: Vec<f64> = scores.iter().map(|score| (score / largest * 1e9).round()).collect();
    let mut order: Vec<usize> = (0..rows.nrows()).collect();
    order.sort_by(|a, b| rounded[*b].total_cmp(&rounded[*a]).then(a.cmp(b)));
    let row = |at: usize| -> Vec<f64> { rows.row(at).iter().copied().collect() };
    let mut chosen: Vec<(usize, Vec<f64>)> = Vec::new();
    for at in order {
        if chosen.len() == config.count {
            break;
        }
        let own = row(at);
        // A similarity of 1 may be rounded up.
        if chosen.iter().all(|(_, other)| dot(&own, other) <= config.repeat + 1e-12) {
            chosen.push((at, own));
        }
    }
    Ok(chosen.into_iter().map(|(at, _)| at).collect())
}

/// The stationary distribution p = jump / n + (1 - jump) S'p, S the cosines of each row divided by their sum.
fn lex_rank(rows: MatRef<f64>, jump: f64) -> Result<Vec<f64>> {
    let n = rows.nrows();
    ensure!(n <= MOST_ROWS, "{n} rows, LexRank takes {MOST_ROWS}; use the centroid or smaller groups");
    let mut walk = product(rows, rows.transpose());
    // The matrix is symmetric: its column is the row to divide by the sum, and S' is then stored as columns.
    for column in 0..n {
        walk.col_mut(column).iter_mut().for_each(|value| *value = value.max(0.0));
        let sum: f64 = walk.col(column).iter().sum();
        // A row of zeros is similar to none: from there, walk anywhere.
        let share = |value: f64| if sum > 0.0 { value / sum } else { 1.0 / n as f64 };
        walk.col_mut(column).iter_mut().for_each(|value| *value = share(*value));
    }
    let mut visits = Mat::from_fn(n, 1, |_, _| 1.0 / n as f64);
    // The error falls by 1 - jump in each step.
    for _ in 0..10_000 {
        let mut next = product(walk.as_ref(), visits.as_ref());
        let mut change = 0.0;
        for row in 0..n {
            next[(row, 0)] = jump / n as f64 + (1.0 - jump) * next[(row, 0)];
            change += (next[(row, 0)] - visits[(row, 0)]).abs();
        }
        visits = next;
        if change < 1e-12 * jump {
            break;
        }
    }
    Ok(visits.col(0).iter().copied().collect())
}

/// The inner product of each row with the mean.
fn centroid(rows: MatRef<f64>) -> Vec<f64> {
    let n = rows.nrows() as f64;
    let mean = Mat::from_fn(rows.ncols(), 1, |column, _| rows.col(column).iter().sum::<f64>() / n);
    product(rows, mean.as_ref()).col(0).iter().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::row_major;

    fn rows(n: usize, d: usize) -> Mat<f64> {
        Mat::from_fn(n, d, |row, column| 0.5 + crate::formula(row as u64, column as u64))
    }

    #[test]
    fn visits_of_the_walk_are_stationary() {
        let x = rows(40, 6);
        let units = unit_rows(x.as_ref());
        let units = MatRef::from_row_major_slice(&units, 40, 6);
        let visits = lex_rank(units, 0.15).unwrap();
        assert!((visits.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        let cosine =
            |a: usize, b: usize| dot(&row_major(units.subrows(a, 1)), &row_major(units.subrows(b, 1))).max(0.0);
        for to in 0..40 {
            let arrivals: f64 = (0..40)
                .map(|from| visits[from] * cosine(from, to) / (0..40).map(|other| cosine(from, other)).sum::<f64>())
                .sum();
            assert!((visits[to] - (0.15 / 40.0 + 0.85 * arrivals)).abs() < 1e-12);
        }
    }

    #[test]
    fn the_middle_of_each_group_is_chosen_and_repeats_are_skipped() {
        // Two groups, interleaved: directions in degrees.
        let degrees: [f64; 10] = [0.0, 180.0, 40.0, 181.0, 38.0, 240.0, 80.0, 182.0, 40.0, 122.0];
        let groups = ["a", "b", "a", "b", "a", "b", "a", "b", "a", "b"];
        let x = Mat::from_fn(10, 2, |row, column| {
            let angle = degrees[row].to_radians();
            3.0 * if column == 0 { angle.cos() } else { angle.sin() }
        });
        for centrality in [Centrality::LexRank, Centrality::Centroid] {
            let at_most = |count, repeat| {
                let config = SummaryConfig { count, repeat, centrality, ..SummaryConfig::default() };
                central(x.as_ref(), &groups, &config).unwrap()
            };
            // Of 40 degrees, which is there twice, the first.
            assert_eq!(at_most(1, 0.9), [2, 3]);
            let two = at_most(2, 0.9);
            assert_eq!(two.len(), 4);
            assert!(two.is_sorted());
            // Nothing else is left at 0.9: the rest repeats what is chosen.
            assert_eq!(at_most(5, 0.9).len(), 6);
            assert_eq!(at_most(5, 1.0), (0..10).collect::<Vec<_>>());
        }
    }

    #[test]
    fn equal_rows_go_by_index_and_zeros_and_huge_numbers_do_no_harm() {
        for centrality in [Centrality::LexRank, Centrality::Centroid] {
            let config = SummaryConfig { count: 2, centrality, repeat: 1.0, ..SummaryConfig::default() };
            let equal = Mat::from_fn(33, 7, |_, column| 0.1 + column as f64 / 3.0);
            assert_eq!(central(equal.as_ref(), &[0; 33], &config).unwrap(), [0, 1]);
            let zero = Mat::zeros(4, 7);
            assert_eq!(central(zero.as_ref(), &[0; 4], &config).unwrap(), [0, 1]);
            let huge = Mat::from_fn(4, 7, |row, _| [0.0, 1e308, -1e308, 1e-320][row]);
            // A walk that never leaves a row is as often there as a walk between two is at either.
            let expected = if centrality == Centrality::LexRank { [1, 2] } else { [1, 3] };
            assert_eq!(central(huge.as_ref(), &[0; 4], &config).unwrap(), expected);
            assert!(central::<u8>(Mat::zeros(0, 0).as_ref(), &[], &config).unwrap().is_empty());
        }
    }

    #[test]
    fn options_out_of_range_are_refused() {
        let x = rows(3, 2);
        let refused = |config| central(x.as_ref(), &[0, 0, 1], &config).unwrap_err().to_string();
        assert!(refused(SummaryConfig { count: 0, ..Default::default() }).contains("at least 1"));
        assert!(refused(SummaryConfig { jump: 0.0, ..Default::default() }).contains("jump"));
        assert!(refused(SummaryConfig { repeat: f64::NAN, ..Default::default() }).contains("repeats"));
        assert!(central(x.as_ref(), &[0, 1], &SummaryConfig::default()).is_err());
    }
}
