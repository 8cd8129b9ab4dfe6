//! Average pooling, like torch's `AvgPool2d` (with or without counting the padding) and `AdaptiveAvgPool2d` (bins may
//! overlap).

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::{PoolConfig, cpu, portable};
use dl_kernels::Window;

/// The mean of each window, counting the padding as zeros. Maps x [n, c, h, w] to [n, c, h', w'].
/// # Errors
/// When the map is smaller than the window, or candle fails.
pub fn avg_pool2d(x: &Tensor, config: &PoolConfig) -> Result<Tensor> {
    let (_, _, h, w) = x.dims4()?;
    let [rows, columns] = cpu::windows(config, h, w)?;
    average(x, rows, columns)
}

/// The mean of the part of each window inside the map: torch's `count_include_pad=False`, TensorFlow's SAME.
/// # Errors
/// As [`avg_pool2d`].
pub fn avg_pool2d_without_padding(x: &Tensor, config: &PoolConfig) -> Result<Tensor> {
    let (_, _, h, w) = x.dims4()?;
    let inside = |window: Window| Window { padded: window.end - window.start, ..window };
    let [rows, columns] = cpu::windows(config, h, w)?.map(|windows| windows.into_iter().map(inside).collect());
    average(x, rows, columns)
}

/// The mean of each of [h', w'] bins that cover the map. Maps x [n, c, h, w] to [n, c, h', w'].
/// # Errors
/// When the map or `size` is empty, or candle fails.
pub fn adaptive_avg_pool2d(x: &Tensor, size: [usize; 2]) -> Result<Tensor> {
    let (_, _, h, w) = x.dims4()?;
    if h == 0 || w == 0 || size.contains(&0) {
        bail!("adaptive average pooling cannot map {h}x{w} to {size:?}");
    }
    average(x, Window::adaptive(h, size[0]), Window::adaptive(w, size[1]))
}

/// The gradient of [`avg_pool2d`] with respect to a map of [height, width], as an operation on the result's gradient
/// [n, c, h', w'] that has a gradient itself.
/// # Errors
/// When the gradient does not have the size of the result, or candle fails.
pub(crate) fn avg_pool2d_gradient(gradient: &Tensor, config: &PoolConfig, size: [usize; 2]) -> Result<Tensor> {
    spread(gradient, cpu::windows(config, size[0], size[1])?, size)
}

/// [`avg_pool2d_gradient`] of [`adaptive_avg_pool2d`].
/// # Errors
/// As there.
pub(crate) fn adaptive_avg_pool2d_gradient(gradient: &Tensor, size: [usize; 2]) -> Result<Tensor> {
    let (_, _, rows, columns) = gradient.dims4()?;
    spread(gradient, [Window::adaptive(size[0], rows), Window::adaptive(size[1], columns)], size)
}

fn spread(gradient: &Tensor, [rows, columns]: [Vec<Window>; 2], size: [usize; 2]) -> Result<Tensor> {
    let (_, _, h, w) = gradient.dims4()?;
    if [h, w] != [rows.len(), columns.len()] {
        bail!("average pooling of {size:?} does not have a gradient of {h}x{w}");
    }
    if cpu::serves(gradient) {
        return gradient.apply_op1(Spread { average: Average { rows, columns }, size });
    }
    portable::average_gradient(gradient, &rows, &columns, size)
}

/// The gradient of [`Average`].
struct Spread {
    average: Average,
    size: [usize; 2],
}

fn average(x: &Tensor, rows: Vec<Window>, columns: Vec<Window>) -> Result<Tensor> {
    if cpu::serves(x) { x.apply_op1(Average { rows, columns }) } else { portable::average(x, &rows, &columns) }
}

struct Average {
    rows: Vec<Window>,
    columns: Vec<Window>,
}

impl Average {
    fn count(&self) -> usize {
        self.rows.len() * self.columns.len()
    }

    /// Computes one plane: first down the rows, which vectorizes, then along the row of sums.
    fn pool(&self, plane: &[f32], sums: &mut [f32], output: &mut [f32]) {
        let width = sums.len();
        for (row, output) in self.rows.iter().zip(output.chunks_exact_mut(self.columns.len())) {
            sums.fill(0.0);
            for values in plane[row.start * width..row.end * width].chunks_exact(width) {
                sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
            }
            for (column, output) in self.columns.iter().zip(output) {
                let sum: f32 = sums[column.start..column.end].iter().sum();
                *output = sum / (row.padded * column.padded) as f32;
            }
        }
    }

    /// The gradients of all planes, of this size.
    fn spread_all(&self, gradient: &[f32], [height, width]: [usize; 2]) -> Vec<f32> {
        let mut output = vec![0.0; gradient.len() / self.count().max(1) * height * width];
        let planes = output.par_chunks_exact_mut(height * width).zip(gradient.par_chunks_exact(self.count()));
        planes
            .with_min_len(16)
            .for_each_init(|| vec![0.0; width], |shares, (output, gradient)| self.spread(gradient, shares, output));
        output
    }

