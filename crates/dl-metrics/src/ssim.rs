//! Structural similarity (Wang et al. 2004, Image quality assessment: from error visibility to structural similarity).
//!
//! Two windows are in use, and they give different numbers: [`Window::uniform`] is scikit-image's default,
//! [`Window::gaussian`] the paper's and that of the super-resolution papers. Both are separable, and only places where the
//! whole window fits count. Values are from 0 to 255.

use anyhow::{Result, ensure};
use rayon::prelude::*;

use crate::planes::Planes;

/// (0.01 * 255)^2 and (0.03 * 255)^2.
const C1: f64 = 6.5025;
const C2: f64 = 58.5225;
/// Rows that one task computes. Fixed, so that sums do not depend on `--threads`.
const BAND: usize = 32;

/// How local means and variances are weighted.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// The weights of a row, and of a column; they sum to 1.
    taps: Vec<f64>,
    /// Variances are multiplied by it: 1, or n / (n - 1) for those of a sample.
    factor: f64,
}

impl Window {
    /// 7 x 7 equal weights and the covariance of a sample: scikit-image's `structural_similarity` by default.
    pub fn uniform() -> Self {
        Self { taps: vec![1.0 / 7.0; 7], factor: 49.0 / 48.0 }
    }

    /// 11 x 11 weights of a Gaussian with sigma 1.5: the paper, BasicSR, and scikit-image with `gaussian_weights`, `sigma=1.5`
    /// and `use_sample_covariance=False`.
    pub fn gaussian() -> Self {
        let weights: Vec<f64> = (-5..=5).map(|x| (-f64::from(x * x) / (2.0 * 1.5 * 1.5)).exp()).collect();
        let sum: f64 = weights.iter().sum();
        Self { taps: weights.iter().map(|weight| weight / sum).collect(), factor: 1.0 }
    }

    /// Its side in pixels.
    pub fn side(&self) -> usize {
        self.taps.len()
    }
}

/// Means over the places of a channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Similarity {
    /// Of luminance, contrast and structure together.
    pub(crate) whole: f64,
    /// Of contrast and structure alone.
    pub(crate) contrast: f64,
}

/// The similarity of two images, at most 1: the mean over the places, then over the channels.
/// # Errors
/// When the sizes differ, or an image is smaller than the window.
pub fn ssim(first: &Planes, second: &Planes, window: &Window) -> Result<f64> {
    let channels = similarities(first, second, window)?;
    Ok(channels.iter().map(|channel| channel.whole).sum::<f64>() / channels.len() as f64)
}

/// The similarity of each channel.
pub(crate) fn similarities(first: &Planes, second: &Planes, window: &Window) -> Result<Vec<Similarity>> {
    first.check_same(second)?;
    let (width, height, side) = (first.width, first.height, window.side());
    ensure!(
        width.min(height) >= side,
        "an image of {width} x {height} pixels is smaller than the window of {side} x {side}"
    );
    let places = (height - side + 1) * (width - side + 1);
    let channel = |(a, b): (&Vec<f64>, &Vec<f64>)| {
        let bands = (0..height - side + 1).into_par_iter().step_by(BAND);
        let sums = bands.map(|first| {
            let last = (first + BAND).min(height - side + 1);
            band(&a[first * width..], &b[first * width..], [width, last - first], window)
        });
        let sums = sums.collect::<Vec<[f64; 2]>>();
        let mean = |of: usize| sums.iter().map(|sums| sums[of]).sum::<f64>() / places as f64;
        Similarity { whole: mean(0), contrast: mean(1) }
    };
    Ok(first.channels.iter().zip(&second.channels).map(channel).collect())
}

