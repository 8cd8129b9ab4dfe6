//! Semi-supervised transfer component analysis (Pan et al. 2011, section IV): components in which the means of the
//! domains agree, rows of one class are alike, and near rows stay near. Max tr(W'K H Kyy H K W) subject to W' (K (L +
//! lambda G) K + mu I) W = I, with Kyy = gamma (same class) + (1 - gamma) I and G the Laplacian of the graph of nearest
//! neighbors, as in ftTrans_tca.m of viggin/domain-adaptation-toolbox; the paper divides lambda by n^2.
//!
//! The penalty has full rank, so this takes the cube of the coordinates: use landmarks beyond some thousand rows.

use anyhow::{Result, ensure};
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, MatRef};
use rayon::prelude::*;

use super::domains::Domains;
use super::nearest::by_distances;
use super::pencil::dense;
use super::space::{Space, center};
use super::{Approximation, Form, KernelFit, Regularization, check_classes};
use crate::Kernel;
use crate::linalg::{column_means, mirror_lower, parallelism, product};

/// Options of [`sstca`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SstcaConfig {
    /// k.
    pub components: usize,
    /// The penalty.
    pub regularization: Regularization,
    /// The function that is fitted.
    pub form: Form,
    /// How the kernel matrix is had.
    pub approximation: Approximation,
    /// Weight of the classes, gamma of the paper, from 0 to 1.
    pub class_weight: f64,
    /// Weight of the graph, lambda of the paper, at least 0.
    pub graph_weight: f64,
    /// Neighbors of each row in the graph.
    pub neighbors: usize,
    /// Seed of landmarks, random features and the eigenvectors' start.
    pub seed: u64,
}

impl Default for SstcaConfig {
    /// Those of ftTrans_tca.m.
    fn default() -> Self {
        Self {
            components: 30,
            regularization: Regularization::Mu(1.0),
            form: Form::Dual(Kernel::Linear),
            approximation: Approximation::Exact,
            class_weight: 0.1,
            graph_weight: 1.0,
            neighbors: 5,
            seed: 0,
        }
    }
}

/// Fits components to a `source` [ns, d] of known `classes` [ns] and a `target` [nt, d].
/// # Errors
/// As [`tca`](crate::components::tca()), and when there is not a class per row of the source or an option is out of its
/// range.
pub fn sstca(source: MatRef<f64>, classes: &[usize], target: MatRef<f64>, config: &SstcaConfig) -> Result<KernelFit> {
    let SstcaConfig { components, form, approximation, class_weight, graph_weight, neighbors, seed, .. } = *config;
    ensure!((0.0..=1.0).contains(&class_weight), "the weight of the classes must be from 0 to 1, not {class_weight}");
    ensure!(
        graph_weight >= 0.0 && graph_weight.is_finite(),
        "the weight of the graph must be a number of at least 0, not {graph_weight}"
    );
    let domains = Domains::new(source, target)?;
    check_classes(source, classes)?;
    let most = domains.rows() - 1;
    ensure!(
        (1..=most).contains(&neighbors),
        "{neighbors} neighbors of {} rows; choose --neighbors from 1 to {most}",
        domains.rows()
    );
    let norm = 1.0 / source.nrows() as f64 + 1.0 / target.nrows() as f64;
    let mu = config.regularization.mu(norm)?;
    let space = Space::new(domains, form, approximation, components, seed, true)?;
    let u = space.difference.clone();
    let (p, map) = space.coordinates();
    let mut penalty = product(u.as_ref(), u.transpose());
    if graph_weight > 0.0 {
        let smoothed = Graph::new(&domains, neighbors)?.laplacian(p.as_ref());
        let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
        let parallelism = parallelism();
        triangular::matmul(
            &mut penalty,
            lower,
            Accum::Add,
            p.transpose(),
            full,
            &smoothed,
            full,
            graph_weight,
            parallelism,
        );
        mirror_lower(penalty.as_mut());
    }
    (0..penalty.nrows()).for_each(|i| penalty[(i, i)] += mu);
    let same = Classes::new(classes, domains.rows(), class_weight);
    let scatter = |columns: MatRef<f64>| {
        let mut image = product(p.as_ref(), columns);
        center(&mut image);
        same.apply(&mut image);
        center(&mut image);
        product(p.transpose(), image.as_ref())
    };
    let found = dense(scatter, penalty.as_ref(), components, seed)?;
    let embedded = product(p.as_ref(), found.weights.as_ref());
    Ok(KernelFit { map: map(found.weights.as_ref()), embedded, eigenvalues: found.values })
}

