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
        let (n, c, h, w) = x.dims4()?;
        let mut output = vec![0.0; n * c * h * w];
        cpu::with_floats(gradient, |gradient| {
            let planes = output.par_chunks_exact_mut(h * w).zip(gradient.par_chunks_exact(self.count()));
            planes
                .with_min_len(16)
                .for_each_init(|| vec![0.0; w], |shares, (output, gradient)| self.spread(gradient, shares, output));
            Ok(())
        })?;
        cpu::tensor(output, x.shape()).map(Some)
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
}
