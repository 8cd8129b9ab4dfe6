//! ReLU with a slope per channel (He et al. 2015, PReLU, section 2.1).

use crate::map::Map;
use crate::memory::{Aligned, Memory};
use crate::simd::{Kernel, LANES, Level, Simd};

/// A compiled PReLU.
pub(crate) struct Prelu {
    level: Level,
    input: Map,
    output: Map,
    /// One block of numbers per block.
    slopes: Aligned,
}

impl Prelu {
    /// `slopes` has one number per channel.
    pub(crate) fn new(level: Level, [input, output]: [Map; 2], slopes: &[f32]) -> Self {
        let mut padded = Aligned::zeros(output.blocks() * LANES);
        padded[..slopes.len()].copy_from_slice(slopes);
        Self { level, input, output, slopes: padded }
    }

    pub(crate) fn tasks(&self, images: usize) -> usize {
        images * self.output.blocks()
    }

    pub(crate) fn run(&self, task: usize, images: usize, memory: Memory) {
        let (block, image) = (task % self.output.blocks(), task / self.output.blocks());
        let Map { height, width, .. } = self.output;
        for y in 0..height {
            let at = |map: &Map| memory.at(map.at(images, image, block, [y, 0]), width * LANES);
            let slopes = &self.slopes[block * LANES..][..LANES];
            self.level.run(Row { input: at(&self.input), output: at(&self.output), slopes, width });
        }
        self.output.zero_margin(memory, images, image, block, 0..height);
    }
}

struct Row<'a> {
    input: *const f32,
    output: *mut f32,
    slopes: &'a [f32],
    width: usize,
}

impl Kernel for Row<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: the rows were checked to be within the memory.
        unsafe {
            let (slopes, zero) = (S::load(self.slopes.as_ptr()), S::splat(0.0));
            for x in 0..self.width {
                let value = S::load(self.input.add(x * LANES));
                // This order preserves NaN.
                let (positive, negative) = (S::max(zero, value), S::min(zero, value));
                S::store(self.output.add(x * LANES), S::mul_add(negative, slopes, positive));
            }
        }
    }
}
