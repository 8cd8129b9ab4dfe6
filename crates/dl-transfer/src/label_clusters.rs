//! Names clusters by the few of their rows that have labels: "cluster, then label", the simplest use of unlabeled rows.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};

/// How labels are given to clusters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Naming {
    /// Each cluster takes the most frequent label of its rows, of equally frequent ones the first by name; several
    /// clusters may take the same.
    #[default]
    Majority,
    /// Each label names at most one cluster, so that as many labeled rows as possible are named correctly.
    Assignment,
}

/// Names of clusters.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterNames {
    /// Name of each cluster; `None` without a labeled row, or, by assignment, when no label is left.
    pub names: Vec<Option<String>>,
    /// Labeled rows of each cluster.
    pub labeled: Vec<usize>,
    /// Share of the labeled rows whose label is the name of their cluster, 0 to 1.
    pub purity: f64,
}

impl ClusterNames {
    /// Clusters without a name.
    pub fn unnamed(&self) -> Vec<usize> {
        (0..self.names.len()).filter(|cluster| self.names[*cluster].is_none()).collect()
    }
}

/// Names the clusters 0 to `count` - 1 by the `labels` [n] of the rows that have one, given the cluster of each row
/// [n].
/// # Errors
/// When the lengths differ, a cluster is not below `count`, or no row has a label.
pub fn label_clusters(
    clusters: &[usize],
    count: usize,
    labels: &[Option<&str>],
    naming: Naming,
) -> Result<ClusterNames> {
    ensure!(clusters.len() == labels.len(), "{} clusters of {} rows", clusters.len(), labels.len());
    let mut columns: BTreeMap<&str, usize> = labels.iter().flatten().map(|label| (*label, 0)).collect();
    ensure!(!columns.is_empty(), "no row of the clusters has a label; give at least one labeled row");
    columns.values_mut().enumerate().for_each(|(at, column)| *column = at);
    let names: Vec<&str> = columns.keys().copied().collect();
    let mut counts = vec![vec![0_usize; names.len()]; count];
    for (row, (cluster, label)) in clusters.iter().zip(labels).enumerate() {
        ensure!(*cluster < count, "row {row}: cluster {cluster} of {count}");
        if let Some(label) = label {
            counts[*cluster][columns[label]] += 1;
        }
    }
    let chosen = match naming {
        Naming::Majority => counts.iter().map(|counts| most(counts)).collect(),
        Naming::Assignment => assignment(&counts),
    };
    let correct: usize = chosen.iter().zip(&counts).map(|(label, counts)| label.map_or(0, |at| counts[at])).sum();
    let labeled: Vec<usize> = counts.iter().map(|counts| counts.iter().sum()).collect();
    let purity = correct as f64 / labeled.iter().sum::<usize>() as f64;
    let names = chosen.into_iter().map(|label| label.map(|at| names[at].to_owned())).collect();
    Ok(ClusterNames { names, labeled, purity })
}

/// The index of the largest count, the first of several, unless all are 0.
fn most(counts: &[usize]) -> Option<usize> {
    let best = counts.iter().enumerate().rev().max_by_key(|(_, count)| **count)?;
    (*best.1 > 0).then_some(best.0)
}

