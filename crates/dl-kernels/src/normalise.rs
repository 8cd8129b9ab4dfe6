//! What looks across channels: local response normalisation and softmax.

use crate::import::Rows;
use crate::map::Map;
use crate::memory::{Memory, with_scratch};
use crate::simd::LANES;

/// AlexNet's local response normalisation, as torch has it (Krizhevsky et al. 2012, section 3.3).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalResponse {
    /// Neighbouring channels that are summed.
    pub size: usize,
    /// Factor on the mean of their squares.
    pub alpha: f32,
    /// Exponent.
    pub beta: f32,
    /// Added to the sum.
    pub k: f32,
}

/// The normalisation, ready to run.
pub(crate) struct Lrn {
    pub(crate) config: LocalResponse,
    pub(crate) input: Map,
    pub(crate) output: Map,
}

impl Lrn {
    pub(crate) fn tasks(&self, pictures: usize) -> usize {
        pictures * self.input.height
    }

    pub(crate) fn run(&self, task: usize, pictures: usize, memory: Memory) {
        with_scratch(self.input.channels, |place| self.row(task, pictures, memory, place));
    }

    /// One row of a picture; `place` holds the channels of one of its places.
    fn row(&self, task: usize, pictures: usize, memory: Memory, place: &mut [f32]) {
        let LocalResponse { size, alpha, beta, k } = self.config;
        let (y, picture) = (task % self.input.height, task / self.input.height);
        let channels = self.input.channels;
        for x in 0..self.input.width {
            for (channel, number) in place.iter_mut().enumerate() {
                let at = self.input.at(pictures, picture, channel / LANES, [y, x]) + channel % LANES;
                // SAFETY: `at` checks the bounds; nobody writes the input meanwhile.
                *number = unsafe { *memory.at(at, 1) };
            }
            for channel in 0..channels {
                let window = channel.saturating_sub(size / 2)..(channel + size.div_ceil(2)).min(channels);
                let squares: f32 = place[window].iter().map(|number| number * number).sum();
                let at = self.output.at(pictures, picture, channel / LANES, [y, x]) + channel % LANES;
                // SAFETY: `at` checks the bounds; this row is this task's own.
                unsafe { *memory.at(at, 1) = place[channel] / (k + alpha / size as f32 * squares).powf(beta) };
            }
            for channel in channels..self.output.blocks() * LANES {
                let at = self.output.at(pictures, picture, channel / LANES, [y, x]) + channel % LANES;
                // SAFETY: as above.
                unsafe { *memory.at(at, 1) = 0.0 };
            }
        }
        for block in 0..self.output.blocks() {
            self.output.zero_margin(memory, pictures, picture, block, y..y + 1);
        }
    }
}

/// Softmax of each row, ready to run.
pub(crate) struct Softmax {
    pub(crate) input: Rows,
    pub(crate) output: Rows,
}

impl Softmax {
    pub(crate) fn tasks(&self, pictures: usize) -> usize {
        pictures
    }

    pub(crate) fn run(&self, task: usize, pictures: usize, memory: Memory) {
        let length = self.input.length;
        let (from, to) = (self.input.at(pictures, task), self.output.at(pictures, task));
        // SAFETY: `at` checks the bounds; the rows of this picture are this task's own, and input and output differ.
        let (from, to) = unsafe {
            let from = std::slice::from_raw_parts(memory.at(from, length), length);
            (from, std::slice::from_raw_parts_mut(memory.at(to, length), length))
        };
        let largest = from.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut sum = 0.0;
        for (to, from) in to.iter_mut().zip(from) {
            *to = (from - largest).exp();
            sum += *to;
        }
        to.iter_mut().for_each(|number| *number /= sum);
    }
}
