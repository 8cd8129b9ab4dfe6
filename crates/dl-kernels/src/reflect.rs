//! Padding by reflection, like torch's `ReflectionPad2d`: the pixel of the edge is not repeated.

use crate::map::{Map, Padding};
use crate::memory::Memory;
use crate::simd::LANES;

/// The source of each position of an axis of `length` with `before` and `after` reflected positions, which must be
/// fewer than `length`.
pub fn reflected(length: usize, before: usize, after: usize) -> Vec<usize> {
    let first = (1..=before).rev();
    let last = (1..=after).map(|distance| length - 1 - distance);
    first.chain(0..length).chain(last).collect()
}

/// A compiled padding by reflection.
pub(crate) struct Reflect {
    input: Map,
    output: Map,
    rows: Vec<usize>,
    columns: Vec<usize>,
}

impl Reflect {
    pub(crate) fn new(input: Map, output: Map, padding: Padding) -> Self {
        let rows = reflected(input.height, padding.top, padding.bottom);
        Self { rows, columns: reflected(input.width, padding.left, padding.right), input, output }
    }

    pub(crate) fn tasks(&self, images: usize) -> usize {
        images * self.output.blocks()
    }

    pub(crate) fn run(&self, task: usize, images: usize, memory: Memory) {
        let (block, image) = (task % self.output.blocks(), task / self.output.blocks());
        for (y, source) in self.rows.iter().enumerate() {
            let from = memory.at(self.input.at(images, image, block, [*source, 0]), self.input.width * LANES);
            let to = memory.at(self.output.at(images, image, block, [y, 0]), self.output.width * LANES);
            for (x, source) in self.columns.iter().enumerate() {
                // SAFETY: both rows were checked by `at`; they are in different maps, and only this task writes the
                // block.
                unsafe { to.add(x * LANES).copy_from_nonoverlapping(from.add(source * LANES), LANES) };
            }
        }
        self.output.zero_margin(memory, images, image, block, 0..self.output.height);
    }
}
