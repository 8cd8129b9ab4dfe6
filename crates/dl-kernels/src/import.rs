//! From a picture's planes, as candle and torch hold them, to a map.

use crate::map::Map;
use crate::memory::Memory;
use crate::simd::LANES;

/// The first step of a plan: [n, channels, height, width] into a map, with its margin.
pub(crate) struct Import {
    output: Map,
    /// The scale and the shift of each channel.
    affine: Option<(Vec<f32>, Vec<f32>)>,
}

impl Import {
    pub(crate) fn new(output: Map, affine: Option<(Vec<f32>, Vec<f32>)>) -> Self {
        Self { output, affine }
    }

    pub(crate) fn tasks(&self, pictures: usize) -> usize {
        pictures * self.output.blocks() * self.strips()
    }

    /// Rows of a task.
    const ROWS: usize = 16;

    fn strips(&self) -> usize {
        self.output.height.div_ceil(Self::ROWS)
    }

    pub(crate) fn run(&self, task: usize, pictures: usize, memory: Memory, input: &[f32]) {
        let map = &self.output;
        let (strip, task) = (task % self.strips(), task / self.strips());
        let (block, picture) = (task % map.blocks(), task / map.blocks());
        let rows = strip * Self::ROWS..((strip + 1) * Self::ROWS).min(map.height);
        let plane = map.height * map.width;
        let channels = block * map.lanes..map.channels.min((block + 1) * map.lanes);
        for y in rows.clone() {
            let to = memory.at(map.at(pictures, picture, block, [y, 0]), map.width * map.lanes);
            // SAFETY: `at` checks the bounds; the row is this task's own.
            let to = unsafe { std::slice::from_raw_parts_mut(to, map.width * map.lanes) };
            if channels.len() < map.lanes {
                to.fill(0.0);
            }
            for channel in channels.clone() {
                let from = &input[(picture * map.channels + channel) * plane + y * map.width..][..map.width];
                let to = to[channel % map.lanes..].iter_mut().step_by(map.lanes).zip(from);
                match &self.affine {
                    None => to.for_each(|(to, number)| *to = *number),
                    Some((scale, shift)) => {
                        to.for_each(|(to, number)| *to = number * scale[channel] + shift[channel]);
                    }
                }
            }
        }
        map.zero_margin(memory, pictures, picture, block, rows);
    }
}

/// A map back to planes, row after row: for flattening, and for what leaves the plan.
pub(crate) struct Export {
    input: Map,
    /// Where the rows of the batch begin, for a batch of one.
    output: Rows,
}

/// One row of numbers for each picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rows {
    pub(crate) base: usize,
    /// Numbers that mean something.
    pub(crate) length: usize,
}

impl Rows {
    /// From one picture's row to the next's: whole cache lines.
    pub(crate) fn step(&self) -> usize {
        self.length.next_multiple_of(LANES)
    }

    pub(crate) fn at(&self, pictures: usize, picture: usize) -> usize {
        pictures * self.base + picture * self.step()
    }
}

impl Export {
    pub(crate) fn new(input: Map, output: Rows) -> Self {
        Self { input, output }
    }

    pub(crate) fn tasks(&self, pictures: usize) -> usize {
        pictures * self.input.blocks()
    }

    pub(crate) fn run(&self, task: usize, pictures: usize, memory: Memory) {
        let map = &self.input;
        let (block, picture) = (task % map.blocks(), task / map.blocks());
        let plane = map.height * map.width;
        let channels = block * map.lanes..map.channels.min((block + 1) * map.lanes);
        let first = self.output.at(pictures, picture) + channels.start * plane;
        // SAFETY: `at` checks the bounds; these channels of this picture are this task's own.
        let to =
            unsafe { std::slice::from_raw_parts_mut(memory.at(first, channels.len() * plane), channels.len() * plane) };
        for y in 0..map.height {
            let from = memory.at(map.at(pictures, picture, block, [y, 0]), map.width * map.lanes);
            // SAFETY: as above; nobody writes the input meanwhile.
            let from = unsafe { std::slice::from_raw_parts(from, map.width * map.lanes) };
            for lane in 0..channels.len() {
                let to = &mut to[lane * plane + y * map.width..][..map.width];
                for (to, number) in to.iter_mut().zip(from[lane..].iter().step_by(map.lanes)) {
                    *to = *number;
                }
            }
        }
    }
}
