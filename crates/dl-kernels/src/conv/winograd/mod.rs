//! Winograd's minimal filtering (Lavin and Gray 2016) for 3 x 3 kernels, stride 1.
//!
//! A tile of the map is transformed, multiplied channel by channel, and transformed back: F(4x4, 3x3) needs 36 products
//! for 16 outputs, F(2x2, 3x3) 16 for 4, the direct sum 9 for each. The transforms lose precision, those of the larger
//! tile more; see [`Winograd`] for the bounds.

mod transforms;

use std::marker::PhantomData;
use std::sync::Arc;

use anyhow::{Result, bail};
use rayon::prelude::*;

use super::{Conv2dConfig, Layer, Tiling, channels_of_a_segment};
use crate::activation::Activation;
use crate::map::Map;
use crate::memory::{Aligned, Memory, with_scratch};
use crate::simd::{Kernel, LANES, Level, Simd};
use crate::tile::Tile;
use transforms::{F2, F4, Transform};

/// The Winograd algorithm that a plan may use for 3 x 3 convolutions.
///
/// The error of a layer in single precision on any processor, as the largest difference from the sum in double
/// precision divided by the largest output, for uniformly distributed inputs and weights:
///
/// | channels | off | F(2x2) | F(4x4) |
/// | --- | --- | --- | --- |
/// | 64 | 1.3e-6 | 3.0e-7 | 5.6e-6 |
/// | 128 | 2.2e-6 | 4.1e-7 | 6.3e-6 |
/// | 256 | 2.8e-6 | 6.5e-7 | 9.3e-6 |
/// | 512 | 3.9e-6 | 7.8e-7 | 1.5e-5 |
/// | 1024 | 4.2e-6 | 1.1e-6 | 1.7e-5 |
///
/// F(2x2) is more exact than the direct sum, which adds nine times as many products. Tests check bounds of 5e-6, 2e-6
/// and 2e-5 for 512 channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Winograd {
    /// The direct sum.
    Off,
    /// F(2x2, 3x3), for sensitive networks.
    F2,
    /// F(4x4, 3x3), the fastest.
    #[default]
    F4,
}

/// The environment variable that sets it: `off`, `f2` or `f4`.
const VARIABLE: &str = "DL_WINOGRAD";

impl Winograd {
    /// All variants.
    pub const ALL: [Self; 3] = [Self::Off, Self::F2, Self::F4];

    /// The value of `DL_WINOGRAD`; F4 if it is not set.
    /// # Errors
    /// When it has another value.
    pub fn current() -> Result<Self> {
        let Some(requested) = std::env::var_os(VARIABLE) else { return Ok(Self::default()) };
        match Self::ALL.into_iter().find(|known| requested == known.name()) {
            Some(known) => Ok(known),
            None => bail!("{VARIABLE}={}: expected off, f2 or f4", requested.display()),
        }
    }

    /// Its name in `DL_WINOGRAD`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::F2 => "f2",
            Self::F4 => "f4",
        }
    }

    /// Outputs per side of a tile, and size of a transformed kernel; `None` when it is off.
    pub(crate) fn tile(self) -> Option<(usize, usize)> {
        match self {
            Self::Off => None,
            Self::F2 => Some((2, 16)),
            Self::F4 => Some((4, 36)),
        }
    }
}

/// F(2x2, 3x3).
pub(crate) type WinogradF2 = WinogradConv<F2, 4, 2>;
/// F(4x4, 3x3).
pub(crate) type WinogradF4 = WinogradConv<F4, 6, 4>;

/// Most tiles per task.
const TILES: usize = 14;

/// A compiled 3 x 3 convolution, in tiles of `IN` x `IN` inputs and `OUT` x `OUT` outputs.
pub(crate) struct WinogradConv<T, const IN: usize, const OUT: usize> {
    level: Level,
    conv: Conv2dConfig,
    input: Map,
    output: Map,
    residual: Option<Map>,
    /// [blocks][points][lines][16]: the transformed weight.
    weight: Arc<Aligned>,
    /// Input channels that are multiplied.
    lines: usize,
    /// Channels per segment.
    run: usize,
    bias: Aligned,
    activation: Activation,
    /// The tilings for 1, 2, ... tiles.
    sizes: Vec<Size>,
    transform: PhantomData<T>,
}

