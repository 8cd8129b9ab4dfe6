//! What is done to every number of a map on its own: a batch norm that no convolution took in, sums, activations; and
//! laying maps side by side where a concatenation cannot be written in place.

use crate::map::Map;
use crate::memory::{Aligned, Memory};
use crate::simd::{Kernel, LANES, Level, Simd};

/// `output = clamp(input * scale + shift + other)`.
pub(crate) struct Mix {
    level: Level,
    input: Map,
    other: Option<Map>,
    output: Map,
    /// A block's numbers for each block.
    scale: Aligned,
    shift: Aligned,
    range: [f32; 2],
}

impl Mix {
    /// `affine`: the scale and the shift of each channel.
    pub(crate) fn new(
        level: Level,
        [input, output]: [Map; 2],
        other: Option<Map>,
        affine: Option<(&[f32], &[f32])>,
        range: [f32; 2],
    ) -> Self {
        let length = output.blocks() * LANES;
        let (mut scale, mut shift) = (Aligned::zeros(length), Aligned::zeros(length));
        match affine {
            Some((scales, shifts)) => {
                scale[..scales.len()].copy_from_slice(scales);
                shift[..shifts.len()].copy_from_slice(shifts);
            }
            None => scale.fill(1.0),
        }
        Self { level, input, other, output, scale, shift, range }
    }

    pub(crate) fn tasks(&self, pictures: usize) -> usize {
        pictures * self.output.blocks()
    }

    pub(crate) fn run(&self, task: usize, pictures: usize, memory: Memory) {
        let (block, picture) = (task % self.output.blocks(), task / self.output.blocks());
        let Map { height, width, .. } = self.output;
        for y in 0..height {
            let at = |map: &Map| memory.at(map.at(pictures, picture, block, [y, 0]), width * LANES);
            self.level.run(Row {
                input: at(&self.input),
                other: self.other.as_ref().map_or(std::ptr::null(), |map| at(map)),
                output: at(&self.output),
                scale: &self.scale[block * LANES..][..LANES],
                shift: &self.shift[block * LANES..][..LANES],
                width,
                range: self.range,
            });
        }
        self.output.zero_margin(memory, pictures, picture, block, 0..height);
    }
}

struct Row<'a> {
    input: *const f32,
    other: *const f32,
    output: *mut f32,
    scale: &'a [f32],
    shift: &'a [f32],
    width: usize,
    range: [f32; 2],
}

impl Kernel for Row<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: the rows were checked to lie in the memory.
        unsafe {
            let (scale, shift) = (S::load(self.scale.as_ptr()), S::load(self.shift.as_ptr()));
            let (low, high) = (S::splat(self.range[0]), S::splat(self.range[1]));
            for x in 0..self.width {
                let mut value = S::mul_add(S::load(self.input.add(x * LANES)), scale, shift);
                if !self.other.is_null() {
                    value = S::add(value, S::load(self.other.add(x * LANES)));
                }
                S::store(self.output.add(x * LANES), S::min(high, S::max(low, value)));
            }
        }
    }
}

/// Copies a map's channels into another, from channel `first` on.
pub(crate) struct Copy {
    input: Map,
    output: Map,
    first: usize,
}

impl Copy {
    pub(crate) fn new(input: Map, output: Map, first: usize) -> Self {
        Self { input, output, first }
    }

    pub(crate) fn tasks(&self, pictures: usize) -> usize {
        pictures * self.input.height
    }

    pub(crate) fn run(&self, task: usize, pictures: usize, memory: Memory) {
        let (y, picture) = (task % self.input.height, task / self.input.height);
        for channel in 0..self.input.channels {
            let to_channel = self.first + channel;
            let from =
                self.input.at(pictures, picture, channel / self.input.lanes, [y, 0]) + channel % self.input.lanes;
            let to = self.output.at(pictures, picture, to_channel / LANES, [y, 0]) + to_channel % LANES;
            for x in 0..self.input.width {
                // SAFETY: `at` checks the bounds; these channels of this row are this task's own.
                unsafe { *memory.at(to + x * LANES, 1) = *memory.at(from + x * self.input.lanes, 1) };
            }
        }
        if self.first + self.input.channels == self.output.channels {
            let rest = self.output.channels..self.output.blocks() * LANES;
            for channel in rest {
                let to = self.output.at(pictures, picture, channel / LANES, [y, 0]) + channel % LANES;
                for x in 0..self.input.width {
                    // SAFETY: as above; no task but the last part's writes beyond the channels.
                    unsafe { *memory.at(to + x * LANES, 1) = 0.0 };
                }
            }
            for block in 0..self.output.blocks() {
                self.output.zero_margin(memory, pictures, picture, block, y..y + 1);
            }
        }
    }
}
