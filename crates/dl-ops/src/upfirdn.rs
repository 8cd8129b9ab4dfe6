//! Up- and downsampling through a FIR filter, the blur of StyleGAN (Karras et al. 2019, section 2; 2020, appendix B):
//! insert zeros, pad, filter, take every other number. It is a depthwise convolution with a constant weight.

use candle_core::{Result, Tensor, bail};

use crate::{Conv2dConfig, ConvTranspose2dConfig, Padding, conv_transpose2d, conv2d};

/// A resampling through a filter.
#[derive(Clone, Debug, PartialEq)]
pub struct Resampling {
    /// The filter along both axes, for example [1, 3, 3, 1]; its sum is normalized to 1.
    pub taps: Vec<f64>,
    /// Numbers per number of the input, along both axes.
    pub up: usize,
    /// Of these, one of so many is kept.
    pub down: usize,
    /// Zeros around the map between the two, in numbers after `up`.
    pub padding: Padding,
    /// Factor on the result: `up` squared keeps the brightness.
    pub gain: f64,
}

impl Resampling {
    /// The same size: StyleGAN's `filter2d`.
    pub fn blur(taps: &[f64]) -> Self {
        let (before, after) = (taps.len() / 2, taps.len().saturating_sub(1) / 2);
        let padding = Padding { top: before, bottom: after, left: before, right: after };
        Self { taps: taps.to_vec(), up: 1, down: 1, padding, gain: 1.0 }
    }

    /// `factor` times as large: StyleGAN's `upsample2d`.
    pub fn up(taps: &[f64], factor: usize) -> Self {
        let (before, after) = ((taps.len() + factor - 1) / 2, taps.len().saturating_sub(factor) / 2);
        let padding = Padding { top: before, bottom: after, left: before, right: after };
        Self { taps: taps.to_vec(), up: factor, down: 1, padding, gain: (factor * factor) as f64 }
    }

    /// A `factor`th of the size: StyleGAN's `downsample2d`.
    pub fn down(taps: &[f64], factor: usize) -> Self {
        let before = (taps.len() + 1).saturating_sub(factor) / 2;
        let after = taps.len().saturating_sub(factor) / 2;
        let padding = Padding { top: before, bottom: after, left: before, right: after };
        Self { taps: taps.to_vec(), up: 1, down: factor, padding, gain: 1.0 }
    }

    /// The steps for `channels` channels.
    /// # Errors
    /// When a number is 0, or zeros are inserted and numbers dropped at once, which StyleGAN never does.
    pub fn steps(&self, channels: usize) -> Result<ResamplingStep> {
        let total = self.taps.iter().sum::<f64>();
        if self.up == 0 || self.down == 0 || total == 0.0 {
            bail!("resampling: taps {:?}, up {}, down {}; none may be 0", self.taps, self.up, self.down);
        }
        if self.up > 1 && self.down > 1 {
            bail!("resampling up by {} and down by {} at once is not supported", self.up, self.down);
        }
        let scale = self.gain / total.powi(2);
        let product = |rows: &[f64], columns: &[f64]| -> Vec<f32> {
            let one: Vec<f32> = rows.iter().flat_map(|y| columns.iter().map(move |x| (y * x * scale) as f32)).collect();
            one.repeat(channels)
        };
        let Padding { top, bottom, left, right } = self.padding;
        if self.up == 1 {
            // A convolution in the sense of networks is a correlation.
            let backwards: Vec<f64> = self.taps.iter().rev().copied().collect();
            let config =
                Conv2dConfig { stride: [self.down; 2], padding: self.padding, groups: channels, ..Default::default() };
            let weight = product(&backwards, &backwards);
            return Ok(ResamplingStep::Down { weight, kernel: [self.taps.len(); 2], config });
        }
        let (Some(rows), Some(columns)) = (self.along(top, bottom), self.along(left, right)) else {
            bail!("resampling up by {} does not support the padding {:?}", self.up, self.padding);
        };
        let config = ConvTranspose2dConfig {
            stride: [self.up; 2],
            padding: [rows.cut, columns.cut],
            output_padding: [rows.extra, columns.extra],
            groups: channels,
            ..Default::default()
        };
        let (weight, kernel) = (product(&rows.taps, &columns.taps), [rows.taps.len(), columns.taps.len()]);
        Ok(ResamplingStep::Up { weight, kernel, config })
    }

    /// One axis of a transposed convolution, which removes as much before as after the map, up to `extra`: taps of zero
    /// move the result until that fits. `None` if there is more padding than the filter reaches.
    fn along(&self, before: usize, after: usize) -> Option<Axis> {
        let mut taps = self.taps.clone();
        let cut = (taps.len() - 1).checked_sub(before)?;
        let (mut cut, mut extra) = (cut, (self.up - 1 + after) as isize - before as isize);
        while extra < 0 {
            taps.insert(0, 0.0);
            (cut, extra) = (cut + 1, extra + 1);
        }
        while extra >= self.up as isize {
            taps.push(0.0);
            extra -= 1;
        }
        Some(Axis { taps, cut, extra: extra as usize })
    }
}

/// See [`Resampling::along`].
struct Axis {
    taps: Vec<f64>,
    cut: usize,
    extra: usize,
}

