//! Pixels under the kernel as a matrix, and back.

use std::ops::Range;

use super::geometry::Geometry;

/// A row of the im2col matrix: one channel seen through one place of the kernel.
struct Tap {
    channel: usize,
    /// Input row and column of output row and column 0; may lie in the padding.
    y: isize,
    x: isize,
}

impl Geometry {
    fn tap(&self, row: usize) -> Tap {
        let [kh, kw] = self.kernel;
        let (ky, kx) = (row / kw % kh, row % kw);
        let (padding, dilation) = (self.config.padding, self.config.dilation);
        Tap {
            channel: row / (kh * kw),
            y: (ky * dilation[0]) as isize - padding.top as isize,
            x: (kx * dilation[1]) as isize - padding.left as isize,
        }
    }

    /// Output columns whose input column lies inside the picture.
    fn inside(&self, tap: &Tap) -> Range<usize> {
        let stride = self.config.stride[1] as isize;
        let first = (-tap.x).max(0).unsigned_abs().div_ceil(stride.unsigned_abs());
        let past = (self.width as isize - tap.x + stride - 1).max(0) / stride;
        let past = (past as usize).min(self.out_width);
        first.min(past)..past
    }

    /// Calls `visit(segment of the matrix row, first input number, numbers before the picture, members)` for each
    /// output row that the strip touches; the input row is `None` where it lies in the padding.
    fn segments(&self, tap: &Tap, (first, count): (usize, usize), mut visit: impl FnMut(Segment)) {
        let inside = self.inside(tap);
        let mut at = first;
        while at < first + count {
            let (row, column) = (at / self.out_width, at % self.out_width);
            let length = (self.out_width - column).min(first + count - at);
            let y = (row * self.config.stride[0]) as isize + tap.y;
            let within = (0..self.height as isize).contains(&y);
            let start = inside.start.clamp(column, column + length);
            let end = inside.end.clamp(start, column + length);
            let valid = if within { start - column..end - column } else { 0..0 };
            let input = if valid.is_empty() {
                0
            } else {
                let x = (start * self.config.stride[1]) as isize + tap.x;
                y as usize * self.width + x as usize
            };
            visit(Segment { at: at - first, length, valid, input });
            at += length;
        }
    }

    /// Rows `rows` and the pixels of one strip of the im2col matrix of `picture`, the channels of one group
    /// [c, h, w], into `matrix` [rows, strip].
    pub(super) fn im2col(&self, picture: &[f32], rows: Range<usize>, strip: (usize, usize), matrix: &mut [f32]) {
        let (plane, step) = (self.height * self.width, self.config.stride[1]);
        for (row, line) in rows.zip(matrix.chunks_exact_mut(strip.1)) {
            let tap = self.tap(row);
            let input = &picture[tap.channel * plane..][..plane];
            self.segments(&tap, strip, |segment| {
                let line = &mut line[segment.at..][..segment.length];
                line[..segment.valid.start].fill(0.0);
                line[segment.valid.end..].fill(0.0);
                let line = &mut line[segment.valid];
                if step == 1 {
                    line.copy_from_slice(&input[segment.input..][..line.len()]);
                } else {
                    for (number, value) in line.iter_mut().zip(input[segment.input..].iter().step_by(step)) {
                        *number = *value;
                    }
                }
            });
        }
    }

    /// Adds the matrix [rows, strip] back to the places its numbers would come from; the transpose of `im2col`.
    /// `picture` holds the channels from that of the first row on.
    pub(super) fn col2im(&self, matrix: &[f32], rows: Range<usize>, strip: (usize, usize), picture: &mut [f32]) {
        let (plane, step) = (self.height * self.width, self.config.stride[1]);
        let first_channel = self.tap(rows.start).channel;
        for (row, line) in rows.zip(matrix.chunks_exact(strip.1)) {
            let tap = self.tap(row);
            let output = &mut picture[(tap.channel - first_channel) * plane..][..plane];
            self.segments(&tap, strip, |segment| {
                let line = &line[segment.at..][..segment.length][segment.valid];
                if line.is_empty() {
                    return;
                }
                if step == 1 {
                    for (number, value) in output[segment.input..].iter_mut().zip(line) {
                        *number += value;
                    }
                } else {
                    for (number, value) in output[segment.input..].iter_mut().step_by(step).zip(line) {
                        *number += value;
                    }
                }
            });
        }
    }
}

/// The part of a matrix row that comes from one output row.
struct Segment {
    /// Its place in the matrix row.
    at: usize,
    length: usize,
    /// Its members that come from inside the picture; the others are padding.
    valid: Range<usize>,
    /// Place in the plane of the first valid member.
    input: usize,
}
