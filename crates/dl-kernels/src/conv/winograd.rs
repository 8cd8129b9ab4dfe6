//! Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray 2016) for 3 x 3 kernels, stride 1.
//!
//! A tile of 6 x 6 places is transformed, multiplied channel by channel, and transformed back into 4 x 4 outputs: 36
//! products a tile instead of 144. With the points 0, 1, -1, 2, -2 the error grows: for numbers of unit size about 10
//! times that of the direct sum; tests hold it to 2e-5 of the output's largest number for up to 512 channels.

use super::{Conv2dConfig, Layer, Tiling, channels_of_a_segment};
use crate::map::Map;
use crate::memory::{Aligned, Memory, with_scratch};
use crate::simd::{Kernel, LANES, Level, Simd};
use crate::tile::Tile;

/// Outputs along one side of a tile.
const OUT: usize = 4;
/// Inputs along one side of a tile.
const IN: usize = 6;
/// Products of a tile.
const POINTS: usize = IN * IN;
/// Most tiles of a task.
const TILES: usize = 14;

/// A 3 x 3 convolution ready to run.
pub(crate) struct Winograd {
    level: Level,
    conv: Conv2dConfig,
    input: Map,
    output: Map,
    residual: Option<Map>,
    /// [blocks][36][lines][16]: the transformed weight.
    weight: Aligned,
    /// Channels of the input that are multiplied.
    lines: usize,
    /// Channels of a segment.
    run: usize,
    bias: Aligned,
    range: [f32; 2],
    /// How 1, 2, ... tiles of a task are multiplied.
    sizes: Vec<Size>,
}

struct Size {
    tiling: Tiling,
    /// Where each segment of the transformed input starts.
    segments: Vec<usize>,
}

impl Winograd {
    pub(crate) fn new(layer: &Layer, level: Level) -> Self {
        let Layer { conv, input, output, residual, range, .. } = *layer;
        let [outputs, inputs, ..] = layer.shape;
        let run = channels_of_a_segment(inputs, input.lanes);
        let lines = inputs.next_multiple_of(run);
        let mut weight = Aligned::zeros(output.blocks() * POINTS * lines * LANES);
        for out in 0..outputs {
            for channel in 0..inputs {
                let transformed = transform_weight(|y, x| layer.weight_at(out, channel, [y, x]));
                for (point, number) in transformed.into_iter().enumerate() {
                    weight[((out / LANES * POINTS + point) * lines + channel) * LANES + out % LANES] = number;
                }
            }
        }
        let sizes = (1..=TILES).map(|size| Size {
            tiling: Tiling::new(level, size, output.blocks(), lines),
            segments: (0..lines).step_by(run).map(|line| line / LANES * size * LANES + line % LANES).collect(),
        });
        let sizes = sizes.collect();
        let bias = layer.padded_bias();
        Self { level, conv, input, output, residual, weight, lines, run, bias, range, sizes }
    }

    /// Tiles of a picture.
    fn tiles(&self) -> usize {
        tiles(&self.output).iter().product()
    }

    pub(crate) fn tasks(&self, pictures: usize) -> usize {
        (pictures * self.tiles()).div_ceil(TILES)
    }

    pub(crate) fn run(&self, task: usize, pictures: usize, memory: Memory) {
        // The tiles of all pictures in a row, shared evenly among the tasks.
        let (all, tasks) = (pictures * self.tiles(), self.tasks(pictures));
        let first = task * all / tasks;
        let count = (task + 1) * all / tasks - first;
        let Size { tiling, segments } = &self.sizes[count - 1];
        let across = tiles(&self.output)[1];
        let place = |tile: usize| {
            let (picture, tile) = ((first + tile) / self.tiles(), (first + tile) % self.tiles());
            (picture, [tile / across * OUT, tile % across * OUT])
        };
        let (lines, numbers) = (self.lines, self.input.blocks() * LANES);
        let widest = tiling.groups().iter().map(|group| group.blocks).max().unwrap_or(1);
        // [36][blocks][tiles][16] of the input, [36][blocks of a group][tiles][16] of the products.
        let (transformed, products) = (POINTS * numbers * count, POINTS * widest * LANES * count);
        with_scratch(transformed + products, |scratch| {
            let (transformed, products) = scratch.split_at_mut(transformed);
            for block in 0..self.input.blocks() {
                for tile in 0..count {
                    let (picture, place) = place(tile);
                    let to = (block * count + tile) * LANES;
                    self.level.run(self.tile_in(
                        pictures,
                        picture,
                        block,
                        place,
                        memory,
                        &mut transformed[to..],
                        numbers * count,
                    ));
                }
            }
            for group in tiling.groups() {
                for point in 0..POINTS {
                    let from = (group.first * POINTS + point) * lines * LANES;
                    for piece in &group.pieces {
                        let tile = Tile {
                            input: transformed[point * numbers * count + piece.first * LANES..].as_ptr(),
                            input_step: LANES,
                            segments: segments.as_ptr(),
                            segment_count: segments.len(),
                            segment_length: self.run,
                            weight: self.weight[from..].as_ptr(),
                            weight_step: POINTS * lines * LANES,
                            bias: std::ptr::null(),
                            output: products[(point * group.blocks * count + piece.first) * LANES..].as_mut_ptr(),
                            output_step: LANES,
                            output_block: count * LANES,
                            residual: std::ptr::null(),
                            residual_step: 0,
                            residual_block: 0,
                            accumulate: false,
                            low: f32::NEG_INFINITY,
                            high: f32::INFINITY,
                        };
                        // SAFETY: all of the scratch's and the weight's parts are as long as the tiling says.
                        unsafe { (piece.kernel)(&tile) };
                    }
                }
                for block in 0..group.blocks {
                    for tile in 0..count {
                        let (picture, place) = place(tile);
                        let from = &products[(block * count + tile) * LANES..];
                        let step = group.blocks * count * LANES;
                        self.level.run(self.tile_out(
                            pictures,
                            picture,
                            group.first + block,
                            place,
                            memory,
                            from,
                            step,
                        ));
                    }
                }
            }
            // The margin belongs to no tile: the task with a picture's first one writes it.
            for picture in (0..count).filter(|tile| place(*tile).1 == [0, 0]).map(|tile| place(tile).0) {
                for block in 0..self.output.blocks() {
                    self.output.zero_margin(memory, pictures, picture, block, 0..self.output.height);
                }
            }
        });
    }

