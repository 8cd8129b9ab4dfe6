//! Instance normalization (Ulyanov et al. 2016): each channel of each image by its own mean and variance.

use crate::activation::Activation;
use crate::map::Map;
use crate::memory::{Aligned, Memory};
use crate::simd::{Kernel, LANES, Level, Simd};

/// The compiled normalization: `output = activation((input - mean) / sqrt(variance + eps) * weight + bias + other)`.
pub(crate) struct Instance {
    level: Level,
    input: Map,
    output: Map,
    /// One block of numbers per block.
    weight: Aligned,
    bias: Aligned,
    eps: f64,
    /// A map to add.
    other: Option<Map>,
    activation: Activation,
}

impl Instance {
    /// `weight` and `bias` have one number per channel.
    pub(crate) fn new(
        level: Level,
        [input, output]: [Map; 2],
        [weight, bias]: [&[f32]; 2],
        eps: f64,
        (other, activation): (Option<Map>, Activation),
    ) -> Self {
        let padded = |numbers: &[f32]| {
            let mut padded = Aligned::zeros(output.blocks() * LANES);
            padded[..numbers.len()].copy_from_slice(numbers);
            padded
        };
        Self { level, input, output, weight: padded(weight), bias: padded(bias), eps, other, activation }
    }

    pub(crate) fn tasks(&self, images: usize) -> usize {
        images * self.output.blocks()
    }

    pub(crate) fn run(&self, task: usize, images: usize, memory: Memory) {
        let (block, image) = (task % self.output.blocks(), task / self.output.blocks());
        let Map { height, width, .. } = self.output;
        let row = |map: &Map, y: usize| memory.at(map.at(images, image, block, [y, 0]), width * LANES);
        let count = (height * width) as f64;
        let means = self.sums(height, |y| row(&self.input, y), [0.0; LANES], false).map(|sum| sum / count);
        let shifts = means.map(|mean| mean as f32);
        // The squares are of distances from the rounded mean; what the rounding adds to them is taken off.
        let squares = self.sums(height, |y| row(&self.input, y), shifts, true);
        let (mut scale, mut shift) = ([0.0; LANES], [0.0; LANES]);
        for lane in 0..LANES {
            let off = means[lane] - f64::from(shifts[lane]);
            let deviation = (squares[lane] / count - off * off + self.eps).sqrt();
            // A lane without a channel has only zeros.
            let factor = if deviation > 0.0 { f64::from(self.weight[block * LANES + lane]) / deviation } else { 0.0 };
            scale[lane] = factor as f32;
            shift[lane] = (f64::from(self.bias[block * LANES + lane]) - means[lane] * factor) as f32;
        }
        for y in 0..height {
            self.level.run(Row {
                input: row(&self.input, y),
                other: self.other.as_ref().map_or(std::ptr::null(), |map| row(map, y)),
                output: row(&self.output, y),
                scale: &scale,
                shift: &shift,
                width,
                activation: self.activation,
            });
        }
        self.output.zero_margin(memory, images, image, block, 0..height);
    }

    /// For each lane, the sum over a map of x - `shift`, or of its square: in single precision within a row, in double
    /// across rows.
    fn sums(&self, height: usize, row: impl Fn(usize) -> *mut f32, shift: [f32; LANES], squared: bool) -> [f64; LANES] {
        let mut sums = [0.0; LANES];
        for y in 0..height {
            let mut of_row = [0.0_f32; LANES];
            let (input, width) = (row(y).cast_const(), self.input.width);
            self.level.run(Sum { input, width, shift: &shift, squared, sums: &mut of_row });
            sums.iter_mut().zip(of_row).for_each(|(sum, of_row)| *sum += f64::from(of_row));
        }
        sums
    }
}

struct Sum<'a> {
    input: *const f32,
    width: usize,
    shift: &'a [f32; LANES],
    squared: bool,
    sums: &'a mut [f32; LANES],
}

impl Kernel for Sum<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: the row was checked to be within the memory.
        unsafe {
            let (shift, mut sums) = (S::load(self.shift.as_ptr()), S::splat(0.0));
            for x in 0..self.width {
                let distance = S::sub(S::load(self.input.add(x * LANES)), shift);
                sums = if self.squared { S::mul_add(distance, distance, sums) } else { S::add(distance, sums) };
            }
            S::store(self.sums.as_mut_ptr(), sums);
        }
    }
}

struct Row<'a> {
    input: *const f32,
    other: *const f32,
    output: *mut f32,
    scale: &'a [f32; LANES],
    shift: &'a [f32; LANES],
    width: usize,
    activation: Activation,
}

impl Kernel for Row<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: the rows were checked to be within the memory.
        unsafe {
            let (scale, shift) = (S::load(self.scale.as_ptr()), S::load(self.shift.as_ptr()));
            let activation = self.activation.vectors::<S>();
            for x in 0..self.width {
                let mut value = S::mul_add(S::load(self.input.add(x * LANES)), scale, shift);
                if !self.other.is_null() {
                    value = S::add(value, S::load(self.other.add(x * LANES)));
                }
                S::store(self.output.add(x * LANES), activation.apply(value));
            }
        }
    }
}
