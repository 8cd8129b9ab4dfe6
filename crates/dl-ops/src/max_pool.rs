//! Max pooling, like torch's `MaxPool2d`: padding, `ceil_mode`, and the gradient goes to the first maximum of a window.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::{PoolConfig, cpu, portable};
use dl_kernels::Window;

/// The maximum of each window; NaN if the window contains one. Maps x [n, c, h, w] to [n, c, h', w'].
///
/// The gradient goes to the first maximum in row-major order.
/// # Errors
/// When the map is smaller than the window, or candle fails.
pub fn max_pool2d(x: &Tensor, config: &PoolConfig) -> Result<Tensor> {
    if cpu::serves(x) { x.apply_op1(MaxPool(*config)) } else { portable::max_pool2d(x, config) }
}

struct MaxPool(PoolConfig);

impl CustomOp1 for MaxPool {
    fn name(&self) -> &'static str {
        "max_pool2d"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, c, h, w) = layout.shape().dims4()?;
        let [rows, columns] = cpu::windows(&self.0, h, w)?;
        let x = cpu::floats(storage, layout)?;
        let shape = (n, c, rows.len(), columns.len());
        let mut output = vec![0.0; n * c * rows.len() * columns.len()];
        let planes = output.par_chunks_exact_mut(rows.len() * columns.len()).zip(x.par_chunks_exact((h * w).max(1)));
        planes.with_min_len(8).for_each(|(output, plane)| pool_plane(plane, w, &rows, &columns, output));
        Ok(cpu::output(output, shape))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (n, c, h, w) = x.dims4()?;
        let [rows, columns] = cpu::windows(&self.0, h, w)?;
        let mut output = vec![0.0; n * c * h * w];
        cpu::with_floats(x, |x| {
            cpu::with_floats(gradient, |gradient| {
                let planes = output
                    .par_chunks_exact_mut((h * w).max(1))
                    .zip(x.par_chunks_exact((h * w).max(1)))
                    .zip(gradient.par_chunks_exact(rows.len() * columns.len()));
                planes.with_min_len(8).for_each(|((output, plane), gradient)| {
                    let windows = rows.iter().flat_map(|row| columns.iter().map(move |column| (row, column)));
                    for ((row, column), gradient) in windows.zip(gradient) {
                        output[first_largest(plane, w, row, column)] += gradient;
                    }
                });
                Ok(())
            })
        })?;
        cpu::tensor(output, x.shape()).map(Some)
    }
}

fn larger(a: f32, b: f32) -> f32 {
    if b > a || b.is_nan() { b } else { a }
}

/// Computes one plane: first down the rows, which vectorizes, then along the resulting row.
fn pool_plane(plane: &[f32], width: usize, rows: &[Window], columns: &[Window], output: &mut [f32]) {
    let mut tallest = vec![0.0_f32; width];
    for (row, output) in rows.iter().zip(output.chunks_exact_mut(columns.len())) {
        tallest.copy_from_slice(&plane[row.start * width..][..width]);
        for y in row.start + 1..row.end {
            for (tallest, value) in tallest.iter_mut().zip(&plane[y * width..][..width]) {
                *tallest = larger(*tallest, *value);
            }
        }
        for (column, output) in columns.iter().zip(output) {
            *output = tallest[column.start..column.end].iter().copied().fold(f32::NEG_INFINITY, larger);
        }
    }
}

fn first_largest(plane: &[f32], width: usize, row: &Window, column: &Window) -> usize {
    let mut best = row.start * width + column.start;
    for y in row.start..row.end {
        for index in y * width + column.start..y * width + column.end {
            let best_is_nan = plane[best].is_nan();
            if plane[index] > plane[best] || (plane[index].is_nan() && !best_is_nan) {
                best = index;
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor, Var};

    use super::*;
    use crate::gradient_check::{assert_close, check_gradients, draw, strided};

    const ODD: PoolConfig =
        PoolConfig { kernel: [3, 2], stride: [2, 3], padding: [1, 0], extra: [0, 0], ceil_mode: true };

    fn naive(x: &Tensor, config: &PoolConfig) -> Tensor {
        let (n, c, h, w) = x.dims4().unwrap();
        let [rows, columns] = config.windows(h, w).unwrap();
        let planes = x.to_vec_rows(n * c);
        let mut output = Vec::new();
        for plane in planes {
            for row in &rows {
                for column in &columns {
                    let mut best = f32::NEG_INFINITY;
                    for y in row.start..row.end {
                        for x in column.start..column.end {
                            best = best.max(plane[y * w + x]);
                        }
                    }
                    output.push(best);
                }
            }
        }
        Tensor::from_vec(output, (n, c, rows.len(), columns.len()), &Device::Cpu).unwrap()
    }

    trait ToRows {
        fn to_vec_rows(&self, rows: usize) -> Vec<Vec<f32>>;
    }

    impl ToRows for Tensor {
        fn to_vec_rows(&self, rows: usize) -> Vec<Vec<f32>> {
            self.reshape((rows, ())).unwrap().to_vec2().unwrap()
        }
    }

    #[test]
    fn equals_the_naive_loop_and_the_portable_one_on_odd_and_strided_maps() {
        let darknet = [PoolConfig::darknet(2, 1, 1), PoolConfig::darknet(2, 2, 1), PoolConfig::darknet(5, 1, 4)];
        for config in [ODD, PoolConfig::square(3, 2), PoolConfig::square(3, 2).ceil()].into_iter().chain(darknet) {
            for x in [draw("x", &[2, 3, 7, 8]), strided("x", &[2, 3, 9, 5]), draw("x", &[1, 1, 3, 3])] {
                let pooled = max_pool2d(&x, &config).unwrap();
                assert_close(&pooled, &naive(&x, &config), 0.0);
                assert_close(&pooled, &portable::max_pool2d(&x, &config).unwrap(), 0.0);
            }
        }
    }

    #[test]
    fn the_gradient_matches_finite_differences() {
        for config in [ODD, PoolConfig::square(3, 2).ceil(), PoolConfig::darknet(2, 1, 1)] {
            check_gradients(&[&[2, 2, 7, 5]], 1e-3, |x| max_pool2d(&x[0], &config));
        }
    }

    #[test]
    fn the_gradient_of_a_tie_goes_to_the_first() {
        let x = Var::from_slice(&[1_f32, 1.0, 1.0, 1.0], (1, 1, 2, 2), &Device::Cpu).unwrap();
        let y = max_pool2d(&x, &PoolConfig::square(2, 2)).unwrap();
        let gradients = y.sum_all().unwrap().backward().unwrap();
        assert_eq!(gradients.get(&x).unwrap().to_vec_rows(1)[0], [1.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn a_map_smaller_than_the_window_is_an_error() {
        let error = max_pool2d(&draw("x", &[1, 1, 2, 2]), &PoolConfig::square(3, 2)).unwrap_err();
        assert!(error.to_string().contains("too small for a window of 3"), "{error}");
    }
}
