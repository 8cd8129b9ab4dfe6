//! Images of StyleGAN: truncated and mixed styles.

use anyhow::{Context, Result, ensure};
use dl_models::gan::{Condition, Style};

use super::Latents;

/// `--mix`: the first and the last layer.
pub(super) fn layers(text: &str) -> Result<[usize; 2]> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| text.parse().context("expected layers, such as 0-3");
    let layers = [number(first)?, number(last)?];
    ensure!(layers[0] <= layers[1], "expected layers in order, such as 0-3");
    Ok(layers)
}

/// Images, each [channels, height, width]; `styled`: the vectors are the styles of all layers already.
pub(super) fn images(
    style: &Style,
    latents: &Latents,
    condition: Condition,
    psi: f64,
    styled: bool,
) -> Result<Vec<f32>> {
    if styled {
        let styles = truncated(&latents.vectors, &style.average()?, psi);
        return style.synthesize(&styles, &latents.noise);
    }
    let styles = truncated(&style.map(&latents.vectors, condition)?, &style.average()?, psi);
    let all: Vec<f32> = styles.chunks_exact(style.columns()).flat_map(|own| own.repeat(style.layers())).collect();
    style.synthesize(&all, &latents.noise)
}

/// The images of a sheet of [rows + 1, columns + 1]: the unmixed ones of the columns in the first row, those of the rows in the
/// first column, and nothing in the corner. `latents`: of the rows, then of the columns. A mixed image has the noise of its
/// row.
pub(super) fn mixed(
    style: &Style,
    latents: &Latents,
    condition: Condition,
    psi: f64,
    [first, last]: [usize; 2],
    [rows, columns]: [usize; 2],
) -> Result<Vec<f32>> {
    ensure!(last < style.layers(), "--mix {first}-{last}: the generator has layers 0 to {}", style.layers() - 1);
    let wide = style.columns();
    let styles = truncated(&style.map(&latents.vectors, condition)?, &style.average()?, psi);
    let own = |sample: usize| &styles[sample * wide..][..wide];
    let noise_of = |sample: usize| &latents.noise[sample * style.noise_numbers()..][..style.noise_numbers()];
    let (mut all, mut noise) = (Vec::new(), Vec::new());
    for place in 1..(rows + 1) * (columns + 1) {
        // The samples of the row and the column; of the edges, one of them twice.
        let (row, column) = (place / (columns + 1), place % (columns + 1));
        let column = (column > 0).then(|| rows + column - 1);
        let row = (row > 0).then(|| row - 1);
        let (Some(base), Some(over)) = (row.or(column), column.or(row)) else { continue };
        noise.extend_from_slice(noise_of(base));
        for layer in 0..style.layers() {
            all.extend_from_slice(own(if (first..=last).contains(&layer) { over } else { base }));
        }
    }
    let images = style.synthesize(&all, &noise)?;
    let corner = vec![-1.0; images.len() / ((rows + 1) * (columns + 1) - 1)];
    Ok([corner, images].concat())
}

/// Styles moved toward the mean (Karras et al. 2019, appendix B).
fn truncated(styles: &[f32], average: &[f32], psi: f64) -> Vec<f32> {
    if psi == 1.0 {
        return styles.to_vec();
    }
    let psi = psi as f32;
    styles.iter().zip(average.iter().cycle()).map(|(number, mean)| mean + psi * (number - mean)).collect()
}
