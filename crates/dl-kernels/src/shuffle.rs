//! Pixel shuffle (Shi et al. 2016, ESPCN, section 3.2): channels become pixels of a larger map.

use crate::map::Map;
use crate::memory::Memory;
use crate::simd::LANES;

/// A compiled pixel shuffle.
pub(crate) struct Shuffle {
    input: Map,
    output: Map,
    factor: usize,
}

impl Shuffle {
    pub(crate) fn new(input: Map, output: Map, factor: usize) -> Self {
        Self { input, output, factor }
    }

    /// One row of the input, of one block of the output, is a task.
    pub(crate) fn tasks(&self, images: usize) -> usize {
        images * self.output.blocks() * self.input.height
    }

    pub(crate) fn run(&self, task: usize, images: usize, memory: Memory) {
        let (y, task) = (task % self.input.height, task / self.input.height);
        let (block, image) = (task % self.output.blocks(), task / self.output.blocks());
        let factor = self.factor;
        let count = LANES.min(self.output.channels - block * LANES);
        for row in 0..factor {
            for column in 0..factor {
                // The rows that the lanes come from.
                let mut from = [std::ptr::null(); LANES];
                for (lane, from) in from.iter_mut().take(count).enumerate() {
                    let channel = ((block * LANES + lane) * factor + row) * factor + column;
                    let start = self.input.at(images, image, channel / self.input.lanes, [y, 0]);
                    let length = self.input.width * self.input.lanes;
                    *from = memory.at(start, length).cast_const().wrapping_add(channel % self.input.lanes);
                }
                let to = self.output.at(images, image, block, [y * factor + row, 0]);
                let to = memory.at(to, self.output.width * LANES);
                for x in 0..self.input.width {
                    let mut numbers = [0.0; LANES];
                    for (number, from) in numbers.iter_mut().zip(&from[..count]) {
                        // SAFETY: the row was checked by `at`; no task writes the input concurrently.
                        *number = unsafe { *from.add(x * self.input.lanes) };
                    }
                    // SAFETY: as above; only this task writes these rows.
                    unsafe {
                        to.add((x * factor + column) * LANES).copy_from_nonoverlapping(numbers.as_ptr(), LANES);
                    }
                }
            }
        }
        self.output.zero_margin(memory, images, image, block, y * factor..(y + 1) * factor);
    }
}
