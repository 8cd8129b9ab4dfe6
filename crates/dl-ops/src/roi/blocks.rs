//! Maps with channels in interleaved blocks of [`LANES`], so that operations on pixels use whole vectors, although a
//! bin of a box has only a few pixels.

use std::ops::Range;

use rayon::prelude::*;

/// Channels per block. The last block of a map is padded with zeros.
pub(super) const LANES: usize = 32;

/// One pixel of one block.
pub(super) type Pixel = [f32; LANES];

/// x [n, c, h, w] as [n, blocks, h, w, LANES].
pub(super) struct Blocked {
    pixels: Vec<Pixel>,
    blocks: usize,
    plane: usize,
}

/// Number of blocks for `channels`.
pub(super) fn blocks(channels: usize) -> usize {
    channels.div_ceil(LANES)
}

impl Blocked {
    pub(super) fn new(x: &[f32], [n, channels, height, width]: [usize; 4]) -> Self {
        let (plane, blocks) = (height * width, blocks(channels));
        let mut pixels = vec![[0.0; LANES]; n * blocks * plane];
        pixels.par_chunks_exact_mut(plane).enumerate().for_each(|(index, pixels)| {
            let (image, first) = (index / blocks, index % blocks * LANES);
            let count = LANES.min(channels - first);
            pack(&x[(image * channels + first) * plane..][..count * plane], plane, pixels);
        });
        Self { pixels, blocks, plane }
    }

    /// One block of one image: [h, w].
    pub(super) fn block(&self, image: usize, block: usize) -> &[Pixel] {
        &self.pixels[(image * self.blocks + block) * self.plane..][..self.plane]
    }
}

/// Writes at most LANES rows of `length` numbers to the lanes of `length` pixels; other lanes are unchanged.
pub(super) fn pack(rows: &[f32], length: usize, pixels: &mut [Pixel]) {
    // A few pixels at a time, which stay in the cache until all lanes are written.
    for (index, pixels) in pixels.chunks_mut(64).enumerate() {
        for (lane, row) in rows.chunks_exact(length).enumerate() {
            for (pixel, value) in pixels.iter_mut().zip(&row[index * 64..]) {
                pixel[lane] = *value;
            }
        }
    }
}

/// The reverse of [`pack`].
pub(super) fn unpack(pixels: &[Pixel], rows: &mut [f32]) {
    for (lane, row) in rows.chunks_exact_mut(pixels.len()).enumerate() {
        for (value, pixel) in row.iter_mut().zip(pixels) {
            *value = pixel[lane];
        }
    }
}

/// Calls `work(block, channels of it)` for each block.
pub(super) fn each_block(channels: usize, mut work: impl FnMut(usize, Range<usize>)) {
    for block in 0..blocks(channels) {
        work(block, block * LANES..((block + 1) * LANES).min(channels));
    }
}

/// The gradient of x [n, c, h, w]: `work(image, block, pixels of the gradient's block, scratch)` for each block, in
/// parallel.
pub(super) fn gather_gradient<S>(
    [n, channels, height, width]: [usize; 4],
    scratch: impl Fn() -> S + Sync + Send,
    work: impl Fn(usize, Range<usize>, &mut [Pixel], &mut S) + Sync,
) -> Vec<f32> {
    let plane = height * width;
    let mut output = vec![0.0; n * channels * plane];
    // The blocks of an image, the last of which may be shorter.
    let mut parts: Vec<(usize, Range<usize>, &mut [f32])> = Vec::new();
    for (index, mut image) in output.chunks_exact_mut((channels * plane).max(1)).enumerate() {
        each_block(channels, |_, range| {
            let (part, rest) = std::mem::take(&mut image).split_at_mut(range.len() * plane);
            image = rest;
            parts.push((index, range, part));
        });
    }
    parts.into_par_iter().for_each_init(
        || (vec![[0.0; LANES]; plane], scratch()),
        |(pixels, scratch), (index, range, part)| {
            pixels.fill([0.0; LANES]);
            work(index, range, pixels, scratch);
            unpack(pixels, part);
        },
    );
    output
}
