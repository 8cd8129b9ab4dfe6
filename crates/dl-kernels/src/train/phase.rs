//! The gradient of a convolution's input as convolutions of the output's gradient.
//!
//! Each input position receives, from each output that read it, the output's gradient times the weight used. With a
//! stride of s, positions that are s apart use the same part of the kernel: this gives s x s phases, each a convolution
//! with stride 1 and the taps of its part in reverse order.

/// One axis of a phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Axis {
    /// The phase's first position; the others follow at distances of the stride.
    pub(super) first: usize,
    /// Positions of the input in this phase.
    pub(super) length: usize,
    /// The taps of the kernel, in the order of the gradient's positions.
    pub(super) taps: Vec<usize>,
    /// The position in the gradient of the first tap of the first position; may be outside.
    pub(super) start: isize,
    /// Distance between neighboring taps in the gradient.
    pub(super) dilation: usize,
}

impl Axis {
    /// Phase `first` of an axis of `length` positions.
    pub(super) fn new(
        first: usize,
        length: usize,
        kernel: usize,
        stride: usize,
        padding: usize,
        dilation: usize,
    ) -> Self {
        // Output o reads position i with tap k when o * stride + k * dilation = i + padding.
        let seen = |tap: &usize| (tap * dilation) % stride == (first + padding) % stride;
        let taps: Vec<usize> = (0..kernel).filter(seen).rev().collect();
        let step = stride / greatest_common_divisor(stride, dilation);
        let start =
            taps.first().map_or(0, |tap| ((first + padding) as isize - (tap * dilation) as isize) / stride as isize);
        Self {
            first,
            length: length.saturating_sub(first).div_ceil(stride),
            taps,
            start,
            dilation: step * dilation / stride,
        }
    }

    /// Zeros needed before the gradient's first position.
    pub(super) fn before(&self) -> usize {
        (-self.start).max(0).unsigned_abs()
    }

    /// Leading positions of the gradient that this phase does not use.
    pub(super) fn skipped(&self) -> usize {
        self.start.max(0).unsigned_abs()
    }

    /// Zeros needed after the last of `length` positions of the gradient.
    pub(super) fn after(&self, length: usize) -> usize {
        let reach = (self.length + self.taps.len() * self.dilation) as isize - self.dilation as isize + self.start;
        (reach - length as isize).max(0).unsigned_abs()
    }
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tap_of_every_position_is_in_one_phase() {
        for (length, kernel, stride, padding, dilation) in
            [(8, 3, 1, 1, 1), (9, 3, 2, 1, 1), (7, 5, 3, 2, 2), (6, 1, 2, 0, 1), (12, 3, 4, 0, 2), (1, 3, 1, 3, 1)]
        {
            let outputs = (length + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
            let mut found = Vec::new();
            for first in 0..stride {
                let axis = Axis::new(first, length, kernel, stride, padding, dilation);
                for place in 0..axis.length {
                    for (index, tap) in axis.taps.iter().enumerate() {
                        let output = axis.start + (place + index * axis.dilation) as isize;
                        if (0..outputs as isize).contains(&output) {
                            found.push((first + place * stride, *tap, output as usize));
                        }
                    }
                }
            }
            let mut expected = Vec::new();
            for output in 0..outputs {
                for tap in 0..kernel {
                    if let Some(place) = (output * stride + tap * dilation).checked_sub(padding).filter(|i| *i < length)
                    {
                        expected.push((place, tap, output));
                    }
                }
            }
            found.sort_unstable();
            expected.sort_unstable();
            assert_eq!(found, expected);
        }
    }
}
