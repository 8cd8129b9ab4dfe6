//! The coordinates in which a method is solved. The components of a row are Z = P A; P has a row per sample, and the
//! problem is max tr(A' P'H P A) subject to A' (P'M P + mu I) A = I for every form:
//!
//! - primal: P is the features, and A the projection;
//! - dual: P is the kernel matrix K, and A the weights of the rows;
//! - dual, for a kernel of few features K = F F' (few columns, landmarks, random features): F = U s V', and P = U s^2 is K
//!   in the coordinates of its range. P = F V s takes the moments of F and no more memory than their size squared.

use anyhow::{Context, Result, bail, ensure};
use dl_record::rng;
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, MatRef};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

use super::domains::Domains;
use super::{Approximation, Form};
use crate::kernel::check_spread;
use crate::kernel_map::{BLOCK, Prepared};
use crate::linalg::{column_means, mirror_lower, parallelism, product, symmetric_eigen};
use crate::memory::ensure_fits;
use crate::{Kernel, KernelMap, Lift};

/// Rows of the largest kernel matrix: 8 GB.
const MOST_ROWS: usize = 32_768;
/// Rows whose distances show whether gamma suits them.
const CHECKED: usize = 300;
/// Eigenvalues of the landmarks' kernel matrix below this share of the largest are rounding.
const LANDMARK_RANK: f64 = 1e-12;

pub(crate) struct Space<'a> {
    domains: Domains<'a>,
    coordinates: Coordinates,
    /// The mean of the source minus that of the target, P'e [p, 1].
    pub(crate) difference: Mat<f64>,
}

enum Coordinates {
    /// P = K [n, n], symmetric.
    Gram { kernel: Kernel, gram: Mat<f64> },
    /// P = lift(x) `basis`; the basis is the identity where there is none.
    Features {
        lift: Lift,
        basis: Option<Mat<f64>>,
        /// P'H P [p, p].
        scatter: Mat<f64>,
        /// The lifted rows [n, width], if they are needed again.
        lifted: Option<Mat<f64>>,
    },
}

/// Sums over the lifted rows.
struct Moments {
    /// F'F [width, width], if asked for.
    gram: Option<Mat<f64>>,
    /// F'H F [width, width].
    scatter: Mat<f64>,
    /// F'e [width, 1].
    difference: Mat<f64>,
    lifted: Option<Mat<f64>>,
}

