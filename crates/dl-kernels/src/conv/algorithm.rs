//! Chooses the algorithm of a convolution, and wraps all of them as one step.

use std::sync::Arc;

use super::depthwise::Depthwise;
use super::direct::Direct;
use super::winograd::{Winograd, WinogradF2, WinogradF4};
use super::{Conv2dConfig, Layer};
use crate::map::Padding;
use crate::memory::{Aligned, Memory};
use crate::packed::Layout;
use crate::simd::{LANES, Level};

/// The algorithm of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Direct,
    Depthwise,
    WinogradF2,
    WinogradF4,
}

/// Fewest tiles for which Winograd's algorithm is faster if its weight does not stay in the cache. Measured, like the
/// next constants.
const WINOGRAD_TILES: usize = 16;
/// Size of a transformed weight that stays in the cache.
const WINOGRAD_CACHED: usize = 1 << 19;
/// Fewest input channels: with fewer, the transforms cost more than they save.
const WINOGRAD_CHANNELS: usize = 8;

impl Algorithm {
    /// Chooses by the shapes of the weight [outputs, inputs / groups, kh, kw] and the output [height, width] alone.
    pub(crate) fn of(shape: [usize; 4], conv: &Conv2dConfig, output: [usize; 2], winograd: Winograd) -> Self {
        let [outputs, inputs, kh, kw] = shape;
        if inputs == 1 && outputs == conv.groups && outputs > 1 {
            return Self::Depthwise;
        }
        let plain = [kh, kw] == [3, 3] && conv.stride == [1, 1] && conv.dilation == [1, 1] && conv.groups == 1;
        let Padding { top, bottom, left, right } = conv.padding;
        let thin = [top, bottom, left, right].iter().all(|side| *side <= 1);
        let Some((side, points)) = winograd.tile() else { return Self::Direct };
        // The transformed weight is up to four times as large: with few tiles, reading it costs more than it saves,
        // unless it stays in the cache.
        let tiles = output[0].div_ceil(side) * output[1].div_ceil(side);
        let cached = points * inputs * outputs <= WINOGRAD_CACHED;
        let pays = inputs >= WINOGRAD_CHANNELS && outputs >= LANES && (cached || tiles >= WINOGRAD_TILES);
        match winograd {
            Winograd::F2 if plain && thin && pays => Self::WinogradF2,
            Winograd::F4 if plain && thin && pays => Self::WinogradF4,
            _ => Self::Direct,
        }
    }

    /// Whether it is one of Winograd's, whose input needs no margin, as they treat positions outside the map as zeros.
    pub(crate) fn is_winograd(self) -> bool {
        matches!(self, Self::WinogradF2 | Self::WinogradF4)
    }
}

/// A compiled convolution with any algorithm.
pub(crate) enum Convolution {
    Direct(Direct),
    WinogradF2(WinogradF2),
    WinogradF4(WinogradF4),
    Depthwise(Depthwise),
}

impl Convolution {
    /// The order of the packed weight.
    pub(crate) fn layout(layer: &Layer, algorithm: Algorithm) -> Layout {
        match algorithm {
            Algorithm::WinogradF2 => Layout::WinogradF2,
            Algorithm::WinogradF4 => Layout::WinogradF4,
            Algorithm::Depthwise => Layout::Depthwise,
            Algorithm::Direct => Layout::Direct { lanes: layer.input.lanes },
        }
    }

    /// Packs `weight`, row-major, of the layer's shape.
    pub(crate) fn pack(layer: &Layer, algorithm: Algorithm, level: Level, weight: &[f32]) -> Aligned {
        match algorithm {
            Algorithm::WinogradF2 => WinogradF2::pack(layer, level, weight),
            Algorithm::WinogradF4 => WinogradF4::pack(layer, level, weight),
            Algorithm::Depthwise => Depthwise::pack(layer, weight),
            Algorithm::Direct if fits_blocks(layer) => Direct::pack(layer, weight),
            Algorithm::Direct => {
                Direct::pack(&in_blocks(layer), &without_groups(weight, layer.shape, layer.conv.groups))
            }
        }
    }

    /// The step, with a weight of [`pack`](Self::pack).
    pub(crate) fn new(layer: &Layer, algorithm: Algorithm, level: Level, weight: Arc<Aligned>) -> Self {
        match algorithm {
            Algorithm::WinogradF2 => Self::WinogradF2(WinogradF2::new(layer, level, weight)),
            Algorithm::WinogradF4 => Self::WinogradF4(WinogradF4::new(layer, level, weight)),
            Algorithm::Depthwise => Self::Depthwise(Depthwise::new(layer, level, weight)),
            Algorithm::Direct => Self::Direct(Direct::new(&in_blocks(layer), level, weight)),
        }
    }

    pub(crate) fn tasks(&self, images: usize) -> usize {
        match self {
            Self::Direct(step) => step.tasks(images),
            Self::WinogradF2(step) => step.tasks(images),
            Self::WinogradF4(step) => step.tasks(images),
            Self::Depthwise(step) => step.tasks(images),
        }
    }

    pub(crate) fn run(&self, task: usize, images: usize, memory: Memory) {
        match self {
            Self::Direct(step) => step.run(task, images, memory),
            Self::WinogradF2(step) => step.run(task, images, memory),
            Self::WinogradF4(step) => step.run(task, images, memory),
            Self::Depthwise(step) => step.run(task, images, memory),
        }
    }
}

/// Whether each group is whole blocks of channels.
fn fits_blocks(layer: &Layer) -> bool {
    let [outputs, inputs, ..] = layer.shape;
    layer.conv.groups == 1 || (inputs % LANES == 0 && (outputs / layer.conv.groups) % LANES == 0)
}

/// The layer itself, or, if its groups are not whole blocks of channels, an equivalent layer without groups.
fn in_blocks<'a>(layer: &Layer<'a>) -> Layer<'a> {
    let mut layer = layer.clone();
    if !fits_blocks(&layer) {
        layer.shape[1] *= layer.conv.groups;
        layer.conv.groups = 1;
    }
    layer
}

/// Expands the weight of a grouped convolution with zeros to one without groups.
fn without_groups(weight: &[f32], [outputs, inputs, kh, kw]: [usize; 4], groups: usize) -> Vec<f32> {
    let (row, area) = (inputs * kh * kw, kh * kw);
    let mut full = vec![0.0; outputs * groups * row];
    for (out, lines) in weight.chunks_exact(row).enumerate() {
        let group = out / (outputs / groups);
        full[(out * groups + group) * inputs * area..][..row].copy_from_slice(lines);
    }
    full
}
