//! The windows of a pooling layer: the rows, or columns, of each output.

use anyhow::{Result, bail};

/// Options of a pooling layer; pairs are (height, width).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolConfig {
    /// Size of the window.
    pub kernel: [usize; 2],
    /// Step between windows.
    pub stride: [usize; 2],
    /// Rows and columns added on each side, at most half the kernel.
    pub padding: [usize; 2],
    /// More rows below and columns on the right; with `padding` at most half the kernel.
    pub extra: [usize; 2],
    /// Keep a last window that extends past the map, if it starts inside (or in the left padding).
    pub ceil_mode: bool,
}

impl PoolConfig {
    /// Square windows of size `kernel` with this `stride`, without padding.
    pub const fn square(kernel: usize, stride: usize) -> Self {
        Self { kernel: [kernel; 2], stride: [stride; 2], padding: [0; 2], extra: [0; 2], ceil_mode: false }
    }

    /// darknet's `[maxpool]`: `padding` rows and columns in all (`kernel` - 1 unless its file says otherwise), half of
    /// them before the map, rounded down.
    pub const fn darknet(kernel: usize, stride: usize, padding: usize) -> Self {
        Self { padding: [padding / 2; 2], extra: [padding % 2; 2], ..Self::square(kernel, stride) }
    }

    /// The same with `ceil_mode`.
    pub const fn ceil(self) -> Self {
        Self { ceil_mode: true, ..self }
    }

    /// The windows along the rows and along the columns of a `height` x `width` map.
    pub fn windows(&self, height: usize, width: usize) -> Result<[Vec<Window>; 2]> {
        Ok([self.along(0, height)?, self.along(1, width)?])
    }

    fn along(&self, axis: usize, length: usize) -> Result<Vec<Window>> {
        let (kernel, stride, padding) = (self.kernel[axis], self.stride[axis], self.padding[axis]);
        let after = padding.saturating_add(self.extra[axis]);
        if kernel == 0 || stride == 0 || after > kernel / 2 {
            bail!("pooling: kernel {kernel}, stride {stride} and padding {padding} are incompatible");
        }
        let whole = length + padding + after;
        if whole < kernel {
            bail!("pooling: a map of length {length} is too small for a window of {kernel} with padding {padding}");
        }
        let free = whole - kernel;
        let mut count = if self.ceil_mode { free.div_ceil(stride) } else { free / stride } + 1;
        // torch's rule: a window must start inside the map or the padding before it.
        if self.ceil_mode && (count - 1) * stride >= length + padding {
            count -= 1;
        }
        let windows = (0..count).map(|index| {
            let start = index * stride;
            let end = start + kernel;
            Window {
                start: start.saturating_sub(padding),
                end: (end - padding.min(end)).min(length),
                // torch's average counts the padding, but not what ceil_mode adds after it.
                padded: end.min(whole) - start,
            }
        });
        Ok(windows.collect())
    }
}

/// The part of the map that an output covers along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first position.
    pub start: usize,
    /// The position past the last.
    pub end: usize,
    /// Length including padding.
    pub padded: usize,
}

impl Window {
    /// The `count` bins of torch's adaptive pooling over `length`: they cover all positions and may overlap.
    pub fn adaptive(length: usize, count: usize) -> Vec<Self> {
        let bin = |index: usize| {
            let (start, end) = (index * length / count, ((index + 1) * length).div_ceil(count));
            Self { start, end, padded: end - start }
        };
        (0..count).map(bin).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ceil_mode_drops_a_window_that_would_start_in_the_far_padding() {
        let config = PoolConfig { padding: [1, 1], ..PoolConfig::square(2, 2).ceil() };
        // torch: MaxPool2d(2, 2, padding=1, ceil_mode=True) maps 5 to 3 and 4 to 3.
        assert_eq!(config.along(0, 5).unwrap().len(), 3);
        assert_eq!(config.along(0, 4).unwrap().len(), 3);
        // torch: MaxPool2d(3, 2, ceil_mode=True) maps 30 to 15 and 31 to 15; without it 30 to 14.
        assert_eq!(PoolConfig::square(3, 2).ceil().along(0, 30).unwrap().len(), 15);
        assert_eq!(PoolConfig::square(3, 2).ceil().along(0, 31).unwrap().len(), 15);
        assert_eq!(PoolConfig::square(3, 2).along(0, 30).unwrap().len(), 14);
    }

    #[test]
    fn darknets_padding_is_half_before_and_the_rest_after() {
        // (kernel, stride, length) -> the windows, by darknet's (length + kernel - 1 - kernel) / stride + 1 and offset.
        let windows = |kernel, stride, length| -> Vec<[usize; 2]> {
            let config = PoolConfig::darknet(kernel, stride, kernel - 1);
            config.along(0, length).unwrap().iter().map(|window| [window.start, window.end]).collect()
        };
        assert_eq!(windows(2, 2, 6), [[0, 2], [2, 4], [4, 6]]);
        assert_eq!(windows(2, 2, 5), [[0, 2], [2, 4], [4, 5]]);
        assert_eq!(windows(2, 1, 3), [[0, 2], [1, 3], [2, 3]]);
        assert_eq!(windows(3, 2, 5), [[0, 2], [1, 4], [3, 5]]);
        assert_eq!(windows(4, 1, 4), [[0, 3], [0, 4], [1, 4], [2, 4]]);
    }

    #[test]
    fn adaptive_bins_of_an_odd_length_overlap() {
        let bins: Vec<_> = Window::adaptive(13, 6).iter().map(|bin| (bin.start, bin.end)).collect();
        assert_eq!(bins, [(0, 3), (2, 5), (4, 7), (6, 9), (8, 11), (10, 13)]);
    }
}
