//! Operations across channels when pixels are contiguous: a strip of pixels is processed for all channels, so that
//! loops access contiguous memory and the strip stays in the cache.

use std::ops::Range;

/// Pixels per strip.
pub(crate) const PIXELS: usize = 128;

/// Some pixels of all channels: those of `channel` start at `first + channel * plane`.
#[derive(Clone, Copy)]
pub(crate) struct Strip {
    pub(crate) first: usize,
    pub(crate) count: usize,
    pub(crate) channels: usize,
    pub(crate) plane: usize,
}

impl Strip {
    /// All strips of [n, channels, plane].
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

    /// The existing channels from `before` to `after` this one, inclusive.
    pub(crate) fn around(&self, channel: usize, before: usize, after: usize) -> Range<usize> {
        channel.saturating_sub(before)..(channel + after + 1).min(self.channels)
    }
}