impl<'a> Space<'a> {
    /// `again`: whether the rows are needed beyond the moments, which holds what was lifted, [n, width].
    /// # Errors
    /// When the form cannot be had so, the kernel does not suit the rows, or there are fewer coordinates than
    /// components.
    pub(crate) fn new(
        domains: Domains<'a>,
        form: Form,
        approximation: Approximation,
        components: usize,
        seed: u64,
        again: bool,
    ) -> Result<Self> {
        ensure!(components > 0, "0 components; choose --components of at least 1");
        let most = domains.rows() - 1;
        ensure!(components <= most, "{components} components of {} rows; ask for at most {most}", domains.rows());
        let kernel = match (form, approximation) {
            (Form::Primal, Approximation::Exact) => {
                let moments = Moments::of(&domains, &Lift::Identity, false, false);
                let difference = moments.difference;
                check_coordinates(components, domains.columns())?;
                let coordinates =
                    Coordinates::Features { lift: Lift::Identity, basis: None, scatter: moments.scatter, lifted: None };
                return Ok(Self { domains, coordinates, difference });
            }
            (Form::Primal, _) => {
                bail!("--kernel primal has no kernel to approximate; leave --landmarks and --random-features out")
            }
            (Form::Dual(kernel), _) => kernel,
        };
        if let Kernel::Rbf { .. } = kernel {
            check_spread(kernel, domains.sample(CHECKED, seed))?;
        }
        match (approximation, kernel) {
            (Approximation::Exact, Kernel::Linear) if domains.columns() < domains.rows() => {
                Self::of_features(domains, Lift::Identity, None, components, again)
            }
            (Approximation::Exact, _) => Self::of_gram(domains, kernel),
            (Approximation::Landmarks(0) | Approximation::RandomFeatures(0), _) => {
                bail!("0 landmarks or random features; ask for at least as many as components")
            }
            (Approximation::Landmarks(count), _) => {
                let count = count.min(domains.rows());
                let size = count as f64 * (4.0 * count as f64 + domains.columns() as f64 + 2.0 * BLOCK as f64);
                ensure_fits(size, || format!("the kernels of {count} landmarks"), "use fewer --landmarks")?;
                let rows = domains.draw(count, seed, "landmarks");
                let (values, vectors) = symmetric_eigen(kernel.gram(rows.clone()).as_ref())?;
                let rank = values.iter().take_while(|value| **value > LANDMARK_RANK * values[0]).count();
                ensure!(rank > 0, "the kernel of the landmarks is 0");
                let root = Mat::from_fn(values.len(), rank, |i, j| vectors[(i, j)] / values[j].sqrt());
                Self::of_features(domains, Lift::Landmarks { kernel, rows }, Some(root), components, again)
            }
            (Approximation::RandomFeatures(count), Kernel::Rbf { gamma }) => {
                let n = domains.rows();
                ensure!(count <= n, "{count} random features for {n} rows; the exact kernel matrix costs less");
                let size = count as f64 * (4.0 * count as f64 + domains.columns() as f64 + 2.0 * BLOCK as f64);
                ensure_fits(size, || format!("the moments of {count} random features"), "use fewer --random-features")?;
                let lift = fourier(gamma, domains.columns(), count, seed);
                Self::of_features(domains, lift, None, components, again)
            }
            (Approximation::RandomFeatures(_), Kernel::Linear) => {
                bail!("--random-features approximate the rbf kernel; leave them out for the linear one")
            }
        }
    }

    fn of_gram(domains: Domains<'a>, kernel: Kernel) -> Result<Self> {
        let n = domains.rows();
        ensure!(
            n <= MOST_ROWS,
            "the kernel matrix of {n} rows takes {} GB; use --landmarks or --random-features",
            n * n / 125_000_000
        );
        let size = n as f64 * (2.0 * n as f64 + domains.columns() as f64);
        let remedy = "use --landmarks, or --random-features with --kernel rbf";
        ensure_fits(size, || format!("the kernel matrix of {n} rows and its products"), remedy)?;
        let gram = kernel.gram(domains.stacked());
        let difference = product(gram.as_ref(), domains.contrast().as_ref());
        Ok(Self { domains, coordinates: Coordinates::Gram { kernel, gram }, difference })
    }

    /// The dual of the kernel F F', where F = lift(x) `root`.
    fn of_features(
        domains: Domains<'a>,
        lift: Lift,
        root: Option<Mat<f64>>,
        components: usize,
        again: bool,
    ) -> Result<Self> {
        let Moments { gram, scatter, difference, lifted } = Moments::of(&domains, &lift, true, again);
        let gram = gram.context("the moments were not asked for")?;
        let within = |matrix: Mat<f64>| match &root {
            Some(root) => product(root.transpose(), product(matrix.as_ref(), root.as_ref()).as_ref()),
            None => matrix,
        };
        let gram = within(gram);
        ensure!(gram.is_all_finite(), "the numbers of the rows are too large; scale them with dl-transfer normalize");
        let (values, vectors) = symmetric_eigen(gram.as_ref())?;
        let least = values[0] * f64::EPSILON * (values.len() as f64);
        let rank = values.iter().take_while(|value| **value > least).count();
        ensure!(rank > 0, "all rows are 0; there is nothing to align");
        check_coordinates(components, rank)?;
        // V s, of F = U s V'.
        let scaled = Mat::from_fn(values.len(), rank, |i, j| vectors[(i, j)] * values[j].sqrt());
        let basis = match &root {
            Some(root) => product(root.as_ref(), scaled.as_ref()),
            None => scaled,
        };
        let scatter = product(basis.transpose(), product(scatter.as_ref(), basis.as_ref()).as_ref());
        let difference = product(basis.transpose(), difference.as_ref());
        let lifted = lifted.filter(|_| lift != Lift::Identity);
        Ok(Self {
            domains,
            coordinates: Coordinates::Features { lift, basis: Some(basis), scatter, lifted },
            difference,
        })
    }

