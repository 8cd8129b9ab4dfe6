//! Work across channels where the pixels are side by side: a strip of pixels is taken through all channels, so that loops
//! run along the memory and the strip stays in the cache.

use std::ops::Range;

/// Pixels of a strip.
pub(crate) const PIXELS: usize = 128;

/// Some pixels of all channels: those of `channel` begin at `first + channel * plane`.
#[derive(Clone, Copy)]
pub(crate) struct Strip {
    pub(crate) first: usize,
    pub(crate) count: usize,
    pub(crate) channels: usize,
    pub(crate) plane: usize,
}

impl Strip {
    /// All the strips of [n, channels, plane].
    pub(crate) fn all([n, channels, plane]: [usize; 3]) -> Vec<Self> {
        let of_image = move |image: usize| {
            (0..plane).step_by(PIXELS).map(move |pixel| Self {
                first: image * channels * plane + pixel,
                count: PIXELS.min(plane - pixel),
                channels,
                plane,
            })
        };
        (0..n).flat_map(of_image).collect()
    }

    pub(crate) fn row<'a>(&self, x: &'a [f32], channel: usize) -> &'a [f32] {
        &x[self.first + channel * self.plane..][..self.count]
    }

    /// Channels `before` and `after` this one that exist, itself among them.
    pub(crate) fn around(&self, channel: usize, before: usize, after: usize) -> Range<usize> {
        channel.saturating_sub(before)..(channel + after + 1).min(self.channels)
    }
}
