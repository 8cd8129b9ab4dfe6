//! Operations on all channels of each position of a map: the L2 norm (Liu et al. 2015, ParseNet, section 3.3) and
//! softmax.

use crate::map::Map;
use crate::memory::{Aligned, Memory, with_scratch};
use crate::simd::{Kernel, LANES, Level, Simd};

/// How the L2 norm that numbers are divided by is kept from 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum L2Epsilon {
    /// sqrt(sum of squares + epsilon): Caffe's.
    Added(f64),
    /// max(sqrt(sum of squares), epsilon): torch's `normalize`.
    AtLeast(f64),
}

impl L2Epsilon {
    /// The norm of numbers with this sum of squares.
    pub fn norm(self, squares: f32) -> f32 {
        match self {
            Self::Added(epsilon) => (squares + epsilon as f32).sqrt(),
            Self::AtLeast(epsilon) => squares.sqrt().max(epsilon as f32),
        }
    }
}

/// The compiled division of each position's channels by their L2 norm, with a scale per channel.
pub(crate) struct L2 {
    level: Level,
    input: Map,
    output: Map,
    scale: Aligned,
    epsilon: L2Epsilon,
}

impl L2 {
    pub(crate) fn new(level: Level, [input, output]: [Map; 2], weight: &[f32], epsilon: L2Epsilon) -> Self {
        let mut scale = Aligned::zeros(output.blocks() * LANES);
        scale[..weight.len()].copy_from_slice(weight);
        Self { level, input, output, scale, epsilon }
    }

    pub(crate) fn tasks(&self, images: usize) -> usize {
        images * self.input.height
    }

    pub(crate) fn run(&self, task: usize, images: usize, memory: Memory) {
        let (y, image) = (task % self.input.height, task / self.input.height);
        let at = |map: &Map| {
            let (first, last) = (map.at(images, image, 0, [y, 0]), map.at(images, image, map.blocks() - 1, [y, 0]));
            memory.at(first, last - first + map.width * LANES)
        };
        self.level.run(Row {
            input: at(&self.input),
            input_block: self.input.plane(),
            output: at(&self.output),
            output_block: self.output.plane(),
            scale: &self.scale,
            width: self.input.width,
            epsilon: self.epsilon,
        });
        for block in 0..self.output.blocks() {
            self.output.zero_margin(memory, images, image, block, y..y + 1);
        }
    }
}

struct Row<'a> {
    input: *const f32,
    /// Stride between blocks.
    input_block: usize,
    output: *mut f32,
    output_block: usize,
    /// [blocks * 16].
    scale: &'a [f32],
    width: usize,
    epsilon: L2Epsilon,
}

impl Kernel for Row<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: the rows of all blocks were checked to be within the memory.
        unsafe {
            for x in 0..self.width {
                let at = |block: usize| self.input.add(block * self.input_block + x * LANES);
                let blocks = self.scale.len() / LANES;
                let mut squares = S::splat(0.0);
                for block in 0..blocks {
                    let value = S::load(at(block));
                    squares = S::mul_add(value, value, squares);
                }
                let mut lanes = [0.0; LANES];
                S::store(lanes.as_mut_ptr(), squares);
                let factor = S::splat(1.0 / self.epsilon.norm(lanes.iter().sum()));
                for block in 0..blocks {
                    let scale = S::load(self.scale.as_ptr().add(block * LANES));
                    let value = S::mul(S::mul(S::load(at(block)), factor), scale);
                    S::store(self.output.add(block * self.output_block + x * LANES), value);
                }
            }
        }
    }
}

/// The compiled softmax along the channels of each position.
pub(crate) struct ChannelSoftmax {
    pub(crate) input: Map,
    pub(crate) output: Map,
}

impl ChannelSoftmax {
    pub(crate) fn tasks(&self, images: usize) -> usize {
        images * self.input.height
    }

    pub(crate) fn run(&self, task: usize, images: usize, memory: Memory) {
        let (y, image) = (task % self.input.height, task / self.input.height);
        let lanes = |block: usize| LANES.min(self.input.channels - block * LANES);
        with_scratch(self.input.channels, |place| {
            for x in 0..self.input.width {
                for (block, numbers) in place.chunks_mut(LANES).enumerate() {
                    let from = memory.at(self.input.at(images, image, block, [y, x]), LANES);
                    // SAFETY: `at` checks the bounds; no task writes the input concurrently.
                    numbers.copy_from_slice(unsafe { std::slice::from_raw_parts(from, lanes(block)) });
                }
                softmax(place);
                for (block, numbers) in place.chunks(LANES).enumerate() {
                    let to = memory.at(self.output.at(images, image, block, [y, x]), LANES);
                    // SAFETY: `at` checks the bounds; only this task writes this row.
                    let to = unsafe { std::slice::from_raw_parts_mut(to, LANES) };
                    to.fill(0.0);
                    to[..numbers.len()].copy_from_slice(numbers);
                }
            }
        });
        for block in 0..self.output.blocks() {
            self.output.zero_margin(memory, images, image, block, y..y + 1);
        }
    }
}

/// e^x divided by its sum, in place.
pub(crate) fn softmax(numbers: &mut [f32]) {
    let largest = numbers.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for number in numbers.iter_mut() {
        *number = (*number - largest).exp();
        sum += *number;
    }
    numbers.iter_mut().for_each(|number| *number /= sum);
}
