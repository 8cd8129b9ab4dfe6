//! The gradient of a depthwise convolution's weight, with sixteen channels at a time.

use super::{ConvShape, in_rounds, place};
use crate::import::Import;
use crate::map::{Map, Padding};
use crate::memory::{Aligned, Memory};
use crate::simd::{Kernel, LANES, Level, Simd};
use crate::team;

/// The gradient [channels, 1, kh, kw] of the weight.
pub(super) fn depthwise(shape: &ConvShape, level: Level, x: &[f32], gradient: &[f32]) -> Vec<f32> {
    let ([channels, ..], [kh, kw]) = (shape.input, shape.kernel());
    let mut input = Map::new(shape.input, shape.margin());
    let mut output = Map::new([channels, shape.output[0], shape.output[1]], Padding::default());
    let numbers = place([&mut input, &mut output]);
    let imports = [Import::new(level, input, None), Import::new(level, output, None)];
    // [blocks][kh * kw][16]
    let mut sums = Aligned::zeros(input.blocks() * kh * kw * LANES);
    let [from, to] = [shape.input.iter().product::<usize>(), shape.output_dims()[1..].iter().product()];
    in_rounds(shape.images, numbers, |first, count, memory| {
        let (x, gradient) = (&x[first * from..(first + count) * from], &gradient[first * to..(first + count) * to]);
        let all = Memory::new(&mut sums);
        let tasks = [imports[0].tasks(count), imports[1].tasks(count), input.blocks()];
        team::run(&tasks, |index, block| match index {
            0 => imports[0].run(block, count, memory, x),
            1 => imports[1].run(block, count, memory, gradient),
            _ => {
                for image in 0..count {
                    for y in 0..output.height {
                        add_row(shape, level, [input, output], [count, image, block, y], memory, all);
                    }
                }
            }
        });
    });
    let number = |channel: usize, tap: usize| sums[(channel / LANES * kh * kw + tap) * LANES + channel % LANES];
    (0..channels)
        .flat_map(|channel| (0..kh * kw).map(move |tap| (channel, tap)))
        .map(|(c, tap)| number(c, tap))
        .collect()
}

/// Adds the contribution of one row of the gradient to the sums of a block.
fn add_row(
    shape: &ConvShape,
    level: Level,
    [input, output]: [Map; 2],
    [images, image, block, y]: [usize; 4],
    memory: Memory,
    sums: Memory,
) {
    let ([kh, kw], conv) = (shape.kernel(), &shape.config);
    let corner = input.at(images, image, block, [y * conv.stride[0], 0])
        - conv.padding.top * input.row()
        - conv.padding.left * LANES;
    let gradient = memory.at(output.at(images, image, block, [y, 0]), output.width * LANES);
    for ky in 0..kh {
        for kx in 0..kw {
            let offset = ky * conv.dilation[0] * input.row() + kx * conv.dilation[1] * LANES;
            level.run(Row {
                input: memory.at(corner + offset, 1),
                step: conv.stride[1] * LANES,
                gradient,
                width: output.width,
                sum: sums.at((block * kh * kw + ky * kw + kx) * LANES, LANES),
            });
        }
    }
}

/// The sum of a row of positions for one tap.
struct Row {
    input: *const f32,
    step: usize,
    gradient: *const f32,
    width: usize,
    sum: *mut f32,
}

impl Kernel for Row {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: the rows are within the memory, the input's margin covers everything that the kernel reads, and only
        // the calling task writes the sum.
        unsafe {
            // Four sums, so that additions do not wait for each other.
            let mut sums = [S::load(self.sum), S::splat(0.0), S::splat(0.0), S::splat(0.0)];
            let term = |x: usize, sum: S::Block| {
                S::mul_add(S::load(self.input.add(x * self.step)), S::load(self.gradient.add(x * LANES)), sum)
            };
            let mut x = 0;
            while x + 4 <= self.width {
                sums = [term(x, sums[0]), term(x + 1, sums[1]), term(x + 2, sums[2]), term(x + 3, sums[3])];
                x += 4;
            }
            while x < self.width {
                sums[0] = term(x, sums[0]);
                x += 1;
            }
            S::store(self.sum, S::add(S::add(sums[0], sums[1]), S::add(sums[2], sums[3])));
        }
    }
}
