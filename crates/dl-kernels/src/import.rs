//! Converts planes, the layout of candle and torch, to the blocks of a map, and back.

use std::ops::Range;

use crate::map::Map;
use crate::memory::Memory;
use crate::simd::{Kernel, LANES, Level, Simd};

/// The first step of a plan: copies [n, channels, height, width] to a map with a margin.
pub(crate) struct Import {
    level: Level,
    output: Map,
    /// The scale and the shift of each channel.
    affine: Option<(Vec<f32>, Vec<f32>)>,
    /// Stride between images, and where this input starts in one: an image of a plan with several inputs is all of them.
    image: usize,
    first: usize,
}

impl Import {
    pub(crate) fn new(level: Level, output: Map, affine: Option<(Vec<f32>, Vec<f32>)>) -> Self {
        let image = output.channels * output.height * output.width;
        Self { level, output, affine, image, first: 0 }
    }

    /// The same for one of several inputs.
    pub(crate) fn among(self, image: usize, first: usize) -> Self {
        Self { image, first, ..self }
    }

    pub(crate) fn tasks(&self, images: usize) -> usize {
        images * self.output.blocks() * self.strips()
    }

    /// Rows per task.
    const ROWS: usize = 16;

    fn strips(&self) -> usize {
        self.output.height.div_ceil(Self::ROWS)
    }

    pub(crate) fn run(&self, task: usize, images: usize, memory: Memory, input: &[f32]) {
        let map = &self.output;
        let (strip, task) = (task % self.strips(), task / self.strips());
        let (block, image) = (task % map.blocks(), task / map.blocks());
        let rows = strip * Self::ROWS..((strip + 1) * Self::ROWS).min(map.height);
        if map.lanes == LANES {
            self.blocks(images, image, block, rows.clone(), memory, input);
        } else {
            self.side_by_side(images, image, rows.clone(), memory, input);
        }
        map.zero_margin(memory, images, image, block, rows);
    }

    /// Where a channel starts.
    fn channel(&self, image: usize, channel: usize) -> usize {
        image * self.image + self.first + channel * self.output.height * self.output.width
    }

    fn blocks(&self, images: usize, image: usize, block: usize, rows: Range<usize>, memory: Memory, input: &[f32]) {
        let map = &self.output;
        let channels = block * LANES..map.channels.min((block + 1) * LANES);
        let count = rows.len() * map.width;
        let planes =
            channels.clone().map(|channel| &input[self.channel(image, channel) + rows.start * map.width..][..count]);
        let mut into = Into {
            planes: [&[]; LANES],
            channels: channels.len(),
            affine: self.affine.as_ref().map(|(scale, shift)| [&scale[channels.clone()], &shift[channels.clone()]]),
            count,
            width: map.width,
            output: memory.at(map.at(images, image, block, [rows.start, 0]), 1),
            gap: map.row() - map.width * LANES,
        };
        into.planes.iter_mut().zip(planes).for_each(|(to, plane)| *to = plane);
        self.level.run(into);
    }

    /// An image with few channels, which are interleaved.
    fn side_by_side(&self, images: usize, image: usize, rows: Range<usize>, memory: Memory, input: &[f32]) {
        let map = &self.output;
        for y in rows {
            let to = memory.at(map.at(images, image, 0, [y, 0]), map.width * map.lanes);
            // SAFETY: `at` checks the bounds; only this task writes the row.
            let to = unsafe { std::slice::from_raw_parts_mut(to, map.width * map.lanes) };
            for channel in 0..map.channels {
                let from = &input[self.channel(image, channel) + y * map.width..][..map.width];
                let to = to[channel..].iter_mut().step_by(map.lanes).zip(from);
                match &self.affine {
                    None => to.for_each(|(to, number)| *to = *number),
                    Some((scale, shift)) => {
                        to.for_each(|(to, number)| *to = *number * scale[channel] + shift[channel]);
                    }
                }
            }
        }
    }
}

/// Copies rows of up to sixteen planes to rows of a block.
struct Into<'a> {
    /// `count` numbers each; empty beyond `channels`.
    planes: [&'a [f32]; LANES],
    channels: usize,
    affine: Option<[&'a [f32]; 2]>,
    count: usize,
    width: usize,
    output: *mut f32,
    /// Stride between rows of the output.
    gap: usize,
}

impl Kernel for Into<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: the planes are slices of `count` numbers; the rows of the output are within the memory, and only this
        // task writes them.
        unsafe {
            let (mut to, mut column) = (self.output, 0);
            let mut first = 0;
            while first < self.count {
                let some = LANES.min(self.count - first);
                let mut rows = [S::splat(0.0); LANES];
                for (lane, (row, plane)) in rows.iter_mut().zip(self.planes).enumerate().take(self.channels) {
                    *row = match plane.get(first..first + LANES) {
                        Some(plane) => S::load(plane.as_ptr()),
                        None => {
                            let mut rest = [0.0; LANES];
                            rest[..some].copy_from_slice(&plane[first..]);
                            S::load(rest.as_ptr())
                        }
                    };
                    if let Some([scale, shift]) = self.affine {
                        *row = S::add(S::mul(*row, S::splat(scale[lane])), S::splat(shift[lane]));
                    }
                }
                for place in S::transpose(rows).into_iter().take(some) {
                    S::store(to, place);
                    to = to.add(LANES);
                    column += 1;
                    if column == self.width {
                        (to, column) = (to.add(self.gap), 0);
                    }
                }
                first += some;
            }
        }
    }
}