/// A resampling as a depthwise convolution, for training and for graphs.
#[derive(Clone, Debug)]
pub enum ResamplingStep {
    /// The map becomes smaller, or keeps its size.
    Down {
        /// [channels, 1, kh, kw]
        weight: Vec<f32>,
        /// [kh, kw]
        kernel: [usize; 2],
        /// The convolution.
        config: Conv2dConfig,
    },
    /// The map becomes larger.
    Up {
        /// [channels, 1, kh, kw]
        weight: Vec<f32>,
        /// [kh, kw]
        kernel: [usize; 2],
        /// The transposed convolution.
        config: ConvTranspose2dConfig,
    },
}

/// Resamples x [n, c, h, w] to [n, c, h', w'] with h' = (h up + top + bottom - taps) / down + 1.
/// # Errors
/// As [`Resampling::steps`], when the map is smaller than the filter, or candle fails.
pub fn upfirdn2d(x: &Tensor, resampling: &Resampling) -> Result<Tensor> {
    let (_, channels, _, _) = x.dims4()?;
    let weight = |numbers: Vec<f32>, [kh, kw]: [usize; 2]| {
        Tensor::from_vec(numbers, (channels, 1, kh, kw), x.device())?.to_dtype(x.dtype())
    };
    match resampling.steps(channels)? {
        ResamplingStep::Down { weight: numbers, kernel, config } => conv2d(x, &weight(numbers, kernel)?, None, &config),
        ResamplingStep::Up { weight: numbers, kernel, config } => {
            conv_transpose2d(x, &weight(numbers, kernel)?, None, &config)
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::gradient_check::{assert_close, check_gradients, draw, strided};

    fn cases() -> Vec<Resampling> {
        let mut cases = Vec::new();
        // Not symmetric, so that a filter that is not turned around shows.
        for taps in [vec![1.0, 3.0, 3.0, 1.0], vec![1.0, 2.0, 5.0], vec![1.0, 2.0]] {
            cases.extend([Resampling::blur(&taps), Resampling::up(&taps, 2), Resampling::down(&taps, 2)]);
        }
        cases.push(Resampling {
            padding: Padding { top: 2, bottom: 0, left: 1, right: 3 },
            ..Resampling::blur(&[1.0, 0.5, 2.0])
        });
        for up in [2, 3] {
            let padding = Padding { top: 2, bottom: 0, left: 1, right: 5 };
            cases.push(Resampling { padding, ..Resampling::up(&[1.0, 0.5, 2.0], up) });
        }
        cases
    }

    /// By the definition: zeros, padding, the filter, every other number.
    fn naive(x: &Tensor, resampling: &Resampling) -> Tensor {
        let (n, c, h, w) = x.dims4().unwrap();
        let Resampling { taps, up, down, padding, gain } = resampling;
        let Padding { top, bottom, left, right } = *padding;
        let (height, width) = (h * up + top + bottom, w * up + left + right);
        let x: Vec<f32> = x.flatten_all().unwrap().to_vec1().unwrap();
        let total: f64 = taps.iter().sum();
        let [rows, columns] = [height, width].map(|side| (side - taps.len()) / down + 1);
        let mut result = Vec::new();
        for plane in x.chunks_exact(h * w) {
            let mut wide = vec![0.0; height * width];
            for (place, number) in plane.iter().enumerate() {
                wide[(place / w * up + top) * width + place % w * up + left] = f64::from(*number);
            }
            for y in 0..rows {
                for x in 0..columns {
                    let mut sum = 0.0;
                    for (i, a) in taps.iter().rev().enumerate() {
                        for (j, b) in taps.iter().rev().enumerate() {
                            sum += a * b * wide[(y * down + i) * width + x * down + j];
                        }
                    }
                    result.push((sum * gain / total / total) as f32);
                }
            }
        }
        Tensor::from_vec(result, (n, c, rows, columns), &Device::Cpu).unwrap()
    }

    #[test]
    fn equals_the_definition_on_odd_and_strided_maps() {
        for resampling in cases() {
            for x in [draw("x", &[2, 3, 7, 6]), strided("x", &[1, 20, 4, 5])] {
                let found = upfirdn2d(&x, &resampling).unwrap();
                assert_close(&found, &naive(&x, &resampling), 1e-6);
            }
        }
    }

    #[test]
    fn gradients_match_finite_differences() {
        for resampling in cases() {
            check_gradients(&[&[2, 2, 5, 4]], 1e-2, |t| upfirdn2d(&t[0], &resampling));
        }
    }

    #[test]
    fn the_sizes_are_those_of_stylegan_and_a_constant_stays_one_inside() {
        let taps = [1.0, 3.0, 3.0, 1.0];
        let x = Tensor::ones((1, 2, 8, 8), candle_core::DType::F32, &Device::Cpu).unwrap();
        for (resampling, side) in
            [(Resampling::blur(&taps), 8), (Resampling::up(&taps, 2), 16), (Resampling::down(&taps, 2), 4)]
        {
            let y = upfirdn2d(&x, &resampling).unwrap();
            assert_eq!(y.dims(), [1, 2, side, side]);
            let middle = y.narrow(2, side / 2, 1).unwrap().narrow(3, side / 2, 1).unwrap();
            assert_close(&middle, &middle.ones_like().unwrap(), 1e-6);
        }
        let both = Resampling { down: 2, ..Resampling::up(&taps, 2) };
        assert!(upfirdn2d(&x, &both).is_err());
        assert!(upfirdn2d(&x, &Resampling { taps: vec![], ..both }).is_err());
    }
}
