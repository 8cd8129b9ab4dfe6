//! Elementwise operations: batch norms that could not be fused with a convolution, sums, activations; and copies for
//! concatenations that cannot be written in place.

use crate::activation::{Activation, Curve};
use crate::map::Map;
use crate::memory::{Aligned, Memory};
use crate::simd::{Kernel, LANES, Level, Simd};

/// `output = curve(activation(input * scale + shift + other))`.
pub(crate) struct Mix {
    pub(crate) level: Level,
    pub(crate) input: Map,
    pub(crate) output: Map,
    /// One block of numbers per block.
    pub(crate) scale: Aligned,
    pub(crate) shift: Aligned,
    /// A map with one position that is the scale.
    pub(crate) gate: Option<Map>,
    /// A map to add.
    pub(crate) other: Option<Map>,
    pub(crate) activation: Activation,
    /// Applied after that.
    pub(crate) curve: Curve,
}

impl Mix {
    /// The identity.
    pub(crate) fn new(level: Level, [input, output]: [Map; 2]) -> Self {
        let length = output.blocks() * LANES;
        let (mut scale, shift) = (Aligned::zeros(length), Aligned::zeros(length));
        scale.fill(1.0);
        let (activation, curve) = (Activation::NONE, Curve::None);
        Self { level, input, output, scale, shift, gate: None, other: None, activation, curve }
    }

    /// The same with a scale and a shift per channel.
    pub(crate) fn scaled(mut self, scale: &[f32], shift: &[f32]) -> Self {
        self.scale.fill(0.0);
        self.scale[..scale.len()].copy_from_slice(scale);
        self.shift[..shift.len()].copy_from_slice(shift);
        self
    }

    pub(crate) fn tasks(&self, images: usize) -> usize {
        images * self.output.blocks()
    }

    pub(crate) fn run(&self, task: usize, images: usize, memory: Memory) {
        let (block, image) = (task % self.output.blocks(), task / self.output.blocks());
        let Map { height, width, .. } = self.output;
        let gate = self.gate.as_ref().map(|gate| memory.at(gate.at(images, image, block, [0, 0]), LANES));
        for y in 0..height {
            let at = |map: &Map| memory.at(map.at(images, image, block, [y, 0]), width * LANES);
            self.level.run(Row {
                input: at(&self.input),
                other: self.other.as_ref().map_or(std::ptr::null(), |map| at(map)),
                output: at(&self.output),
                scale: gate.map_or(self.scale[block * LANES..][..LANES].as_ptr(), |gate| gate.cast_const()),
                shift: &self.shift[block * LANES..][..LANES],
                width,
                activation: self.activation,
                curve: self.curve,
            });
        }
        self.output.zero_margin(memory, images, image, block, 0..height);
    }
}

struct Row<'a> {
    input: *const f32,
    other: *const f32,
    output: *mut f32,
    scale: *const f32,
    shift: &'a [f32],
    width: usize,
    activation: Activation,
    curve: Curve,
}

impl Kernel for Row<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: the rows and the gate were checked to be within the memory. A constant curve has its own loop.
        unsafe {
            match self.curve {
                Curve::None => self.all::<S>(Curve::None),
                Curve::HardSwish => self.all::<S>(Curve::HardSwish),
                Curve::InverseRoot => self.all::<S>(Curve::InverseRoot),
                Curve::Mish => self.all::<S>(Curve::Mish),
                Curve::Sigmoid => self.all::<S>(Curve::Sigmoid),
                Curve::Softplus => self.all::<S>(Curve::Softplus),
                Curve::Square => self.all::<S>(Curve::Square),
                Curve::Swish => self.all::<S>(Curve::Swish),
                Curve::Tanh => self.all::<S>(Curve::Tanh),
            }
        }
    }
}

impl Row<'_> {
    #[inline(always)]
    unsafe fn all<S: Simd>(&self, curve: Curve) {
        // SAFETY: guaranteed by the caller.
        unsafe {
            let (scale, shift) = (S::load(self.scale), S::load(self.shift.as_ptr()));
            let activation = self.activation.vectors::<S>();
            for x in 0..self.width {
                let mut value = S::mul_add(S::load(self.input.add(x * LANES)), scale, shift);
                if !self.other.is_null() {
                    value = S::add(value, S::load(self.other.add(x * LANES)));
                }
                S::store(self.output.add(x * LANES), curve.apply::<S>(activation.apply(value)));
            }
        }
    }
}

/// Copies a map's channels into another, from channel `first` on.
pub(crate) struct Copy {
    input: Map,
    output: Map,
    first: usize,
    /// Whether to fill all other channels with zeros.
    among_zeros: bool,
}

impl Copy {
    pub(crate) fn new(input: Map, output: Map, first: usize) -> Self {
        Self { input, output, first, among_zeros: false }
    }

    /// A copy with zeros before and after.
    pub(crate) fn among_zeros(input: Map, output: Map, first: usize) -> Self {
        Self { input, output, first, among_zeros: true }
    }

    pub(crate) fn tasks(&self, images: usize) -> usize {
        images * self.input.height
    }

    pub(crate) fn run(&self, task: usize, images: usize, memory: Memory) {
        let (y, image) = (task % self.input.height, task / self.input.height);
        for channel in 0..self.input.channels {
            let to_channel = self.first + channel;
            let from = self.input.at(images, image, channel / self.input.lanes, [y, 0]) + channel % self.input.lanes;
            let to = self.output.at(images, image, to_channel / LANES, [y, 0]) + to_channel % LANES;
            for x in 0..self.input.width {
                // SAFETY: `at` checks the bounds; only this task writes these channels of this row.
                unsafe { *memory.at(to + x * LANES, 1) = *memory.at(from + x * self.input.lanes, 1) };
            }
        }
        let end = self.first + self.input.channels;
        if self.among_zeros || end == self.output.channels {
            let before = if self.among_zeros { 0..self.first } else { 0..0 };
            for channel in before.chain(end..self.output.blocks() * LANES) {
                let to = self.output.at(images, image, channel / LANES, [y, 0]) + channel % LANES;
                for x in 0..self.input.width {
                    // SAFETY: as above; only the task of the last part writes past the channels.
                    unsafe { *memory.at(to + x * LANES, 1) = 0.0 };
                }
            }
            for block in 0..self.output.blocks() {
                self.output.zero_margin(memory, images, image, block, y..y + 1);
            }
        }
    }
}
