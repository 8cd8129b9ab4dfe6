//! Structural similarity (Wang et al. 2004, Image quality assessment: from error visibility to structural similarity).
//!
//! Two windows are in use, and they give different numbers: [`Window::Uniform`] is scikit-image's default,
//! [`Window::Gaussian`] the paper's and that of the super-resolution papers. Both are separable, and only places where the
//! whole window fits count. Values are from 0 to 255.

use anyhow::{Result, ensure};
use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;

use crate::planes::Planes;

/// (0.01 * 255)^2 and (0.03 * 255)^2.
const C1: f64 = 6.5025;
const C2: f64 = 58.5225;
/// Rows that one task computes. Fixed, so that sums do not depend on `--threads`.
const BAND: usize = 64;

/// How local means and variances are weighted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// 7 x 7 equal weights and the covariance of a sample: scikit-image's `structural_similarity` by default.
    Uniform,
    /// 11 x 11 weights of a Gaussian with sigma 1.5: the paper, BasicSR, and scikit-image with `gaussian_weights`, `sigma=1.5`
    /// and `use_sample_covariance=False`.
    Gaussian,
}

impl Window {
    /// Its side in pixels.
    pub fn side(self) -> usize {
        match self {
            Self::Uniform => 7,
            Self::Gaussian => 11,
        }
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
pub fn ssim(first: &Planes, second: &Planes, window: Window) -> Result<f64> {
    let channels = similarities(first, second, window)?;
    Ok(channels.iter().map(|channel| channel.whole).sum::<f64>() / channels.len() as f64)
}

/// The similarity of each channel.
pub(crate) fn similarities(first: &Planes, second: &Planes, window: Window) -> Result<Vec<Similarity>> {
    first.check_same(second)?;
    let (width, height, side) = (first.width, first.height, window.side());
    ensure!(
        width.min(height) >= side,
        "an image of {width} x {height} pixels is smaller than the window of {side} x {side}"
    );
    let rows = height - side + 1;
    let channel = |(a, b): (&Vec<f64>, &Vec<f64>)| {
        let bands = (0..rows).into_par_iter().step_by(BAND);
        let sums = bands.map(|first| {
            let range = first * width..((first + BAND).min(rows) + side - 1) * width;
            let (a, b) = (&a[range.clone()], &b[range]);
            match window {
                Window::Uniform => {
                    Arch::new().dispatch(Band { a, b, width, taps: &[1.0 / 7.0; 7], factor: 49.0 / 48.0 })
                }
                Window::Gaussian => Arch::new().dispatch(Band { a, b, width, taps: &gaussian_taps(), factor: 1.0 }),
            }
        });
        let sums = sums.collect::<Vec<[f64; 2]>>();
        let places = (rows * (width - side + 1)) as f64;
        let mean = |of: usize| sums.iter().map(|sums| sums[of]).sum::<f64>() / places;
        Similarity { whole: mean(0), contrast: mean(1) }
    };
    Ok(first.channels.iter().zip(&second.channels).map(channel).collect())
}

fn gaussian_taps() -> [f64; 11] {
    let weight = |index: usize| (-(index as f64 - 5.0).powi(2) / (2.0 * 1.5 * 1.5)).exp();
    let sum: f64 = (0..11).map(weight).sum();
    std::array::from_fn(|index| weight(index) / sum)
}

/// Rows of `width` pixels, with a separable window of `taps`; variances are multiplied by `factor`.
struct Band<'a, const N: usize> {
    a: &'a [f64],
    b: &'a [f64],
    width: usize,
    taps: &'a [f64; N],
    factor: f64,
}

/// Compiled for each instruction set; none of them changes a result.
impl<const N: usize> NullaryFnOnce for Band<'_, N> {
    /// The sums of the similarity, and of its contrast part.
    type Output = [f64; 2];

    #[inline(always)]
    fn call(self) -> [f64; 2] {
        let Self { a, b, width, taps, factor } = self;
        let places = width - N + 1;
        // Of the last N rows: the weighted sums over the row of a window, of a, b, a^2 + b^2 and a b.
        let mut means: [[Vec<f64>; 4]; N] = std::array::from_fn(|_| std::array::from_fn(|_| vec![0.0; places]));
        let mut products = [vec![0.0; width], vec![0.0; width]];
        let mut found = [vec![0.0; places], vec![0.0; places]];
        let mut sums = [0.0; 2];
        for (row, (a, b)) in a.chunks_exact(width).zip(b.chunks_exact(width)).enumerate() {
            let [squares, mixed] = &mut products;
            for (((a, b), square), mixed) in a.iter().zip(b).zip(&mut *squares).zip(&mut *mixed) {
                *square = a * a + b * b;
                *mixed = a * b;
            }
            let slot = &mut means[row % N];
            for (values, means) in [a, b, squares, mixed].into_iter().zip(slot) {
                filter(values, taps, means);
            }
            if row + 1 < N {
                continue;
            }
            // The oldest row first.
            let rows: [&[Vec<f64>; 4]; N] = std::array::from_fn(|tap| &means[(row + 1 + tap) % N]);
            let [whole, contrast] = &mut found;
            compare(rows, taps, factor, whole, contrast);
            sums[0] += sum(whole);
            sums[1] += sum(contrast);
        }
        sums
    }
}

