//! Resizing, like torch's `interpolate`: the source pixels and weights of every output, and the step of a plan.

use anyhow::{Result, ensure};

use crate::map::Map;
use crate::memory::Memory;
use crate::simd::{Kernel, LANES, Level, Simd};

/// How a map is resized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResizeMethod {
    /// Each output is the source pixel at floor(output * length / new length): torch's mode "nearest".
    Nearest,
    /// Each output blends the four source pixels around its position, and the outer edges of the maps are aligned:
    /// torch's mode "bilinear" with `align_corners=False`, without antialiasing.
    Bilinear,
}

/// The source pixels of one output along one axis: `(1 - share)` of `first` and `share` of `second`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tap {
    /// The first source pixel.
    pub first: usize,
    /// The second.
    pub second: usize,
    /// The second's part.
    pub share: f32,
}

/// One axis of a resizing.
#[derive(Clone, Copy, Debug)]
pub struct ResizeAxis {
    /// Source length, at least 1.
    pub from: usize,
    /// New length.
    pub to: usize,
    /// Source pixels of each output pixel.
    pub step: f32,
}

impl ResizeAxis {
    /// The axis of a resizing by length: the step is the ratio of the lengths.
    pub fn of_lengths(from: usize, to: usize) -> Self {
        Self { from, to, step: from as f32 / to as f32 }
    }

    /// For [`ResizeMethod::Nearest`].
    pub fn nearest(&self) -> Vec<Tap> {
        let source = |index: usize| match self.to {
            // torch's two shortcuts, which ignore the step.
            to if to == self.from => index,
            to if to == 2 * self.from => index / 2,
            _ => ((index as f32 * self.step) as usize).min(self.from - 1),
        };
        (0..self.to).map(|index| Tap { first: source(index), second: source(index), share: 0.0 }).collect()
    }

    /// For [`ResizeMethod::Bilinear`].
    pub fn edges(&self) -> Vec<Tap> {
        (0..self.to).map(|index| self.between(index, (self.step * (index as f32 + 0.5) - 0.5).max(0.0))).collect()
    }

    /// For torch's mode "bilinear" with `align_corners=True`.
    pub fn corners(&self) -> Vec<Tap> {
        let step = if self.to > 1 { (self.from - 1) as f32 / (self.to - 1) as f32 } else { 0.0 };
        (0..self.to).map(|index| self.between(index, step * index as f32)).collect()
    }

    fn between(&self, index: usize, place: f32) -> Tap {
        if self.to == self.from {
            return Tap { first: index, second: index, share: 0.0 };
        }
        let first = (place as usize).min(self.from - 1);
        Tap { first, second: (first + 1).min(self.from - 1), share: (place - first as f32).clamp(0.0, 1.0) }
    }
}

impl ResizeMethod {
    /// The source pixels of the rows and of the columns.
    pub(crate) fn taps(self, from: [usize; 2], to: [usize; 2]) -> Result<[Vec<Tap>; 2]> {
        ensure!(!from.contains(&0) && !to.contains(&0), "a map of {from:?} cannot be resized to {to:?}");
        let along = |axis: usize| {
            let axis = ResizeAxis::of_lengths(from[axis], to[axis]);
            match self {
                Self::Nearest => axis.nearest(),
                Self::Bilinear => axis.edges(),
            }
        };
        Ok([along(0), along(1)])
    }
}

/// Approximate output size of a task.
const OUTPUT: usize = 1 << 13;

/// A compiled resizing.
pub(crate) struct Resize {
    level: Level,
    input: Map,
    output: Map,
    rows: Vec<Tap>,
    columns: Vec<Tap>,
    blends: bool,
    strip: usize,
}

impl Resize {
    pub(crate) fn new(level: Level, input: Map, output: Map, method: ResizeMethod) -> Result<Self> {
        let [rows, columns] = method.taps([input.height, input.width], [output.height, output.width])?;
        let strip = (OUTPUT / (output.width * LANES).max(1)).clamp(1, output.height.max(1));
        Ok(Self { level, input, output, rows, columns, blends: method == ResizeMethod::Bilinear, strip })
    }

    fn strips(&self) -> usize {
        self.output.height.div_ceil(self.strip)
    }

    pub(crate) fn tasks(&self, images: usize) -> usize {
        images * self.output.blocks() * self.strips()
    }

    pub(crate) fn run(&self, task: usize, images: usize, memory: Memory) {
        let (strip, task) = (task % self.strips(), task / self.strips());
        let (block, image) = (task % self.output.blocks(), task / self.output.blocks());
        let rows = strip * self.strip..((strip + 1) * self.strip).min(self.output.height);
        for y in rows.clone() {
            let tap = self.rows[y];
            let source = |y: usize| memory.at(self.input.at(images, image, block, [y, 0]), self.input.width * LANES);
            self.level.run(Row {
                first: source(tap.first),
                second: source(tap.second),
                share: tap.share,
                columns: &self.columns,
                blends: self.blends,
                output: memory.at(self.output.at(images, image, block, [y, 0]), self.output.width * LANES),
            });
        }
        self.output.zero_margin(memory, images, image, block, rows);
    }
}

struct Row<'a> {
    first: *const f32,
    second: *const f32,
    /// The second row's part.
    share: f32,
    columns: &'a [Tap],
    blends: bool,
    output: *mut f32,
}

impl Kernel for Row<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: the taps are within the map's width, for which both rows were checked.
        unsafe {
            if !self.blends {
                for (x, tap) in self.columns.iter().enumerate() {
                    S::store(self.output.add(x * LANES), S::load(self.first.add(tap.first * LANES)));
                }
                return;
            }
            let (up, down) = (S::splat(1.0 - self.share), S::splat(self.share));
            for (x, tap) in self.columns.iter().enumerate() {
                let (left, right) = (S::splat(1.0 - tap.share), S::splat(tap.share));
                let (from, to) = (tap.first * LANES, tap.second * LANES);
                let first =
                    S::add(S::mul(S::load(self.first.add(from)), left), S::mul(S::load(self.first.add(to)), right));
                let second =
                    S::add(S::mul(S::load(self.second.add(from)), left), S::mul(S::load(self.second.add(to)), right));
                S::store(self.output.add(x * LANES), S::add(S::mul(first, up), S::mul(second, down)));
            }
        }
    }
}
