//! Subspace alignment (Fernando et al. 2013): the principal directions of the source are turned to those of the target.

use anyhow::Result;

use crate::affine::Affine;
use crate::linalg::product;
use crate::moments::Spectrum;
use crate::pca::directions;

/// The maps of source and target rows to `components` columns: Zs = (Xs - mean) Ps Ps' Pt and Zt = (Xt - mean) Pt, each
/// domain centered by its own mean (section 3.2, with the directions Ps and Pt as columns).
/// # Errors
/// When a domain has fewer directions with variance.
pub fn subspace(source: &Spectrum, target: &Spectrum, components: usize) -> Result<[Affine; 2]> {
    let of_source = directions(source, components, "the source rows")?;
    let of_target = directions(target, components, "the target rows")?;
    let aligned = product(of_source.as_ref(), product(of_source.transpose(), of_target.as_ref()).as_ref());
    let map = |mean: &[f64], matrix| Affine { shift: Some(mean.to_vec()), matrix: Some(matrix), ..Affine::default() };
    Ok([map(&source.mean, aligned), map(&target.mean, of_target)])
}
