//! Pooling: the maximum or the mean of windows, sixteen channels at a time.

use crate::map::Map;
use crate::memory::Memory;
use crate::simd::{Kernel, LANES, Level, Simd};
use crate::window::Window;

/// Approximate output size of a task.
const OUTPUT: usize = 1 << 13;

/// The reduction of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reduce {
    /// Its maximum.
    Max,
    /// Its sum divided by its size, counting the padding.
    Mean,
}

/// A compiled pooling layer.
pub(crate) struct Pool {
    level: Level,
    input: Map,
    output: Map,
    rows: Vec<Window>,
    columns: Vec<Window>,
    reduce: Reduce,
    strip: usize,
}

impl Pool {
    pub(crate) fn new(
        level: Level,
        input: Map,
        output: Map,
        [rows, columns]: [Vec<Window>; 2],
        reduce: Reduce,
    ) -> Self {
        let strip = (OUTPUT / (output.width * LANES).max(1)).clamp(1, output.height.max(1));
        Self { level, input, output, rows, columns, reduce, strip }
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
            let window = self.rows[y];
            let input = self.input.at(images, image, block, [window.start, 0]);
            let output = self.output.at(images, image, block, [y, 0]);
            self.level.run(Row {
                input: memory.at(input, (window.end - window.start) * self.input.row()),
                row: self.input.row(),
                output: memory.at(output, self.output.width * LANES),
                rows: window,
                columns: &self.columns,
                reduce: self.reduce,
            });
        }
        self.output.zero_margin(memory, images, image, block, rows);
    }
}

struct Row<'a> {
    input: *const f32,
    row: usize,
    output: *mut f32,
    rows: Window,
    columns: &'a [Window],
    reduce: Reduce,
}

impl Kernel for Row<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let height = self.rows.end - self.rows.start;
        // SAFETY: the windows are within the map.
        unsafe {
            for (x, window) in self.columns.iter().enumerate() {
                let first = self.input.add(window.start * LANES);
                let width = window.end - window.start;
                if (self.reduce, height, width) == (Reduce::Max, 3, 3) {
                    S::store(self.output.add(x * LANES), largest_of_nine::<S>(first, self.row));
                    continue;
                }
                let mut value = if self.reduce == Reduce::Max { S::load(first) } else { S::splat(0.0) };
                for y in 0..height {
                    for x in 0..width {
                        let next = S::load(first.add(y * self.row + x * LANES));
                        value = match self.reduce {
                            Reduce::Max => S::max(value, next),
                            Reduce::Mean => S::add(value, next),
                        };
                    }
                }
                if self.reduce == Reduce::Mean {
                    value = S::mul(value, S::splat(1.0 / (self.rows.padded * window.padded) as f32));
                }
                S::store(self.output.add(x * LANES), value);
            }
        }
    }
}

/// The most common window, without loops.
#[inline(always)]
unsafe fn largest_of_nine<S: Simd>(first: *const f32, row: usize) -> S::Block {
    // SAFETY: the caller's windows are within the map.
    unsafe {
        let mut value = S::load(first);
        for y in 0..3 {
            for x in 0..3 {
                value = S::max(value, S::load(first.add(y * row + x * LANES)));
            }
        }
        value
    }
}