/// The sums of the similarity, and of its contrast part, over `rows` rows of places.
fn band(a: &[f64], b: &[f64], [width, rows]: [usize; 2], window: &Window) -> [f64; 2] {
    let Window { taps, factor } = window;
    let places = width - taps.len() + 1;
    // Of a row: the weighted sums over the column of a window, of a, b, a^2 + b^2 and a b.
    let mut columns = [const { Vec::new() }; 4].map(|_: Vec<f64>| vec![0.0; width]);
    let mut means = [const { Vec::new() }; 4].map(|_: Vec<f64>| vec![0.0; places]);
    let mut sums = [0.0; 2];
    for row in 0..rows {
        columns.iter_mut().for_each(|column| column.fill(0.0));
        for (tap, weight) in taps.iter().enumerate() {
            let at = (row + tap) * width;
            add_row(&a[at..at + width], &b[at..at + width], *weight, &mut columns);
        }
        for (column, mean) in columns.iter().zip(&mut means) {
            mean.fill(0.0);
            for (tap, weight) in taps.iter().enumerate() {
                mean.iter_mut().zip(&column[tap..]).for_each(|(mean, value)| *mean += weight * value);
            }
        }
        let [of_a, of_b, squares, products] = &means;
        // Several sums, so that they do not wait for each other.
        let mut lanes = [[0.0; 8]; 2];
        for place in 0..places {
            let (a, b) = (of_a[place], of_b[place]);
            let (both, norms) = (a * b, a * a + b * b);
            let contrast = (2.0 * factor * (products[place] - both) + C2) / (factor * (squares[place] - norms) + C2);
            lanes[0][place % 8] += (2.0 * both + C1) / (norms + C1) * contrast;
            lanes[1][place % 8] += contrast;
        }
        sums.iter_mut().zip(lanes).for_each(|(sum, lanes)| *sum += lanes.iter().sum::<f64>());
    }
    sums
}

fn add_row(a: &[f64], b: &[f64], weight: f64, columns: &mut [Vec<f64>; 4]) {
    let [of_a, of_b, squares, products] = columns;
    let sums = of_a.iter_mut().zip(of_b).zip(squares.iter_mut().zip(products));
    for ((a, b), ((of_a, of_b), (square, product))) in a.iter().zip(b).zip(sums) {
        let (weighted_a, weighted_b) = (weight * a, weight * b);
        *of_a += weighted_a;
        *of_b += weighted_b;
        *square += weighted_a * a + weighted_b * b;
        *product += weighted_a * b;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;
    use crate::planes::{golden_pair, shared_pairs};

    #[test]
    fn similarities_equal_those_of_scikit_image_and_of_basicsrs_formula() {
        for case in golden()["images"].as_array().unwrap() {
            let side = |key: &str| case[key].as_u64().unwrap() as usize;
            let [a, b] = golden_pair(side("width"), side("height"));
            let close = |found: f64, key: &str| {
                let expected = case[key].as_f64().unwrap();
                assert!((found - expected).abs() < 1e-9, "{key} {found}, expected {expected}");
            };
            close(ssim(&a, &b, &Window::uniform()).unwrap(), "ssim_skimage");
            close(ssim(&a, &b, &Window::gaussian()).unwrap(), "ssim_gaussian");
            let luma = |planes: &Planes| planes.luma().unwrap().cropped(side("border")).unwrap();
            close(ssim(&luma(&a), &luma(&b), &Window::gaussian()).unwrap(), "ssim_sr");
        }
    }

    #[test]
    fn similarities_of_photos_equal_the_stated_ones() {
        for (expected, [a, b]) in shared_pairs() {
            let close = |found: f64, key: &str| {
                let Some(expected) = expected[key].as_f64() else { return };
                assert!((found - expected).abs() < 1e-6, "{key} {found}, expected {expected}");
            };
            close(ssim(&a, &b, &Window::uniform()).unwrap(), "ssim_scikit_image_default");
            close(ssim(&a, &b, &Window::gaussian()).unwrap(), "ssim");
            let luma = |planes: &Planes, border| planes.luma().unwrap().cropped(border).unwrap();
            for border in [0, 4] {
                let found = ssim(&luma(&a, border), &luma(&b, border), &Window::gaussian()).unwrap();
                close(found, &format!("ssim_y_border{border}"));
            }
        }
    }

    #[test]
    fn equal_images_are_one_and_small_ones_are_refused() {
        let [a, _] = golden_pair(40, 45);
        assert!((ssim(&a, &a, &Window::uniform()).unwrap() - 1.0).abs() < 1e-12);
        let [small, other] = golden_pair(10, 40);
        assert!(ssim(&small, &other, &Window::uniform()).is_ok());
        let error = ssim(&small, &other, &Window::gaussian()).unwrap_err().to_string();
        assert_eq!(error, "an image of 10 x 40 pixels is smaller than the window of 11 x 11");
    }

    #[test]
    fn the_similarity_has_the_same_bits_with_any_number_of_threads() {
        let [a, b] = golden_pair(90, 150);
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| ssim(&a, &b, &Window::uniform()).unwrap())
        };
        assert_eq!(on(1).to_bits(), on(3).to_bits());
    }
}