/// The label of each cluster in the matching with the largest sum of counts; pairs without a count are not matched.
///
/// The Hungarian method by shortest augmenting paths (Jonker & Volgenant 1987), on a square matrix.
fn assignment(counts: &[Vec<usize>]) -> Vec<Option<usize>> {
    let labels = counts.first().map_or(0, Vec::len);
    let size = counts.len().max(labels);
    let count = |row: usize, column: usize| -> usize {
        counts.get(row).and_then(|counts| counts.get(column)).copied().unwrap_or(0)
    };
    let cost = |row: usize, column: usize| -(count(row, column) as i64);
    // Row and column 0 stand for "none", so that the matrix starts at 1.
    let mut row_potential = vec![0_i64; size + 1];
    let mut column_potential = vec![0_i64; size + 1];
    let mut row_of = vec![0_usize; size + 1];
    for row in 1..=size {
        row_of[0] = row;
        let mut column = 0;
        let mut least = vec![i64::MAX; size + 1];
        let mut from = vec![0_usize; size + 1];
        let mut used = vec![false; size + 1];
        while row_of[column] != 0 {
            used[column] = true;
            let at = row_of[column];
            let (mut step, mut next) = (i64::MAX, 0);
            for other in 1..=size {
                if used[other] {
                    continue;
                }
                let reduced = cost(at - 1, other - 1) - row_potential[at] - column_potential[other];
                if reduced < least[other] {
                    (least[other], from[other]) = (reduced, column);
                }
                if least[other] < step {
                    (step, next) = (least[other], other);
                }
            }
            for other in 0..=size {
                if used[other] {
                    row_potential[row_of[other]] += step;
                    column_potential[other] -= step;
                } else {
                    least[other] = least[other].saturating_sub(step);
                }
            }
            column = next;
        }
        while column != 0 {
            row_of[column] = row_of[from[column]];
            column = from[column];
        }
    }
    let mut chosen = vec![None; counts.len()];
    for (label, row) in row_of[1..=labels].iter().enumerate() {
        if count(row - 1, label) > 0 {
            chosen[row - 1] = Some(label);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_label_names_a_cluster_and_ties_go_by_name() {
        let labels = [Some("b"), Some("b"), Some("a"), Some("b"), Some("a"), None, Some("b")];
        let found = label_clusters(&[0, 0, 0, 1, 1, 2, 3], 4, &labels, Naming::Majority).unwrap();
        let names: Vec<Option<&str>> = found.names.iter().map(Option::as_deref).collect();
        assert_eq!(names, [Some("b"), Some("a"), None, Some("b")]);
        assert_eq!((found.unnamed(), found.labeled), (vec![2], vec![3, 2, 0, 1]));
        assert_eq!(found.purity, 4.0 / 6.0);
    }

    #[test]
    fn an_assignment_is_as_good_as_the_best_permutation() {
        for case in 0..50_u64 {
            let (count, names) = (2 + case as usize % 3, ["a", "b", "c", "d"]);
            let clusters: Vec<usize> =
                (0..12).map(|row| (crate::formula(case, row) * 64.0 + 128.0) as usize % count).collect();
            let labels: Vec<Option<&str>> =
                (0..12).map(|row| Some(names[(crate::formula(case, row + 100) * 64.0 + 128.0) as usize % 4])).collect();
            let found = label_clusters(&clusters, count, &labels, Naming::Assignment).unwrap();
            let correct = |order: &[usize]| {
                let right = |row: usize| labels[row] == Some(names[order[clusters[row]]]);
                (0..12).filter(|row| right(*row)).count()
            };
            let mut best = 0;
            for at in 0..256_usize {
                let order: Vec<usize> = (0..4).map(|digit| at >> (2 * digit) & 3).collect();
                if (0..4).all(|label| order.contains(&label)) {
                    best = best.max(correct(&order));
                }
            }
            assert!((found.purity * 12.0 - best as f64).abs() < 1e-9, "{case}: {found:?} {best}");
            let mut given: Vec<&String> = found.names.iter().flatten().collect();
            given.sort();
            assert!(given.is_sorted_by(|a, b| a < b), "{given:?}");
        }
    }

    #[test]
    fn bad_input_is_named() {
        let error = |clusters: &[usize], labels: &[Option<&str>]| {
            label_clusters(clusters, 2, labels, Naming::Majority).unwrap_err().to_string()
        };
        assert!(error(&[0, 1], &[None, None]).contains("no row of the clusters has a label"));
        assert!(error(&[0, 2], &[Some("a"), None]).contains("row 1: cluster 2 of 2"));
        assert!(error(&[0], &[Some("a"), None]).contains("1 clusters of 2 rows"));
    }
}
