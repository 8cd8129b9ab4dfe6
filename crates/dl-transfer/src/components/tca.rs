//! Transfer component analysis (Pan, Tsang, Kwok and Yang 2011, Domain adaptation via transfer component analysis,
//! section III): max tr(W'K H K W) subject to W' (K L K + mu I) W = I, L = e e', e = (1/ns, ..., -1/nt, ...). L has
//! rank 1, so nothing needs the cube of the rows.

use anyhow::Result;
use faer::MatRef;

use super::domains::Domains;
use super::pencil::low_rank;
use super::space::Space;
use super::{Approximation, Form, KernelFit, Regularization};
use crate::Kernel;

/// Options of [`tca`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TcaConfig {
    /// k.
    pub components: usize,
    /// The penalty.
    pub regularization: Regularization,
    /// The function that is fitted.
    pub form: Form,
    /// How the kernel matrix is had.
    pub approximation: Approximation,
    /// Seed of landmarks, random features and the eigenvectors' start.
    pub seed: u64,
}

impl Default for TcaConfig {
    /// Those of the table of Long et al. 2013 for SURF features.
    fn default() -> Self {
        Self {
            components: 100,
            regularization: Regularization::Lambda(1.0),
            form: Form::Dual(Kernel::Linear),
            approximation: Approximation::Exact,
            seed: 0,
        }
    }
}

/// Fits components to a `source` [ns, d] and a `target` [nt, d].
/// # Errors
/// When a domain has fewer than two rows, widths differ, a number is not finite, the rows have fewer components than
/// asked for, or an option does not suit the rows: a gamma that makes the kernel all 0 or 1, a kernel matrix beyond
/// memory.
pub fn tca(source: MatRef<f64>, target: MatRef<f64>, config: &TcaConfig) -> Result<KernelFit> {
    let TcaConfig { components, regularization, form, approximation, seed } = *config;
    let norm = 1.0 / source.nrows() as f64 + 1.0 / target.nrows() as f64;
    let domains = Domains::new(source, target)?;
    let mu = regularization.mu(norm)?;
    let space = Space::new(domains, form, approximation, components, seed, false)?;
    let found = low_rank(|columns| space.scatter(columns), space.difference.as_ref(), mu, components, seed)?;
    let embedded = space.embed(found.weights.as_ref());
    Ok(KernelFit { map: space.map(found.weights.as_ref()), embedded, eigenvalues: found.values })
}