    #[expect(clippy::too_many_arguments, reason = "one tile's whole address")]
    fn tile_in<'a>(
        &self,
        pictures: usize,
        picture: usize,
        block: usize,
        [y, x]: [usize; 2],
        memory: Memory,
        to: &'a mut [f32],
        step: usize,
    ) -> TileIn<'a> {
        let Map { height, width, .. } = self.input;
        let (top, left) = (self.conv.padding.top, self.conv.padding.left);
        // The places of the tile that the map has: from its margin's first to its last row and column.
        let inside = |start: usize, before: usize, length: usize| {
            let from = before.saturating_sub(start);
            from..(length + before).saturating_sub(start).min(IN)
        };
        let (rows, columns) = (inside(y, top, height), inside(x, left, width));
        let start = self.input.at(pictures, picture, block, [y + rows.start - top, x + columns.start - left]);
        assert!(to.len() >= (POINTS - 1) * step + LANES, "a tile leaves the scratch memory");
        TileIn {
            input: memory.at(start, 1),
            row: self.input.row(),
            rows: [rows.start, rows.end.max(rows.start)],
            columns: [columns.start, columns.end.max(columns.start)],
            to,
            step,
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one tile's whole address")]
    fn tile_out<'a>(
        &'a self,
        pictures: usize,
        picture: usize,
        block: usize,
        place: [usize; 2],
        memory: Memory,
        from: &'a [f32],
        step: usize,
    ) -> TileOut<'a> {
        assert!(from.len() >= (POINTS - 1) * step + LANES, "a tile leaves the scratch memory");
        TileOut {
            from,
            step,
            bias: &self.bias[block * LANES..][..LANES],
            residual: self
                .residual
                .as_ref()
                .map_or(std::ptr::null(), |map| memory.at(map.at(pictures, picture, block, place), 1)),
            residual_row: self.residual.map_or(0, |map| map.row()),
            output: memory.at(self.output.at(pictures, picture, block, place), 1),
            row: self.output.row(),
            size: [OUT.min(self.output.height - place[0]), OUT.min(self.output.width - place[1])],
            range: self.range,
        }
    }
}

/// Tiles down and across a map.
fn tiles(output: &Map) -> [usize; 2] {
    [output.height.div_ceil(OUT), output.width.div_ceil(OUT)]
}

