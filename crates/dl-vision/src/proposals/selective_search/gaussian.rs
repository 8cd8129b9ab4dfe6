//! Gaussian smoothing and derivatives, separable, with the border repeated.

use crate::wide::wide;

/// Smooths like Felzenszwalb and Huttenlocher's code: the mask extends ceil(4 sigma) to each side.
pub(super) fn smooth(plane: &[f32], width: usize, height: usize, sigma: f32) -> Vec<f32> {
    let mask = mask(sigma);
    convolve(plane, width, height, &mask, &mask)
}

/// The Gaussian derivatives of the plane along x and y.
pub(super) fn derivatives(plane: &[f32], width: usize, height: usize, sigma: f32) -> (Vec<f32>, Vec<f32>) {
    let mask = mask(sigma);
    let radius = (mask.len() / 2) as f32;
    let slope: Vec<f32> =
        mask.iter().enumerate().map(|(i, weight)| (i as f32 - radius) / sigma.powi(2) * weight).collect();
    (convolve(plane, width, height, &slope, &mask), convolve(plane, width, height, &mask, &slope))
}

fn mask(sigma: f32) -> Vec<f32> {
    let sigma = sigma.max(0.01);
    let radius = (4.0 * sigma).ceil() as i32;
    let mut mask: Vec<f32> = (-radius..=radius).map(|i| (-0.5 * (i as f32 / sigma).powi(2)).exp()).collect();
    let sum: f32 = mask.iter().sum();
    mask.iter_mut().for_each(|weight| *weight /= sum);
    mask
}

wide! {
    /// Correlation with `along_x` in each row, then with `along_y` in each column; both of odd length.
    fn convolve(plane: &[f32], width: usize, height: usize, along_x: &[f32], along_y: &[f32]) -> Vec<f32> {
        let mut rows = vec![0.0; plane.len()];
        let radius = along_x.len() / 2;
        let mut padded = vec![0.0; width + 2 * radius];
        for (from, to) in plane.chunks_exact(width).zip(rows.chunks_exact_mut(width)) {
            padded[..radius].fill(from[0]);
            padded[radius..radius + width].copy_from_slice(from);
            padded[radius + width..].fill(from[width - 1]);
            for (offset, weight) in along_x.iter().enumerate() {
                add_scaled(to, &padded[offset..offset + width], *weight);
            }
        }
        let mut result = vec![0.0; plane.len()];
        let radius = along_y.len() / 2;
        for (y, to) in result.chunks_exact_mut(width).enumerate() {
            for (offset, weight) in along_y.iter().enumerate() {
                let from = (y + offset).saturating_sub(radius).min(height - 1) * width;
                add_scaled(to, &rows[from..from + width], *weight);
            }
        }
        result
    }
}

#[inline(always)]
fn add_scaled(to: &mut [f32], from: &[f32], weight: f32) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += weight * from);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_is_unchanged_and_its_derivative_is_its_slope() {
        let (width, height) = (31, 23);
        let ramp: Vec<f32> = (0..width * height).map(|i| 3.0 * (i % width) as f32 - 2.0 * (i / width) as f32).collect();
        let smooth = smooth(&ramp, width, height, 0.8);
        let (along_x, along_y) = derivatives(&ramp, width, height, 1.0);
        let middle = height / 2 * width + width / 2;
        assert!((smooth[middle] - ramp[middle]).abs() < 1e-4);
        assert!((along_x[middle] - 3.0).abs() < 1e-2, "{}", along_x[middle]);
        assert!((along_y[middle] + 2.0).abs() < 1e-2, "{}", along_y[middle]);
    }

    #[test]
    fn sigma_0_and_single_pixels_leave_the_image_unchanged() {
        let plane: Vec<f32> = (0..20).map(|i| (i * i % 7) as f32).collect();
        assert_eq!(smooth(&plane, 5, 4, 0.0), plane);
        assert!((smooth(&[9.0], 1, 1, 0.8)[0] - 9.0).abs() < 1e-5);
        assert_eq!(derivatives(&[9.0; 40], 1, 40, 1.0).0.len(), 40);
    }
}
