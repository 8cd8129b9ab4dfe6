//! Places of patches for images of another size than in training.

use candle_core::{Result, Tensor};

/// Resizes the vectors [side * side, width] of a square grid to those [rows * columns, width] of another grid, by the
/// bicubic interpolation of torch's `interpolate(align_corners=False)`. `smooth`: with `antialias=True`, which widens
/// the kernel when the grid shrinks (and has Pillow's a = -0.5 in place of -0.75).
/// # Errors
/// When candle fails.
pub(super) fn resized(places: &Tensor, side: usize, [rows, columns]: [usize; 2], smooth: bool) -> Result<Tensor> {
    let [of_rows, of_columns] = [rows, columns].map(|length| weights(side, length, smooth));
    // Row (r, c) of the weights is the outer product of row r and of column c.
    let mut both = Vec::with_capacity(rows * columns * side * side);
    for row in of_rows.chunks_exact(side) {
        for column in of_columns.chunks_exact(side) {
            both.extend(row.iter().flat_map(|a| column.iter().map(move |b| a * b)));
        }
    }
    Tensor::from_vec(both, (rows * columns, side * side), places.device())?.matmul(&places.contiguous()?)
}

/// The weight of each of `from` inputs in each of `to` outputs, [to, from].
fn weights(from: usize, to: usize, smooth: bool) -> Vec<f32> {
    let scale = from as f32 / to as f32;
    let mut weights = vec![0.0_f32; to * from];
    for (index, row) in weights.chunks_exact_mut(from).enumerate() {
        let center = scale * (index as f32 + 0.5);
        if smooth {
            let wide = scale.max(1.0);
            let support = 2.0 * wide;
            let first = (center - support + 0.5).max(0.0) as usize;
            let end = ((center + support + 0.5) as usize).min(from);
            for (place, weight) in row.iter_mut().enumerate().take(end).skip(first) {
                *weight = cubic((place as f32 - center + 0.5) / wide, -0.5);
            }
            let sum: f32 = row.iter().sum();
            row.iter_mut().for_each(|weight| *weight /= sum);
        } else {
            let left = (center - 0.5).floor();
            for offset in -1..=2 {
                let place = left + offset as f32;
                row[place.clamp(0.0, from as f32 - 1.0) as usize] += cubic(center - 0.5 - place, -0.75);
            }
        }
    }
    weights
}

/// Keys's cubic.
fn cubic(x: f32, a: f32) -> f32 {
    let x = x.abs();
    if x < 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        ((x - 5.0) * x + 8.0) * a * x - 4.0 * a
    } else {
        0.0
    }
}
