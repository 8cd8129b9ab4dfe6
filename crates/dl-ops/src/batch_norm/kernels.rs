//! The loops over one channel.
//!
//! Sums are computed in [`LANES`] lanes of single precision over [`CHUNK`] numbers, which fit in the first-level cache,
//! and in double precision across chunks, always in the same order.

use crate::relu::rectify;
use crate::wide::{CHUNK, LANES, sum_lanes, wide};

/// Count, mean and sum of squared distances from the mean.
#[derive(Clone, Copy, Default)]
pub(super) struct Moments {
    pub(super) count: f64,
    pub(super) mean: f64,
    pub(super) squares: f64,
}

impl Moments {
    /// The moments of all planes together, in one pass over the memory and without the cancellation of "mean of squares
    /// minus square of mean" (Chan, Golub and LeVeque 1979).
    pub(super) fn of<'a>(planes: impl Iterator<Item = &'a [f32]>) -> Self {
        let mut all = Self::default();
        for chunk in planes.flat_map(|plane| plane.chunks(CHUNK)) {
            all.join(&chunk_moments(chunk));
        }
        all
    }

    fn join(&mut self, other: &Self) {
        let count = self.count + other.count;
        let (distance, share) = (other.mean - self.mean, other.count / count);
        self.mean += distance * share;
        self.squares += other.squares + distance * distance * self.count * share;
        self.count = count;
    }
}

/// The sums of the gradient, and of the gradient times (x - mean), over the planes of a channel.
#[derive(Default)]
pub(super) struct GradientSums {
    totals: [f64; 2],
    /// Of the last numbers, at most CHUNK: short planes share them.
    lanes: [[f32; LANES]; 2],
    count: usize,
}

impl GradientSums {
    /// Adds a plane.
    pub(super) fn add(&mut self, x: &[f32], gradient: &[f32], mean: f32) {
        for (x, gradient) in x.chunks(CHUNK).zip(gradient.chunks(CHUNK)) {
            if self.count + x.len() > CHUNK {
                self.flush();
            }
            add_to_lanes(x, gradient, mean, &mut self.lanes);
            self.count += x.len();
        }
    }

    fn flush(&mut self) {
        for (total, lanes) in self.totals.iter_mut().zip(std::mem::take(&mut self.lanes)) {
            *total += f64::from(sum_lanes(lanes));
        }
        self.count = 0;
    }

    pub(super) fn totals(mut self) -> [f64; 2] {
        self.flush();
        self.totals
    }
}

/// For one channel: y = (x - mean) * scale + bias.
#[derive(Clone, Copy)]
pub(super) struct Line {
    pub(super) mean: f32,
    pub(super) scale: f32,
    pub(super) bias: f32,
}

/// For one channel: the gradient of x is `of_gradient` * gradient + `of_distance` * (x - mean) + `constant`.
#[derive(Clone, Copy)]
pub(super) struct Slope {
    pub(super) mean: f32,
    pub(super) of_gradient: f32,
    pub(super) of_distance: f32,
    pub(super) constant: f32,
}

wide! {
    /// At least one number, at most CHUNK.
    fn chunk_moments(chunk: &[f32]) -> Moments {
        let (groups, rest) = chunk.as_chunks::<LANES>();
        let mut lanes = [0_f32; LANES];
        for group in groups {
            for (lane, number) in lanes.iter_mut().zip(group) {
                *lane += number;
            }
        }
        for (lane, number) in lanes.iter_mut().zip(rest) {
            *lane += number;
        }
        let near = sum_lanes(lanes) / chunk.len() as f32;
        let (mut distances, mut squares) = ([0_f32; LANES], [0_f32; LANES]);
        for group in groups {
            for lane in 0..LANES {
                let distance = group[lane] - near;
                distances[lane] += distance;
                squares[lane] += distance * distance;
            }
        }
        for ((distances, squares), number) in distances.iter_mut().zip(&mut squares).zip(rest) {
            let distance = number - near;
            *distances += distance;
            *squares += distance * distance;
        }
        let (count, off) = (chunk.len() as f64, f64::from(sum_lanes(distances)) / chunk.len() as f64);
        let squares = f64::from(sum_lanes(squares)) - off * off * count;
        Moments { count, mean: f64::from(near) + off, squares: squares.max(0.0) }
    }

    pub(super) fn normalize(x: &[f32], line: Line, y: &mut [f32]) {
        for (y, x) in y.iter_mut().zip(x) {
            *y = (x - line.mean) * line.scale + line.bias;
        }
    }

    pub(super) fn normalize_and_rectify(x: &[f32], line: Line, y: &mut [f32]) {
        for (y, x) in y.iter_mut().zip(x) {
            *y = rectify((x - line.mean) * line.scale + line.bias);
        }
    }

    pub(super) fn normalize_and_leak(x: &[f32], line: Line, slope: f32, y: &mut [f32]) {
        for (y, x) in y.iter_mut().zip(x) {
            let value = (x - line.mean) * line.scale + line.bias;
            *y = if value > 0.0 { value } else { slope * value };
        }
    }

    /// Adds to the lanes the gradient, and the gradient times (x - mean), of at most CHUNK numbers.
    fn add_to_lanes(x: &[f32], gradient: &[f32], mean: f32, lanes: &mut [[f32; LANES]; 2]) {
        let ((xs, x_rest), (gradients, rest)) = (x.as_chunks::<LANES>(), gradient.as_chunks::<LANES>());
        let [mut sums, mut products] = *lanes;
        for (x, gradient) in xs.iter().zip(gradients) {
            for lane in 0..LANES {
                sums[lane] += gradient[lane];
                products[lane] += gradient[lane] * (x[lane] - mean);
            }
        }
        for (((sum, product), x), gradient) in sums.iter_mut().zip(&mut products).zip(x_rest).zip(rest) {
            *sum += gradient;
            *product += gradient * (x - mean);
        }
        *lanes = [sums, products];
    }

    pub(super) fn input_gradient(x: &[f32], gradient: &[f32], slope: Slope, output: &mut [f32]) {
        for ((output, x), gradient) in output.iter_mut().zip(x).zip(gradient) {
            *output = slope.of_gradient * gradient + slope.of_distance * (x - slope.mean) + slope.constant;
        }
    }

    /// The gradient where ReLU's result `y` is positive, 0 elsewhere.
    pub(super) fn mask(y: &[f32], gradient: &[f32], output: &mut [f32]) {
        for ((output, y), gradient) in output.iter_mut().zip(y).zip(gradient) {
            *output = if *y > 0.0 { *gradient } else { 0.0 };
        }
    }

    /// The gradient where a leaky ReLU's result `y` is positive, `slope` times it elsewhere.
    pub(super) fn mask_leaky(y: &[f32], gradient: &[f32], slope: f32, output: &mut [f32]) {
        for ((output, y), gradient) in output.iter_mut().zip(y).zip(gradient) {
            *output = if *y > 0.0 { *gradient } else { slope * gradient };
        }
    }
}