    /// P'H P times a block of columns [p, b].
    pub(crate) fn scatter(&self, columns: MatRef<f64>) -> Mat<f64> {
        match &self.coordinates {
            Coordinates::Gram { gram, .. } => {
                let mut image = product(gram.as_ref(), columns);
                center(&mut image);
                product(gram.as_ref(), image.as_ref())
            }
            Coordinates::Features { scatter, .. } => product(scatter.as_ref(), columns),
        }
    }

    /// P'E [p, r] for E [n, r].
    pub(crate) fn contrast(&self, e: MatRef<f64>) -> Mat<f64> {
        match &self.coordinates {
            Coordinates::Gram { gram, .. } => product(gram.as_ref(), e),
            Coordinates::Features { lift, basis, lifted, .. } => {
                let mut sum = Mat::zeros(lift.width(self.domains.columns()), e.ncols());
                each_block(&self.domains, &lift.prepare(), lifted.as_ref(), |start, block| {
                    let own = e.subrows(start, block.nrows());
                    matmul(&mut sum, Accum::Add, block.transpose(), own, 1.0, parallelism());
                });
                match basis {
                    Some(basis) => product(basis.transpose(), sum.as_ref()),
                    None => sum,
                }
            }
        }
    }

    /// The components Z = P A [n, k] of the rows, for the weights A [p, k].
    pub(crate) fn embed(&self, weights: MatRef<f64>) -> Mat<f64> {
        match &self.coordinates {
            Coordinates::Gram { gram, .. } => product(gram.as_ref(), weights),
            Coordinates::Features { lift, basis, lifted, .. } => {
                let weights = in_lift(basis.as_ref(), weights);
                let mut embedded = Mat::zeros(self.domains.rows(), weights.ncols());
                each_block(&self.domains, &lift.prepare(), lifted.as_ref(), |start, block| {
                    let to = embedded.subrows_mut(start, block.nrows());
                    matmul(to, Accum::Replace, block, &weights, 1.0, parallelism());
                });
                embedded
            }
        }
    }

    /// P itself [n, p], and the map of new rows for the weights A [p, k].
    pub(crate) fn coordinates(self) -> (Mat<f64>, impl FnOnce(MatRef<f64>) -> KernelMap) {
        let p = match &self.coordinates {
            Coordinates::Gram { gram, .. } => gram.clone(),
            Coordinates::Features { scatter, .. } => {
                self.embed(Mat::<f64>::identity(scatter.nrows(), scatter.nrows()).as_ref())
            }
        };
        (p, move |weights| self.map(weights))
    }

    /// The map of new rows, for the weights A [p, k].
    pub(crate) fn map(self, weights: MatRef<f64>) -> KernelMap {
        match self.coordinates {
            Coordinates::Gram { kernel: Kernel::Linear, .. } => {
                let rows = self.domains.stacked();
                KernelMap { lift: Lift::Identity, weights: product(rows.transpose(), weights) }
            }
            Coordinates::Gram { kernel, .. } => {
                let lift = Lift::Landmarks { kernel, rows: self.domains.stacked() };
                KernelMap { lift, weights: weights.to_owned() }
            }
            Coordinates::Features { lift, basis, .. } => KernelMap { lift, weights: in_lift(basis.as_ref(), weights) },
        }
    }
}

/// The weights of lifted features.
fn in_lift(basis: Option<&Mat<f64>>, weights: MatRef<f64>) -> Mat<f64> {
    basis.map_or_else(|| weights.to_owned(), |basis| product(basis.as_ref(), weights))
}