struct Size {
    tiling: Tiling,
    /// Offset of each segment of the transformed input.
    segments: Vec<usize>,
}

impl<T: Transform<IN, OUT>, const IN: usize, const OUT: usize> WinogradConv<T, IN, OUT> {
    /// Products per tile.
    const POINTS: usize = IN * IN;

    /// [outputs, inputs, 3, 3] -> [blocks][points][lines][16], transformed.
    pub(crate) fn pack(layer: &Layer, level: Level, weight: &[f32]) -> Aligned {
        let [outputs, inputs, ..] = layer.shape;
        let lines = inputs.next_multiple_of(channels_of_a_segment(inputs, layer.input.lanes));
        let mut packed = Aligned::zeros(layer.output.blocks() * Self::POINTS * lines * LANES);
        packed.par_chunks_exact_mut(Self::POINTS * lines * LANES).enumerate().for_each(|(block, to)| {
            let outs = block * LANES..outputs.min((block + 1) * LANES);
            let from = &weight[outs.start * inputs * 9..outs.end * inputs * 9];
            let transform = PhantomData::<T>;
            level.run(Weights::<T, IN, OUT> { from, outputs: outs.len(), inputs, to, lines, transform });
        });
        packed
    }

    pub(crate) fn new(layer: &Layer, level: Level, weight: Arc<Aligned>) -> Self {
        let Layer { conv, input, output, residual, activation, .. } = *layer;
        let inputs = layer.shape[1];
        let run = channels_of_a_segment(inputs, input.lanes);
        let lines = inputs.next_multiple_of(run);
        let sizes = (1..=TILES).map(|size| Size {
            tiling: Tiling::new(level, size, output.blocks(), lines),
            segments: (0..lines).step_by(run).map(|line| line / LANES * size * LANES + line % LANES).collect(),
        });
        let sizes = sizes.collect();
        let bias = layer.padded_bias();
        Self {
            level,
            conv,
            input,
            output,
            residual,
            weight,
            lines,
            run,
            bias,
            activation,
            sizes,
            transform: PhantomData,
        }
    }

    /// Tiles per image.
    fn tiles(&self) -> usize {
        self.output.height.div_ceil(OUT) * self.tiles_across()
    }

    fn tiles_across(&self) -> usize {
        self.output.width.div_ceil(OUT)
    }

    pub(crate) fn tasks(&self, images: usize) -> usize {
        (images * self.tiles()).div_ceil(TILES)
    }

