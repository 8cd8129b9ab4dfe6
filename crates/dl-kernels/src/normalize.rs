//! Operations across channels: local response normalization and softmax.

use crate::across::softmax;
use crate::import::RowSpan;
use crate::map::Map;
use crate::memory::{Memory, with_scratch};
use crate::simd::LANES;

/// AlexNet's local response normalization with torch's parameters (Krizhevsky et al. 2012, section 3.3).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalResponse {
    /// Number of neighboring channels in the sum.
    pub size: usize,
    /// Factor on the mean of their squares.
    pub alpha: f32,
    /// Exponent.
    pub beta: f32,
    /// Added to the sum.
    pub k: f32,
}

/// The compiled normalization.
pub(crate) struct Lrn {
    pub(crate) config: LocalResponse,
    pub(crate) input: Map,
    pub(crate) output: Map,
}

impl Lrn {
    pub(crate) fn tasks(&self, images: usize) -> usize {
        images * self.input.height
    }

    pub(crate) fn run(&self, task: usize, images: usize, memory: Memory) {
        with_scratch(self.input.channels, |place| self.row(task, images, memory, place));
    }

    /// Computes one row of an image; `place` is scratch memory for the channels of a position.
    fn row(&self, task: usize, images: usize, memory: Memory, place: &mut [f32]) {
        let LocalResponse { size, alpha, beta, k } = self.config;
        let (y, image) = (task % self.input.height, task / self.input.height);
        let channels = self.input.channels;
        for x in 0..self.input.width {
            for (channel, number) in place.iter_mut().enumerate() {
                let at = self.input.at(images, image, channel / LANES, [y, x]) + channel % LANES;
                // SAFETY: `at` checks the bounds; no task writes the input concurrently.
                *number = unsafe { *memory.at(at, 1) };
            }
            for channel in 0..channels {
                let window = channel.saturating_sub(size / 2)..(channel + size.div_ceil(2)).min(channels);
                let squares: f32 = place[window].iter().map(|number| number * number).sum();
                let at = self.output.at(images, image, channel / LANES, [y, x]) + channel % LANES;
                // SAFETY: `at` checks the bounds; only this task writes this row.
                unsafe { *memory.at(at, 1) = place[channel] / (k + alpha / size as f32 * squares).powf(beta) };
            }
            for channel in channels..self.output.blocks() * LANES {
                let at = self.output.at(images, image, channel / LANES, [y, x]) + channel % LANES;
                // SAFETY: as above.
                unsafe { *memory.at(at, 1) = 0.0 };
            }
        }
        for block in 0..self.output.blocks() {
            self.output.zero_margin(memory, images, image, block, y..y + 1);
        }
    }
}

/// The compiled softmax of each row.
pub(crate) struct Softmax {
    pub(crate) input: RowSpan,
    pub(crate) output: RowSpan,
}

impl Softmax {
    pub(crate) fn tasks(&self, images: usize) -> usize {
        images
    }

    pub(crate) fn run(&self, task: usize, images: usize, memory: Memory) {
        let length = self.input.length;
        let (from, to) = (self.input.at(images, task), self.output.at(images, task));
        // SAFETY: `at` checks the bounds; only this task accesses the rows of this image, and input and output differ.
        let (from, to) = unsafe {
            let from = std::slice::from_raw_parts(memory.at(from, length), length);
            (from, std::slice::from_raw_parts_mut(memory.at(to, length), length))
        };
        to.copy_from_slice(from);
        softmax(to);
    }
}