fn check_coordinates(components: usize, rank: usize) -> Result<()> {
    ensure!(components <= rank, "{components} components, but the rows have only {rank}; ask for at most {rank}");
    Ok(())
}

/// Random Fourier features of the RBF kernel.
pub(crate) fn fourier(gamma: f64, columns: usize, count: usize, seed: u64) -> Lift {
    let mut random = rng(seed, "random features");
    let deviation = (2.0 * gamma).sqrt();
    let mut normal = || -> f64 { StandardNormal.sample(&mut random) };
    let frequencies = Mat::from_fn(columns, count, |_, _| deviation * normal());
    let phases = (0..count).map(|_| random.random_range(0.0..std::f64::consts::TAU)).collect();
    Lift::Fourier { frequencies, phases }
}

/// Subtracts the mean of each column.
pub(crate) fn center(columns: &mut Mat<f64>) {
    for (column, mean) in column_means(columns.as_ref()).into_iter().enumerate() {
        columns.col_mut(column).iter_mut().for_each(|value| *value -= mean);
    }
}

/// Calls `each` with the first row and the features of each block of rows, in order.
fn each_block(domains: &Domains, lift: &Prepared, lifted: Option<&Mat<f64>>, mut each: impl FnMut(usize, MatRef<f64>)) {
    for start in (0..domains.rows()).step_by(BLOCK) {
        let count = BLOCK.min(domains.rows() - start);
        match (lifted, lift) {
            (Some(lifted), _) => each(start, lifted.subrows(start, count)),
            (None, Prepared::Identity) => each(start, domains.block(start..start + count).as_ref()),
            (None, lift) => each(start, lift.apply(domains.block(start..start + count).as_ref()).as_ref()),
        }
    }
}

impl Moments {
    fn of(domains: &Domains, lift: &Lift, gram: bool, again: bool) -> Self {
        let (n, width) = (domains.rows(), lift.width(domains.columns()));
        let contrast = domains.contrast();
        let mut scatter = Mat::<f64>::zeros(width, width);
        let mut sum = vec![0.0; width];
        let mut difference = Mat::<f64>::zeros(width, 1);
        // What is subtracted from each row, near their mean, which squares would otherwise drown in rounding.
        let mut shift: Option<Vec<f64>> = None;
        let mut lifted = (again && *lift != Lift::Identity).then(|| Mat::<f64>::zeros(n, width));
        each_block(domains, &lift.prepare(), None, |start, block| {
            if let Some(lifted) = &mut lifted {
                lifted.subrows_mut(start, block.nrows()).copy_from(block);
            }
            let shift = shift.get_or_insert_with(|| column_means(block));
            let mut block = block.to_owned();
            for (column, (shift, sum)) in shift.iter().zip(&mut sum).enumerate() {
                block.col_mut(column).iter_mut().for_each(|value| *value -= shift);
                *sum += block.col(column).iter().sum::<f64>();
            }
            let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
            triangular::matmul(
                &mut scatter,
                lower,
                Accum::Add,
                block.transpose(),
                full,
                &block,
                full,
                1.0,
                parallelism(),
            );
            let own = contrast.subrows(start, block.nrows());
            matmul(&mut difference, Accum::Add, block.transpose(), own, 1.0, parallelism());
        });
        mirror_lower(scatter.as_mut());
        let shift = shift.unwrap_or_default();
        let count = n as f64;
        // With rows f = s + g of sum t: F'F = G'G + s t' + t s' + n s s', and F'H F = G'G - t t' / n.
        let gram = gram.then(|| {
            Mat::from_fn(width, width, |i, j| {
                scatter[(i, j)] + shift[i] * sum[j] + sum[i] * shift[j] + count * shift[i] * shift[j]
            })
        });
        scatter = Mat::from_fn(width, width, |i, j| scatter[(i, j)] - sum[i] * sum[j] / count);
        Self { gram, scatter, difference, lifted }
    }
}