    pub(crate) fn run(&self, task: usize, images: usize, memory: Memory) {
        // The tiles of all images in sequence, divided evenly among the tasks.
        let (all, tasks) = (images * self.tiles(), self.tasks(images));
        let first = task * all / tasks;
        let count = (task + 1) * all / tasks - first;
        let Size { tiling, segments } = &self.sizes[count - 1];
        let across = self.tiles_across();
        let place = |tile: usize| {
            let (image, tile) = ((first + tile) / self.tiles(), (first + tile) % self.tiles());
            (image, [tile / across * OUT, tile % across * OUT])
        };
        let (lines, numbers) = (self.lines, self.input.blocks() * LANES);
        let widest = tiling.groups().iter().map(|group| group.blocks).max().unwrap_or(1);
        // [points][blocks][tiles][16] of the input, [points][blocks of a group][tiles][16] of the products.
        let (transformed, products) = (Self::POINTS * numbers * count, Self::POINTS * widest * LANES * count);
        with_scratch(transformed + products, |scratch| {
            let (transformed, products) = scratch.split_at_mut(transformed);
            for block in 0..self.input.blocks() {
                for tile in 0..count {
                    let (image, place) = place(tile);
                    let to = (block * count + tile) * LANES;
                    self.level.run(self.tile_in(
                        images,
                        image,
                        block,
                        place,
                        memory,
                        &mut transformed[to..],
                        numbers * count,
                    ));
                }
            }
            for group in tiling.groups() {
                for point in 0..Self::POINTS {
                    let from = (group.first * Self::POINTS + point) * lines * LANES;
                    for piece in &group.pieces {
                        let tile = Tile {
                            input: transformed[point * numbers * count + piece.first * LANES..].as_ptr(),
                            input_step: LANES,
                            segments: segments.as_ptr(),
                            segment_count: segments.len(),
                            segment_length: self.run,
                            weight: self.weight[from..].as_ptr(),
                            weight_step: Self::POINTS * lines * LANES,
                            bias: std::ptr::null(),
                            output: products[(point * group.blocks * count + piece.first) * LANES..].as_mut_ptr(),
                            output_step: LANES,
                            output_block: count * LANES,
                            residual: std::ptr::null(),
                            residual_step: 0,
                            residual_block: 0,
                            accumulate: false,
                            activation: Activation::NONE,
                        };
                        // SAFETY: all parts of the scratch memory and the weight are as long as the tiling requires.
                        unsafe { (piece.kernel)(&tile) };
                    }
                }
                for block in 0..group.blocks {
                    for tile in 0..count {
                        let (image, place) = place(tile);
                        let from = &products[(block * count + tile) * LANES..];
                        let step = group.blocks * count * LANES;
                        self.level.run(self.tile_out(images, image, group.first + block, place, memory, from, step));
                    }
                }
            }
            // The margin belongs to no tile: the task with the first tile of an image writes it.
            for image in (0..count).filter(|tile| place(*tile).1 == [0, 0]).map(|tile| place(tile).0) {
                for block in 0..self.output.blocks() {
                    self.output.zero_margin(memory, images, image, block, 0..self.output.height);
                }
            }
        });
    }

    #[expect(clippy::too_many_arguments, reason = "the complete address of a tile")]
    fn tile_in<'a>(
        &self,
        images: usize,
        image: usize,
        block: usize,
        [y, x]: [usize; 2],
        memory: Memory,
        to: &'a mut [f32],
        step: usize,
    ) -> TileIn<'a, T, IN, OUT> {
        let Map { height, width, .. } = self.input;
        let (top, left) = (self.conv.padding.top, self.conv.padding.left);
        // The positions of the tile within the map and its margin.
        let inside = |start: usize, before: usize, length: usize| {
            let from = before.saturating_sub(start);
            from..(length + before).saturating_sub(start).min(IN)
        };
        let (rows, columns) = (inside(y, top, height), inside(x, left, width));
        let start = self.input.at(images, image, block, [y + rows.start - top, x + columns.start - left]);
        assert!(to.len() >= (Self::POINTS - 1) * step + LANES, "a tile is outside the scratch memory");
        TileIn {
            input: memory.at(start, 1),
            row: self.input.row(),
            rows: [rows.start, rows.end.max(rows.start)],
            columns: [columns.start, columns.end.max(columns.start)],
            to,
            step,
            transform: PhantomData,
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the complete address of a tile")]
    fn tile_out<'a>(
        &'a self,
        images: usize,
        image: usize,
        block: usize,
        place: [usize; 2],
        memory: Memory,
        from: &'a [f32],
        step: usize,
    ) -> TileOut<'a, T, IN, OUT> {
        assert!(from.len() >= (Self::POINTS - 1) * step + LANES, "a tile is outside the scratch memory");
        TileOut {
            from,
            step,
            bias: &self.bias[block * LANES..][..LANES],
            residual: self
                .residual
                .as_ref()
                .map_or(std::ptr::null(), |map| memory.at(map.at(images, image, block, place), 1)),
            residual_row: self.residual.map_or(0, |map| map.row()),
            output: memory.at(self.output.at(images, image, block, place), 1),
            row: self.output.row(),
            size: [OUT.min(self.output.height - place[0]), OUT.min(self.output.width - place[1])],
            activation: self.activation,
            transform: PhantomData,
        }
    }
}

/// G g G^T of all kernels of one block of outputs.
struct Weights<'a, T, const IN: usize, const OUT: usize> {
    /// [outputs][inputs][3][3].
    from: &'a [f32],
    outputs: usize,
    inputs: usize,
    /// [points][lines][16].
    to: &'a mut [f32],
    lines: usize,
    transform: PhantomData<T>,
}