/// Copies a map back to planes, row by row: for flattening, and for the plan's outputs.
pub(crate) struct Export {
    level: Level,
    input: Map,
    /// Start of the rows, for a batch of one.
    output: RowSpan,
}

/// The location of one row per image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RowSpan {
    pub(crate) base: usize,
    /// Length without padding.
    pub(crate) length: usize,
}

impl RowSpan {
    /// Stride between rows: whole cache lines.
    pub(crate) fn step(&self) -> usize {
        self.length.next_multiple_of(LANES)
    }

    pub(crate) fn at(&self, images: usize, image: usize) -> usize {
        images * self.base + image * self.step()
    }
}

impl Export {
    pub(crate) fn new(level: Level, input: Map, output: RowSpan) -> Self {
        Self { level, input, output }
    }

    pub(crate) fn tasks(&self, images: usize) -> usize {
        images * self.input.blocks()
    }

    pub(crate) fn run(&self, task: usize, images: usize, memory: Memory) {
        let map = &self.input;
        let (block, image) = (task % map.blocks(), task / map.blocks());
        let plane = map.height * map.width;
        let first = block * map.lanes;
        let channels = map.lanes.min(map.channels - first);
        let to = memory.at(self.output.at(images, image) + first * plane, channels * plane);
        let to = Planes { start: to, plane, row: map.width, column: 1 };
        // SAFETY: `at` checks the bounds; only this task writes these channels of this image.
        unsafe { export(self.level, map, [images, image, block], memory, to) };
    }
}

/// The destination of the planes of a block's channels. Strides are in numbers.
#[derive(Clone, Copy)]
pub(crate) struct Planes {
    /// Position (0, 0) of the block's first channel.
    pub(crate) start: *mut f32,
    /// Stride between channels.
    pub(crate) plane: usize,
    /// Stride between rows.
    pub(crate) row: usize,
    /// Stride between positions of a row.
    pub(crate) column: usize,
}

/// Copies one block of one image to planes.
///
/// # Safety
/// The planes must be valid for the block's channels and positions, and not be accessed concurrently.
pub(crate) unsafe fn export(level: Level, map: &Map, [images, image, block]: [usize; 3], memory: Memory, to: Planes) {
    let channels = map.lanes.min(map.channels - block * map.lanes);
    let side_by_side = map.is_dense() && to.row == map.width * to.column;
    // Rows that are contiguous on both sides are copied as one.
    let (rows, width) = if side_by_side { (1, map.height * map.width) } else { (map.height, map.width) };
    for y in 0..rows {
        let from = memory.at(map.at(images, image, block, [y, 0]), width * map.lanes);
        // SAFETY: guaranteed by the caller.
        let to = Planes { start: unsafe { to.start.add(y * to.row) }, ..to };
        if map.lanes == LANES {
            level.run(OutOf { from, channels, count: width, to });
            continue;
        }
        for place in 0..width {
            for lane in 0..channels {
                // SAFETY: as above; no task writes the input concurrently.
                unsafe { *to.start.add(lane * to.plane + place * to.column) = *from.add(place * map.lanes + lane) };
            }
        }
    }
}

/// Copies a row of a block to rows of planes.
struct OutOf {
    from: *const f32,
    channels: usize,
    count: usize,
    to: Planes,
}

impl Kernel for OutOf {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: the row is within the memory, and the planes are valid for its positions by the contract of `export`.
        unsafe {
            let Planes { start, plane, column, .. } = self.to;
            let mut first = 0;
            while first < self.count {
                let some = LANES.min(self.count - first);
                let mut places = [S::splat(0.0); LANES];
                for (index, place) in places.iter_mut().enumerate().take(some) {
                    *place = S::load(self.from.add((first + index) * LANES));
                }
                for (lane, row) in S::transpose(places).into_iter().enumerate().take(self.channels) {
                    let to = start.add(lane * plane + first * column);
                    if some == LANES && column == 1 {
                        S::store(to, row);
                        continue;
                    }
                    let mut numbers = [0.0; LANES];
                    S::store(numbers.as_mut_ptr(), row);
                    for (index, number) in numbers.into_iter().enumerate().take(some) {
                        *to.add(index * column) = number;
                    }
                }
                first += some;
            }
        }
    }
}
