//! Moves numbers to other places: darknet's `[reorg]`, and groups of a row as channels.

use anyhow::{Context, Result};

use crate::map::Map;
use crate::memory::Memory;
use crate::simd::LANES;

/// A compiled rearrangement.
pub(crate) struct Rearrange {
    input: Map,
    output: Map,
    /// For each number of the output, channel by channel, how far its source is from the start of the input.
    from: Vec<u32>,
}

impl Rearrange {
    pub(crate) fn new(input: Map, output: Map, from: &[u32]) -> Result<Self> {
        let start = input.at(1, 0, 0, [0, 0]);
        let (width, plane) = (input.width.max(1), (input.height * input.width).max(1));
        let place = |index: &u32| {
            let (channel, place) = (*index as usize / plane, *index as usize % plane);
            let (block, lane) = (channel / input.lanes, channel % input.lanes);
            let offset = input.at(1, 0, block, [place / width, place % width]) + lane - start;
            u32::try_from(offset).context("a map is too large to be rearranged")
        };
        Ok(Self { input, output, from: from.iter().map(place).collect::<Result<_>>()? })
    }

    pub(crate) fn tasks(&self, images: usize) -> usize {
        images * self.output.blocks()
    }

    pub(crate) fn run(&self, task: usize, images: usize, memory: Memory) {
        let map = &self.output;
        let (block, image) = (task % map.blocks(), task / map.blocks());
        let plane = map.height * map.width;
        let start = self.input.at(images, image, 0, [0, 0]);
        for y in 0..map.height {
            let row = map.at(images, image, block, [y, 0]);
            for lane in 0..LANES {
                let channel = block * LANES + lane;
                let first = channel * plane + y * map.width;
                let sources = self.from.get(first..first + map.width).filter(|_| channel < map.channels);
                for x in 0..map.width {
                    let number = sources.map_or(0.0, |sources| {
                        // SAFETY: `at` checks the bounds; no task writes the input concurrently.
                        unsafe { *memory.at(start + sources[x] as usize, 1) }
                    });
                    // SAFETY: as above; only this task writes this block.
                    unsafe { *memory.at(row + x * LANES + lane, 1) = number };
                }
            }
        }
        map.zero_margin(memory, images, image, block, 0..map.height);
    }
}