    /// The gradient of one plane, by the same steps in reverse.
    fn spread(&self, gradient: &[f32], shares: &mut [f32], output: &mut [f32]) {
        let width = shares.len();
        for (row, gradient) in self.rows.iter().zip(gradient.chunks_exact(self.columns.len())) {
            shares.fill(0.0);
            for (column, gradient) in self.columns.iter().zip(gradient) {
                let share = gradient / (row.padded * column.padded) as f32;
                shares[column.start..column.end].iter_mut().for_each(|value| *value += share);
            }
            for values in output[row.start * width..row.end * width].chunks_exact_mut(width) {
                values.iter_mut().zip(&*shares).for_each(|(value, share)| *value += share);
            }
        }
    }
}

impl CustomOp1 for Spread {
    fn name(&self) -> &'static str {
        "avg_pool2d_gradient"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, c, ..) = layout.shape().dims4()?;
        let output = self.average.spread_all(&cpu::floats(storage, layout)?, self.size);
        Ok(cpu::output(output, (n, c, self.size[0], self.size[1])))
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let Average { rows, columns } = &self.average;
        average(&gradient.detach(), rows.clone(), columns.clone()).map(Some)
    }
}

impl CustomOp1 for Average {
    fn name(&self) -> &'static str {
        "avg_pool2d"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, c, h, w) = layout.shape().dims4()?;
        let x = cpu::floats(storage, layout)?;
        let mut output = vec![0.0; n * c * self.count()];
        let planes = output.par_chunks_exact_mut(self.count()).zip(x.par_chunks_exact(h * w));
        planes.with_min_len(16).for_each_init(|| vec![0.0; w], |sums, (output, plane)| self.pool(plane, sums, output));
        Ok(cpu::output(output, (n, c, self.rows.len(), self.columns.len())))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (_, _, h, w) = x.dims4()?;
        cpu::with_floats(gradient, |gradient| cpu::tensor(self.spread_all(gradient, [h, w]), x.shape())).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_check::{assert_close, check_gradients, draw, strided};

    const ODD: PoolConfig =
        PoolConfig { kernel: [3, 2], stride: [2, 3], padding: [1, 0], extra: [0, 0], ceil_mode: true };

    #[test]
    fn equals_the_portable_composition_on_odd_and_strided_maps() {
        for x in [draw("x", &[2, 3, 7, 8]), strided("x", &[2, 3, 9, 5])] {
            let (_, _, h, w) = x.dims4().unwrap();
            let [rows, columns] = cpu::windows(&ODD, h, w).unwrap();
            assert_close(&avg_pool2d(&x, &ODD).unwrap(), &portable::average(&x, &rows, &columns).unwrap(), 1e-6);
            let (rows, columns) = (Window::adaptive(h, 3), Window::adaptive(w, 4));
            let adaptive = adaptive_avg_pool2d(&x, [3, 4]).unwrap();
            assert_close(&adaptive, &portable::average(&x, &rows, &columns).unwrap(), 1e-6);
        }
    }

    #[test]
    fn without_padding_the_mean_of_ones_is_one() {
        let x = draw("x", &[1, 2, 7, 8]).ones_like().unwrap();
        let y = avg_pool2d_without_padding(&x, &ODD).unwrap();
        assert_close(&y, &y.ones_like().unwrap(), 1e-6);
        assert!(avg_pool2d(&x, &ODD).unwrap().min_all().unwrap().to_scalar::<f32>().unwrap() < 0.7);
    }

    #[test]
    fn one_adaptive_bin_is_the_mean() {
        let x = strided("x", &[2, 3, 9, 5]);
        let mean = x.mean_keepdim((2, 3)).unwrap();
        assert_close(&adaptive_avg_pool2d(&x, [1, 1]).unwrap(), &mean, 1e-6);
    }

    #[test]
    fn gradients_match_finite_differences() {
        check_gradients(&[&[2, 2, 7, 5]], 1e-2, |x| avg_pool2d(&x[0], &ODD));
        check_gradients(&[&[2, 2, 7, 5]], 1e-2, |x| avg_pool2d_without_padding(&x[0], &ODD));
        check_gradients(&[&[2, 2, 7, 5]], 1e-2, |x| adaptive_avg_pool2d(&x[0], [3, 2]));
    }

    #[test]
    fn the_gradient_as_an_operation_is_the_transpose_and_has_a_gradient() {
        let size = [7, 5];
        let pooled = avg_pool2d(&draw("x", &[2, 3, 7, 5]), &ODD).unwrap();
        let gradient = strided("gradient", pooled.dims());
        let x = candle_core::Var::from_tensor(&draw("x", &[2, 3, 7, 5])).unwrap();
        for adaptive in [false, true] {
            let y = if adaptive {
                adaptive_avg_pool2d(&x, [pooled.dims()[2], pooled.dims()[3]])
            } else {
                avg_pool2d(&x, &ODD)
            };
            let expected = (y.unwrap() * &gradient).unwrap().sum_all().unwrap().backward().unwrap().remove(&x).unwrap();
            let of = |gradient: &Tensor| {
                if adaptive {
                    adaptive_avg_pool2d_gradient(gradient, size)
                } else {
                    avg_pool2d_gradient(gradient, &ODD, size)
                }
            };
            assert_close(&of(&gradient).unwrap(), &expected, 1e-6);
            assert_close(&crate::with_candle_ops(|| of(&gradient).unwrap()), &expected, 1e-6);
            check_gradients(&[pooled.dims()], 1e-2, |t| of(&t[0]));
        }
        assert!(avg_pool2d_gradient(&draw("g", &[1, 1, 2, 2]), &ODD, size).is_err());
    }
}
