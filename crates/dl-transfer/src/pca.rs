//! Principal component analysis.

use anyhow::{Result, ensure};

use crate::affine::Affine;
use crate::moments::Spectrum;

/// Centers rows and projects them on the first `components` principal directions; with `whiten`, to variance 1 along
/// each.
/// # Errors
/// When there are fewer directions with variance.
pub fn pca(spectrum: &Spectrum, components: usize, whiten: bool) -> Result<Affine> {
    let mut matrix = directions(spectrum, components, "the rows")?;
    if whiten {
        for (column, variance) in spectrum.variances[..components].iter().enumerate() {
            matrix.col_mut(column).iter_mut().for_each(|value| *value /= variance.sqrt());
        }
    }
    Ok(Affine { shift: Some(spectrum.mean.clone()), matrix: Some(matrix), ..Affine::default() })
}

/// The first `components` principal directions, [d, components]; `whose` names the rows in the error.
pub(crate) fn directions(spectrum: &Spectrum, components: usize, whose: &str) -> Result<faer::Mat<f64>> {
    let rank = spectrum.variances.len();
    ensure!(rank > 0, "{whose} are all equal: they have no principal direction");
    ensure!(
        (1..=rank).contains(&components),
        "{components} components, but {whose} have rank {rank}; choose from 1 to {rank}"
    );
    Ok(spectrum.directions.subcols(0, components).to_owned())
}