/// G g G^T.
fn transform_weight(weight: impl Fn(usize, usize) -> f32) -> [f32; POINTS] {
    const G: [[f64; 3]; IN] = [
        [1.0 / 4.0, 0.0, 0.0],
        [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
        [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
        [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
        [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
        [0.0, 0.0, 1.0],
    ];
    let mut result = [0.0; POINTS];
    for (i, left) in G.iter().enumerate() {
        for (j, right) in G.iter().enumerate() {
            let products = (0..3).flat_map(|y| (0..3).map(move |x| (y, x)));
            let sum: f64 = products.map(|(y, x)| left[y] * f64::from(weight(y, x)) * right[x]).sum();
            result[i * IN + j] = sum as f32;
        }
    }
    result
}

/// B^T d B of one tile of one block.
struct TileIn<'a> {
    /// The tile's first place that the map has.
    input: *const f32,
    row: usize,
    /// Rows and columns of the tile that the map has: first and past the last.
    rows: [usize; 2],
    columns: [usize; 2],
    to: &'a mut [f32],
    /// From one point to the next.
    step: usize,
}

impl Kernel for TileIn<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: rows and columns are those of the map; `to` was checked to hold all points.
        unsafe {
            let mut tile = [[S::splat(0.0); IN]; IN];
            if self.rows == [0, IN] && self.columns == [0, IN] {
                for (y, line) in tile.iter_mut().enumerate() {
                    for (x, place) in line.iter_mut().enumerate() {
                        *place = S::load(self.input.add(y * self.row + x * LANES));
                    }
                }
            } else {
                let (rows, columns) = (self.rows[0]..self.rows[1], self.columns[0]..self.columns[1]);
                for (y, line) in tile[rows].iter_mut().enumerate() {
                    for (x, place) in line[columns.clone()].iter_mut().enumerate() {
                        *place = S::load(self.input.add(y * self.row + x * LANES));
                    }
                }
            }
            for x in 0..IN {
                let column = [tile[0][x], tile[1][x], tile[2][x], tile[3][x], tile[4][x], tile[5][x]];
                let column = before::<S>(column);
                for (line, value) in tile.iter_mut().zip(column) {
                    line[x] = value;
                }
            }
            let to = self.to.as_mut_ptr();
            for (y, line) in tile.into_iter().enumerate() {
                for (x, value) in before::<S>(line).into_iter().enumerate() {
                    S::store(to.add((y * IN + x) * self.step), value);
                }
            }
        }
    }
}

/// B^T times a column.
#[inline(always)]
unsafe fn before<S: Simd>(d: [S::Block; IN]) -> [S::Block; IN] {
    // SAFETY: only arithmetic of the level that the caller runs.
    unsafe {
        let (two, four, five) = (S::splat(2.0), S::splat(4.0), S::splat(5.0));
        // d4 - 4 d2, d3 - 4 d1, and so on, shared by two rows each.
        let even = S::sub(d[4], S::mul(four, d[2]));
        let odd = S::sub(d[3], S::mul(four, d[1]));
        let even_2 = S::sub(d[4], d[2]);
        let odd_2 = S::mul(two, S::sub(d[3], d[1]));
        [
            S::add(S::sub(S::mul(four, d[0]), S::mul(five, d[2])), d[4]),
            S::add(even, odd),
            S::sub(even, odd),
            S::add(even_2, odd_2),
            S::sub(even_2, odd_2),
            S::add(S::sub(S::mul(four, d[1]), S::mul(five, d[3])), d[5]),
        ]
    }
}

/// A^T m A of one tile of one block, with what follows.
struct TileOut<'a> {
    from: &'a [f32],
    step: usize,
    bias: &'a [f32],
    residual: *const f32,
    residual_row: usize,
    output: *mut f32,
    row: usize,
    /// Rows and columns of the tile that the map has.
    size: [usize; 2],
    range: [f32; 2],
}

impl Kernel for TileOut<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: `from` was checked to hold all points; only the map's rows and columns are written.
        unsafe {
            let from = self.from.as_ptr();
            let mut half = [[S::splat(0.0); IN]; OUT];
            for x in 0..IN {
                let load = |y: usize| from.add((y * IN + x) * self.step);
                let column = [
                    S::load(load(0)),
                    S::load(load(1)),
                    S::load(load(2)),
                    S::load(load(3)),
                    S::load(load(4)),
                    S::load(load(5)),
                ];
                for (line, value) in half.iter_mut().zip(after::<S>(column)) {
                    line[x] = value;
                }
            }
            let bias = S::load(self.bias.as_ptr());
            let (low, high) = (S::splat(self.range[0]), S::splat(self.range[1]));
            for (y, line) in half.into_iter().enumerate().take(self.size[0]) {
                for (x, value) in after::<S>(line).into_iter().enumerate().take(self.size[1]) {
                    let mut value = S::add(value, bias);
                    if !self.residual.is_null() {
                        value = S::add(value, S::load(self.residual.add(y * self.residual_row + x * LANES)));
                    }
                    S::store(self.output.add(y * self.row + x * LANES), S::min(high, S::max(low, value)));
                }
            }
        }
    }
}

/// A^T times a column.
#[inline(always)]
unsafe fn after<S: Simd>(m: [S::Block; IN]) -> [S::Block; OUT] {
    // SAFETY: only arithmetic of the level that the caller runs.
    unsafe {
        let (sum_1, difference_1) = (S::add(m[1], m[2]), S::sub(m[1], m[2]));
        let (sum_2, difference_2) = (S::add(m[3], m[4]), S::sub(m[3], m[4]));
        [
            S::add(S::add(m[0], sum_1), sum_2),
            S::mul_add(S::splat(2.0), difference_2, difference_1),
            S::mul_add(S::splat(4.0), sum_2, sum_1),
            S::add(S::mul_add(S::splat(8.0), difference_2, difference_1), m[5]),
        ]
    }
}
