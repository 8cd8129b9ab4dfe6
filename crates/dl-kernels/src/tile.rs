//! The micro-kernel of all products: a few positions times a few blocks of channels, summed in registers.
//!
//! `output[p][b] = start + sum over k of input[p][k] * weight[k][b]`, for P positions and B blocks of 16 channels. The
//! k are read in segments of contiguous numbers (the channels under one row of a convolution's kernel), so the same
//! code computes matrix products, direct convolutions, and Winograd's products. The order of a sum depends only on k,
//! so its result does not depend on P, B, or the thread.
//!
//! The gradient of a weight is the same sum with positions and k exchanged: there the P numbers are contiguous, and the
//! k, positions of the map, are strided ([`Along`]).

use crate::activation::Activation;
use crate::simd::{LANES, Level, Simd};

/// The arguments of the micro-kernel. Strides are in numbers.
#[derive(Clone, Copy)]
pub(crate) struct Tile {
    /// The first position's first number under segment offset 0.
    pub(crate) input: *const f32,
    /// Stride between positions, or, if the k are positions, between k.
    pub(crate) input_step: usize,
    /// Offset of each segment from `input`.
    pub(crate) segments: *const usize,
    pub(crate) segment_count: usize,
    /// Length of a segment.
    pub(crate) segment_length: usize,
    /// [blocks][k][16].
    pub(crate) weight: *const f32,
    /// Stride between blocks of the weight.
    pub(crate) weight_step: usize,
    /// [blocks * 16], or null for none. Read only if `accumulate` is false.
    pub(crate) bias: *const f32,
    pub(crate) output: *mut f32,
    /// Stride between positions of the output.
    pub(crate) output_step: usize,
    /// Stride between blocks of the output.
    pub(crate) output_block: usize,
    /// Added at the end, or null for none.
    pub(crate) residual: *const f32,
    pub(crate) residual_step: usize,
    pub(crate) residual_block: usize,
    /// Whether to start from the output's current values instead of the bias.
    pub(crate) accumulate: bool,
    /// Applied to the result.
    pub(crate) activation: Activation,
}

/// The micro-kernel for P positions and B blocks.
pub(crate) type TileFn = unsafe fn(&Tile);

/// Which numbers of the input are contiguous.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Along {
    /// Those of a position: the k are channels.
    Channels,
    /// Those of a k: the k are positions.
    Places,
}

#[inline(always)]
unsafe fn tile<S: Simd, const P: usize, const B: usize, const PLACES: bool>(t: &Tile) {
    // SAFETY: the caller guarantees that every pointer is valid for the stated positions, blocks and segments.
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
        // Each of these loops is small enough to be unrolled, without which the sums would be in memory.
        if !t.residual.is_null() {
            for (p, sums) in sums.iter_mut().enumerate() {
                for (b, sum) in sums.iter_mut().enumerate() {
                    *sum = S::add(*sum, S::load(t.residual.add(p * t.residual_step + b * t.residual_block)));
                }
            }
        }
        let activation = t.activation.vectors::<S>();
        if t.activation.is_leaky() {
            for sums in &mut sums {
                for sum in sums {
                    *sum = activation.leak(*sum);
                }
            }
        }
        for (p, sums) in sums.iter().enumerate() {
            for (b, sum) in sums.iter().enumerate() {
                S::store(t.output.add(p * t.output_step + b * t.output_block), activation.clamp(*sum));
            }
        }
    }
}

/// Declares `$table`: the micro-kernels of a level, `$table(positions, blocks)`.
macro_rules! kernels {
    ($table:ident, $simd:ty, $features:literal, $($blocks:literal: $($places:literal)+;)+) => {
        fn $table(along: Along, places: usize, blocks: usize) -> Option<TileFn> {
            #[target_feature(enable = $features)]
            unsafe fn compiled<const P: usize, const B: usize, const PLACES: bool>(t: &Tile) {
                // SAFETY: forwarded to the caller.
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

// Sums, the weights of the blocks and one number of the input are in the 32 registers.
#[cfg(target_arch = "x86_64")]
kernels!(avx512, crate::simd::Avx512, "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl",
    1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14;
    2: 1 2 3 4 5 6 7 8 9 10 11 12 13 14;
    3: 1 2 3 4 5 6 7 8 9;
    4: 1 2 3 4 5 6;
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
    /// The micro-kernel of this level for these numbers of positions and blocks, if they fit its registers.
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
