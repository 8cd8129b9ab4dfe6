//! The micro-kernel that every product goes through: a few places times a few blocks of channels, summed in registers.
//!
//! `output[p][b] = start + sum over k of input[p][k] * weight[k][b]`, for P places and B blocks of 16 channels. The k
//! are read in segments of contiguous numbers (the channels under one row of a convolution's kernel), so the same code
//! serves a matrix product, a convolution straight from the image, and Winograd's products. A sum's order depends on
//! the k alone: its bits do not depend on P, B, or who computes it.
//!
//! The gradient of a weight is the same sum with places and k exchanged: there the P numbers lie side by side, and the
//! k, places of the map, are a step apart ([`Along`]).

use crate::simd::{LANES, Level, Simd};

/// One call of the micro-kernel. Steps are in numbers.
#[derive(Clone, Copy)]
pub(crate) struct Tile {
    /// The first place's first number under segment offset 0.
    pub(crate) input: *const f32,
    /// From one place to the next, or, where the k are places, from one k to the next.
    pub(crate) input_step: usize,
    /// Where each segment starts, from `input`.
    pub(crate) segments: *const usize,
    pub(crate) segment_count: usize,
    /// Numbers in a segment.
    pub(crate) segment_length: usize,
    /// [blocks][k][16].
    pub(crate) weight: *const f32,
    /// From one block of the weight to the next.
    pub(crate) weight_step: usize,
    /// [blocks * 16], or null for none. Read only when `accumulate` is off.
    pub(crate) bias: *const f32,
    pub(crate) output: *mut f32,
    /// From one place of the output to the next.
    pub(crate) output_step: usize,
    /// From one block of the output to the next.
    pub(crate) output_block: usize,
    /// Added at the end, or null.
    pub(crate) residual: *const f32,
    pub(crate) residual_step: usize,
    pub(crate) residual_block: usize,
    /// Start from what the output holds, not from the bias.
    pub(crate) accumulate: bool,
    /// The result is brought between these at the end.
    pub(crate) low: f32,
    pub(crate) high: f32,
}

/// The micro-kernel for P places and B blocks.
pub(crate) type TileFn = unsafe fn(&Tile);

/// Which of the input's numbers lie side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Along {
    /// Those of one place: the k are channels.
    Channels,
    /// Those of one k: the k are places.
    Places,
}

#[inline(always)]
unsafe fn tile<S: Simd, const P: usize, const B: usize, const PLACES: bool>(t: &Tile) {
    // SAFETY: the caller promises that every pointer is good for the places, blocks and segments that it states.
    unsafe {
        let zero = S::splat(0.0);
        let mut sums = [[zero; B]; P];
        for b in 0..B {
            if t.accumulate {
                for (p, sums) in sums.iter_mut().enumerate() {
                    sums[b] = S::load(t.output.add(p * t.output_step + b * t.output_block));
                }
            } else if !t.bias.is_null() {
                let bias = S::load(t.bias.add(b * LANES));
                for sums in &mut sums {
                    sums[b] = bias;
                }
            }
        }
        let mut weight = t.weight;
        let step = t.input_step;
        for segment in 0..t.segment_count {
            let first = t.input.add(*t.segments.add(segment));
            let mut k = 0;
            while k < t.segment_length {
                let mut weights = [zero; B];
                for (b, block) in weights.iter_mut().enumerate() {
                    *block = S::load(weight.add(b * t.weight_step));
                }
                for (p, sums) in sums.iter_mut().enumerate() {
                    let x = S::splat(*first.add(if PLACES { k * step + p } else { p * step + k }));
                    for (sum, weight) in sums.iter_mut().zip(weights) {
                        *sum = S::mul_add(x, weight, *sum);
                    }
                }
                weight = weight.add(LANES);
                k += 1;
            }
        }
        let (low, high) = (S::splat(t.low), S::splat(t.high));
        for (p, sums) in sums.iter().enumerate() {
            for (b, sum) in sums.iter().enumerate() {
                let mut value = *sum;
                if !t.residual.is_null() {
                    value = S::add(value, S::load(t.residual.add(p * t.residual_step + b * t.residual_block)));
                }
                // In this order NaN stays NaN.
                value = S::min(high, S::max(low, value));
                S::store(t.output.add(p * t.output_step + b * t.output_block), value);
            }
        }
    }
}

/// Declares `$table`: the micro-kernels of a level, `$table(places, blocks)`.
macro_rules! kernels {
    ($table:ident, $simd:ty, $features:literal, $($blocks:literal: $($places:literal)+;)+) => {
        fn $table(along: Along, places: usize, blocks: usize) -> Option<TileFn> {
            #[target_feature(enable = $features)]
            unsafe fn compiled<const P: usize, const B: usize, const PLACES: bool>(t: &Tile) {
                // SAFETY: passed on to the caller.
                unsafe { tile::<$simd, P, B, PLACES>(t) }
            }
            match (along, places, blocks) {
                $($((Along::Channels, $places, $blocks) => Some(compiled::<$places, $blocks, false>),)+)+
                $($((Along::Places, $places, $blocks) => Some(compiled::<$places, $blocks, true>),)+)+
                _ => None,
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
kernels!(avx512, crate::simd::Avx512, "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl",
    1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14;
    2: 1 2 3 4 5 6 7 8 9 10 11 12 13 14;
    3: 1 2 3 4 5 6 7 8 9;
    4: 1 2 3 4 5 6 7;
);
#[cfg(target_arch = "x86_64")]
kernels!(avx2, crate::simd::Avx2, "avx2,fma", 1: 1 2 3 4 5 6; 2: 1 2 3;);
#[cfg(target_arch = "aarch64")]
kernels!(neon, crate::simd::Neon, "neon", 1: 1 2 3 4 5 6; 2: 1 2 3;);

fn portable(along: Along, places: usize, blocks: usize) -> Option<TileFn> {
    use crate::simd::Portable;
    match (along, places, blocks) {
        (Along::Channels, 1, 1) => Some(tile::<Portable, 1, 1, false>),
        (Along::Channels, 2, 1) => Some(tile::<Portable, 2, 1, false>),
        (Along::Places, 1, 1) => Some(tile::<Portable, 1, 1, true>),
        (Along::Places, 2, 1) => Some(tile::<Portable, 2, 1, true>),
        _ => None,
    }
}

impl Level {
    /// The micro-kernel of this level for so many places and blocks, when they fit its registers.
    pub(crate) fn tile(self, places: usize, blocks: usize) -> Option<TileFn> {
        self.tile_along(Along::Channels, places, blocks)
    }

    /// The same for either order of the input.
    pub(crate) fn tile_along(self, along: Along, places: usize, blocks: usize) -> Option<TileFn> {
        match self {
            Self::Portable => portable(along, places, blocks),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => avx2(along, places, blocks),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => avx512(along, places, blocks),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => neon(along, places, blocks),
        }
    }
}