/// The weighted sums over N neighbors.
#[inline(always)]
fn filter<const N: usize>(values: &[f64], taps: &[f64; N], sums: &mut [f64]) {
    let shifted: [&[f64]; N] = std::array::from_fn(|tap| &values[tap..][..sums.len()]);
    for (place, sum) in sums.iter_mut().enumerate() {
        let mut weighted = 0.0;
        for tap in 0..N {
            weighted += taps[tap] * shifted[tap][place];
        }
        *sum = weighted;
    }
}

/// The similarity at each place of a row, and its contrast part, from the rows below each other.
#[inline(always)]
fn compare<const N: usize>(
    rows: [&[Vec<f64>; 4]; N],
    taps: &[f64; N],
    factor: f64,
    whole: &mut [f64],
    contrast: &mut [f64],
) {
    let places = whole.len();
    let contrast = &mut contrast[..places];
    let rows: [[&[f64]; 4]; N] = rows.map(|row| std::array::from_fn(|of| &row[of][..places]));
    for place in 0..places {
        let mut means = [0.0; 4];
        for tap in 0..N {
            for of in 0..4 {
                means[of] += taps[tap] * rows[tap][of][place];
            }
        }
        let [a, b, squares, mixed] = means;
        let (both, norms) = (a * b, a * a + b * b);
        let of_contrast = (2.0 * factor * (mixed - both) + C2) / (factor * (squares - norms) + C2);
        contrast[place] = of_contrast;
        whole[place] = (2.0 * both + C1) / (norms + C1) * of_contrast;
    }
}

/// In eight sums that do not wait for each other.
#[inline(always)]
fn sum(values: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    let (chunks, rest) = values.as_chunks::<8>();
    for chunk in chunks {
        for lane in 0..8 {
            lanes[lane] += chunk[lane];
        }
    }
    lanes.iter().sum::<f64>() + rest.iter().sum::<f64>()
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
            close(ssim(&a, &b, Window::Uniform).unwrap(), "ssim_skimage");
            close(ssim(&a, &b, Window::Gaussian).unwrap(), "ssim_gaussian");
            let luma = |planes: &Planes| planes.luma().unwrap().cropped(side("border")).unwrap();
            close(ssim(&luma(&a), &luma(&b), Window::Gaussian).unwrap(), "ssim_sr");
        }
    }

    #[test]
    fn similarities_of_photos_equal_the_stated_ones() {
        for (expected, [a, b]) in shared_pairs() {
            let close = |found: f64, key: &str| {
                let Some(expected) = expected[key].as_f64() else { return };
                assert!((found - expected).abs() < 1e-6, "{key} {found}, expected {expected}");
            };
            close(ssim(&a, &b, Window::Uniform).unwrap(), "ssim_scikit_image_default");
            close(ssim(&a, &b, Window::Gaussian).unwrap(), "ssim");
            let luma = |planes: &Planes, border| planes.luma().unwrap().cropped(border).unwrap();
            for border in [0, 4] {
                let found = ssim(&luma(&a, border), &luma(&b, border), Window::Gaussian).unwrap();
                close(found, &format!("ssim_y_border{border}"));
            }
        }
    }

    #[test]
    fn equal_images_are_one_and_small_ones_are_refused() {
        let [a, _] = golden_pair(40, 45);
        assert!((ssim(&a, &a, Window::Uniform).unwrap() - 1.0).abs() < 1e-12);
        let [small, other] = golden_pair(10, 40);
        assert!(ssim(&small, &other, Window::Uniform).is_ok());
        let error = ssim(&small, &other, Window::Gaussian).unwrap_err().to_string();
        assert_eq!(error, "an image of 10 x 40 pixels is smaller than the window of 11 x 11");
    }

    #[test]
    fn the_similarity_has_the_same_bits_with_any_number_of_threads() {
        let [a, b] = golden_pair(90, 150);
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| ssim(&a, &b, Window::Uniform).unwrap())
        };
        assert_eq!(on(1).to_bits(), on(3).to_bits());
    }
}