/// gamma Y Y' + (1 - gamma) I, with Y [n, classes] of 0 and 1; rows of the target are of no class.
struct Classes {
    members: Mat<f64>,
    weight: f64,
}

impl Classes {
    fn new(classes: &[usize], rows: usize, weight: f64) -> Self {
        let mut names = classes.to_vec();
        names.sort_unstable();
        names.dedup();
        let member = |row: usize, column: usize| classes.get(row) == Some(&names[column]);
        let members = Mat::from_fn(rows, names.len(), |row, column| f64::from(u8::from(member(row, column))));
        Self { members, weight }
    }

    fn apply(&self, columns: &mut Mat<f64>) {
        let sums = product(self.members.transpose(), columns.as_ref());
        *columns *= faer::Scale(1.0 - self.weight);
        matmul(columns, Accum::Add, &self.members, &sums, self.weight, parallelism());
    }
}

/// Edges between near rows.
struct Graph {
    /// (row, later row, weight), each pair once, in order.
    edges: Vec<(usize, usize, f64)>,
}

impl Graph {
    /// Rows i and j are joined when either is among the `neighbors` nearest of the other, with the weight
    /// exp(-|i - j|^2 / 2 s^2), s the mean distance between two rows.
    fn new(domains: &Domains, neighbors: usize) -> Result<Self> {
        let mut rows = domains.stacked();
        let n = rows.nrows();
        let center = column_means(rows.as_ref());
        rows.par_col_iter_mut().zip(&center).for_each(|(column, center)| {
            column.iter_mut().for_each(|value| *value -= center);
        });
        let near = by_distances(rows.as_ref(), rows.as_ref(), |row, distances| {
            let mut others: Vec<usize> = (0..n).filter(|other| *other != row).collect();
            let order = |a: &usize, b: &usize| distances[*a].total_cmp(&distances[*b]).then(a.cmp(b));
            others.select_nth_unstable_by(neighbors - 1, order);
            others.truncate(neighbors);
            let sum: f64 = distances.iter().enumerate().filter(|(other, _)| *other != row).map(|(_, d)| d.sqrt()).sum();
            (sum, others.into_iter().map(|other| (other, distances[other])).collect::<Vec<_>>())
        });
        let mean = near.iter().map(|(sum, _)| sum).sum::<f64>() / (n * (n - 1)) as f64;
        ensure!(mean > 0.0, "all rows are equal; there is nothing to align");
        let mut edges: Vec<(usize, usize, f64)> = Vec::with_capacity(n * neighbors);
        for (row, (_, others)) in near.into_iter().enumerate() {
            for (other, distance) in others {
                edges.push((row.min(other), row.max(other), (-distance / (2.0 * mean * mean)).exp()));
            }
        }
        edges.sort_unstable_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2)));
        edges.dedup_by_key(|edge| (edge.0, edge.1));
        Ok(Self { edges })
    }

    /// The Laplacian D - W times columns [n, p].
    fn laplacian(&self, columns: MatRef<f64>) -> Mat<f64> {
        let mut result = Mat::<f64>::zeros(columns.nrows(), columns.ncols());
        result.par_col_iter_mut().zip(columns.par_col_iter()).for_each(|(mut to, from)| {
            for (i, j, weight) in &self.edges {
                let flow = weight * (from[*i] - from[*j]);
                to[*i] += flow;
                to[*j] -= flow;
            }
        });
        result
    }
}