impl<T: Transform<IN, OUT>, const IN: usize, const OUT: usize> Kernel for Weights<'_, T, IN, OUT> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        assert!(self.inputs <= self.lines && self.to.len() == IN * IN * self.lines * LANES, "a block of the weight");
        for input in 0..self.inputs {
            // The kernels of sixteen outputs, by position.
            let mut kernels = [[0.0; LANES]; 9];
            for output in 0..self.outputs {
                let kernel = &self.from[(output * self.inputs + input) * 9..][..9];
                for (place, number) in kernels.iter_mut().zip(kernel) {
                    place[output] = *number;
                }
            }
            // SAFETY: `to` was checked to hold every point of every line.
            unsafe {
                let load = |place: usize| S::load(kernels[place].as_ptr());
                let mut half = [[S::splat(0.0); 3]; IN];
                for x in 0..3 {
                    let column = T::weight::<S>([load(x), load(3 + x), load(6 + x)]);
                    for (line, value) in half.iter_mut().zip(column) {
                        line[x] = value;
                    }
                }
                for (y, line) in half.into_iter().enumerate() {
                    for (x, value) in T::weight::<S>(line).into_iter().enumerate() {
                        S::store(self.to.as_mut_ptr().add(((y * IN + x) * self.lines + input) * LANES), value);
                    }
                }
            }
        }
    }
}

/// B^T d B of one tile of one block.
struct TileIn<'a, T, const IN: usize, const OUT: usize> {
    /// The tile's first position within the map.
    input: *const f32,
    row: usize,
    /// Rows and columns of the tile within the map: first and past the last.
    rows: [usize; 2],
    columns: [usize; 2],
    to: &'a mut [f32],
    /// Stride between points.
    step: usize,
    transform: PhantomData<T>,
}

impl<T: Transform<IN, OUT>, const IN: usize, const OUT: usize> Kernel for TileIn<'_, T, IN, OUT> {
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
                let mut column = [S::splat(0.0); IN];
                for (value, line) in column.iter_mut().zip(&tile) {
                    *value = line[x];
                }
                for (line, value) in tile.iter_mut().zip(T::before::<S>(column)) {
                    line[x] = value;
                }
            }
            let to = self.to.as_mut_ptr();
            for (y, line) in tile.into_iter().enumerate() {
                for (x, value) in T::before::<S>(line).into_iter().enumerate() {
                    S::store(to.add((y * IN + x) * self.step), value);
                }
            }
        }
    }
}

/// A^T m A of one tile of one block, with the fused operations.
struct TileOut<'a, T, const IN: usize, const OUT: usize> {
    from: &'a [f32],
    step: usize,
    bias: &'a [f32],
    residual: *const f32,
    residual_row: usize,
    output: *mut f32,
    row: usize,
    /// Rows and columns of the tile within the map.
    size: [usize; 2],
    activation: Activation,
    transform: PhantomData<T>,
}

impl<T: Transform<IN, OUT>, const IN: usize, const OUT: usize> Kernel for TileOut<'_, T, IN, OUT> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: `from` was checked to hold all points; only the map's rows and columns are written.
        unsafe {
            let from = self.from.as_ptr();
            let mut half = [[S::splat(0.0); IN]; OUT];
            for x in 0..IN {
                let mut column = [S::splat(0.0); IN];
                for (y, value) in column.iter_mut().enumerate() {
                    *value = S::load(from.add((y * IN + x) * self.step));
                }
                for (line, value) in half.iter_mut().zip(T::after::<S>(column)) {
                    line[x] = value;
                }
            }
            let (bias, activation) = (S::load(self.bias.as_ptr()), self.activation.vectors::<S>());
            for (y, line) in half.into_iter().enumerate().take(self.size[0]) {
                for (x, value) in T::after::<S>(line).into_iter().enumerate().take(self.size[1]) {
                    let mut value = S::add(value, bias);
                    if !self.residual.is_null() {
                        value = S::add(value, S::load(self.residual.add(y * self.residual_row + x * LANES)));
                    }
                    S::store(self.output.add(y * self.row + x * LANES), activation.apply(value));
                }
            }
        }
    }
}
