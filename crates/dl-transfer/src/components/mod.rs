//! Components in which two domains are alike: TCA, SSTCA and JDA, one problem in one set of coordinates.

mod domains;
mod jda;
mod nearest;
mod pencil;
mod space;
mod sstca;
mod tca;

use anyhow::{Result, ensure};
use faer::{Mat, MatRef};

pub use jda::{JdaConfig, JdaFit, jda};
pub use sstca::{SstcaConfig, sstca};
pub use tca::{TcaConfig, tca};

#[cfg(test)]
pub(crate) use space::fourier;

use crate::kernel::median_gamma_of;
use crate::{Kernel, KernelMap};
use domains::Domains;

/// What the components of a row are a function of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    /// The features: a linear projection W [d, k], with |W|^2 penalized.
    Primal,
    /// The kernel with each row of the fit, with the weights of the rows penalized.
    Dual(Kernel),
}

/// How the kernel matrix of the dual form is had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Approximation {
    /// All of it, [n, n]; for the linear kernel of fewer columns than rows, the same result by the columns.
    #[default]
    Exact,
    /// By this many rows, drawn without replacement from both domains (Nystrom; Williams and Seeger 2001). All rows
    /// give the exact result.
    Landmarks(usize),
    /// By this many random Fourier features, for the RBF kernel.
    RandomFeatures(usize),
}

/// How much the weights are penalized, against the distance between the domains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Regularization {
    /// mu itself, of Pan et al. 2011.
    Mu(f64),
    /// lambda of the authors of JDA, who divide the matrix of the distances by its Frobenius norm: mu = lambda times
    /// this norm, which is 1/ns + 1/nt for TCA with ns rows in the source and nt in the target.
    Lambda(f64),
}

impl Regularization {
    /// mu, for the Frobenius norm of the matrix of the distances.
    fn mu(self, norm: f64) -> Result<f64> {
        let (name, value, mu) = match self {
            Self::Mu(mu) => ("mu", mu, mu),
            Self::Lambda(lambda) => ("lambda", lambda, lambda * norm),
        };
        ensure!(mu > 0.0 && mu.is_finite(), "{name} must be a number above 0, not {value}");
        Ok(mu)
    }
}

/// Components of two domains.
#[derive(Clone, Debug, PartialEq)]
pub struct KernelFit {
    /// Maps new rows.
    pub map: KernelMap,
    /// The components [ns + nt, k] of the rows of the fit, source first. Of TCA, the scatter of a column is its
    /// eigenvalue.
    pub embedded: Mat<f64>,
    /// [k], largest first.
    pub eigenvalues: Vec<f64>,
}

/// The median heuristic for the RBF kernel: gamma = 1 / (2 m^2), where m is the median distance between two different
/// rows, of at most 1000 drawn from both domains, [ns, d] and [nt, d].
/// # Errors
/// When a domain has fewer than two rows, widths differ, a number is not finite, or all rows are equal.
pub fn median_gamma(source: MatRef<f64>, target: MatRef<f64>, seed: u64) -> Result<f64> {
    median_gamma_of(Domains::new(source, target)?.sample(1000, seed))
}

/// Checks that there is a class per row of the source.
fn check_classes(source: MatRef<f64>, classes: &[usize]) -> Result<()> {
    let (labels, rows) = (classes.len(), source.nrows());
    ensure!(labels == rows, "{labels} classes for the {rows} rows of the source");
    Ok(())
}

#[cfg(test)]
mod tests;
