//! The memory layout of feature maps: blocks of 16 channels, with 16 numbers per position, and a margin of zeros.
//!
//! `[images][blocks][top + height + bottom][left + width + right][lanes]`. Kernels then process only whole vectors, and
//! a convolution reads its padding like any other position, without bounds checks. Unused channels of the last block
//! are zeros.

use std::ops::Range;

use crate::memory::Memory;
use crate::simd::LANES;

/// Rows and columns of zeros around a map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Padding {
    /// Rows above.
    pub top: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns on the left.
    pub left: usize,
    /// Columns on the right.
    pub right: usize,
}

impl Padding {
    /// The same margin on all sides.
    pub const fn all(size: usize) -> Self {
        Self { top: size, bottom: size, left: size, right: size }
    }

    /// The smallest margin that contains both.
    pub(crate) fn union(self, other: Self) -> Self {
        Self {
            top: self.top.max(other.top),
            bottom: self.bottom.max(other.bottom),
            left: self.left.max(other.left),
            right: self.right.max(other.right),
        }
    }
}

/// The location of a map, or of some blocks of channels within a larger one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Map {
    /// Channels without padding.
    pub(crate) channels: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) margin: Padding,
    /// Numbers per position of a block: 16, or `channels` for an image with very few.
    pub(crate) lanes: usize,
    /// Offset of the first block: parts of a concatenation start later.
    pub(crate) offset: usize,
    /// Stride between images of the batch.
    pub(crate) image: usize,
    /// Start of the memory for a batch of one; for n images it is n times as far.
    pub(crate) base: usize,
}

impl Map {
    pub(crate) fn new([channels, height, width]: [usize; 3], margin: Padding) -> Self {
        Self { channels, height, width, margin, lanes: LANES, offset: 0, image: 0, base: 0 }.whole()
    }

    /// A map with so few channels that they are interleaved: an image.
    pub(crate) fn interleaved([channels, height, width]: [usize; 3], margin: Padding) -> Self {
        Self { channels, height, width, margin, lanes: channels, offset: 0, image: 0, base: 0 }.whole()
    }

    fn whole(self) -> Self {
        // Whole cache lines, so that every map is aligned to one.
        Self { image: (self.blocks() * self.plane()).next_multiple_of(LANES), ..self }
    }

    /// The part of this map that begins at block `first` and has `channels` channels.
    pub(crate) fn part(self, first: usize, channels: usize) -> Self {
        Self { channels, offset: self.offset + first * self.plane(), ..self }
    }

    /// The map with its first rows and columns turned into margin.
    pub(crate) fn without(self, [rows, columns]: [usize; 2]) -> Self {
        let cut = |length: usize, count: usize, after: usize| {
            (length.saturating_sub(count), after.saturating_sub(count.saturating_sub(length)))
        };
        let (height, bottom) = cut(self.height, rows, self.margin.bottom);
        let (width, right) = cut(self.width, columns, self.margin.right);
        let margin = Padding { top: self.margin.top + rows, left: self.margin.left + columns, bottom, right };
        Self { height, width, margin, ..self }
    }

    pub(crate) fn blocks(&self) -> usize {
        self.channels.div_ceil(self.lanes)
    }

    /// Stride between rows.
    pub(crate) fn row(&self) -> usize {
        (self.margin.left + self.width + self.margin.right) * self.lanes
    }

    /// Stride between blocks.
    pub(crate) fn plane(&self) -> usize {
        (self.margin.top + self.height + self.margin.bottom) * self.row()
    }

    /// Offset of position (y, x) of a block of an image, in the memory of `images`.
    pub(crate) fn at(&self, images: usize, image: usize, block: usize, [y, x]: [usize; 2]) -> usize {
        let (y, x) = (y + self.margin.top, x + self.margin.left);
        let start = images * self.base + image * self.image + self.offset;
        start + block * self.plane() + y * self.row() + x * self.lanes
    }

    /// Writes the margin of the rows `rows` of a block: beside them, above the first and below the last row of the map.
    pub(crate) fn zero_margin(&self, memory: Memory, images: usize, image: usize, block: usize, rows: Range<usize>) {
        let Padding { top, bottom, left, right } = self.margin;
        if self.margin == Padding::default() {
            return;
        }
        let first = self.at(images, image, block, [0, 0]) - top * self.row() - left * self.lanes;
        let zero = |from: usize, count: usize| {
            // SAFETY: `at` checks the bounds; only the calling task writes the rows.
            unsafe { memory.at(from, count).write_bytes(0, count) }
        };
        if rows.start == 0 {
            zero(first, top * self.row());
        }
        for y in rows.clone() {
            let row = first + (top + y) * self.row();
            zero(row, left * self.lanes);
            zero(row + (left + self.width) * self.lanes, right * self.lanes);
        }
        if rows.end == self.height {
            zero(first + (top + self.height) * self.row(), bottom * self.row());
        }
    }

    /// Whether the rows are contiguous.
    pub(crate) fn is_dense(&self) -> bool {
        self.margin == Padding::default()
    }

    /// The same numbers as one long row.
    pub(crate) fn flat(self) -> Self {
        Self { height: 1, width: self.height * self.width, ..self }
    }
}
