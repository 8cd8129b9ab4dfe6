//! NEON: four registers hold a block.

use std::arch::aarch64::*;

use super::Simd;

#[derive(Clone, Copy)]
pub(crate) struct Neon;

#[expect(clippy::undocumented_unsafe_blocks, reason = "each forwards the trait's contract to the instructions")]
impl Simd for Neon {
    type Block = [float32x4_t; 4];
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::Block {
        unsafe { [vld1q_f32(from), vld1q_f32(from.add(4)), vld1q_f32(from.add(8)), vld1q_f32(from.add(12))] }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, block: Self::Block) {
        unsafe {
            vst1q_f32(to, block[0]);
            vst1q_f32(to.add(4), block[1]);
            vst1q_f32(to.add(8), block[2]);
            vst1q_f32(to.add(12), block[3])
        }
    }
    #[inline(always)]
    unsafe fn splat(number: f32) -> Self::Block {
        unsafe { [vdupq_n_f32(number); 4] }
    }
    #[inline(always)]
    unsafe fn mul_add(a: Self::Block, b: Self::Block, c: Self::Block) -> Self::Block {
        unsafe {
            [
                vfmaq_f32(c[0], a[0], b[0]),
                vfmaq_f32(c[1], a[1], b[1]),
                vfmaq_f32(c[2], a[2], b[2]),
                vfmaq_f32(c[3], a[3], b[3]),
            ]
        }
    }
    #[inline(always)]
    unsafe fn add(a: Self::Block, b: Self::Block) -> Self::Block {
        unsafe { [vaddq_f32(a[0], b[0]), vaddq_f32(a[1], b[1]), vaddq_f32(a[2], b[2]), vaddq_f32(a[3], b[3])] }
    }
    #[inline(always)]
    unsafe fn sub(a: Self::Block, b: Self::Block) -> Self::Block {
        unsafe { [vsubq_f32(a[0], b[0]), vsubq_f32(a[1], b[1]), vsubq_f32(a[2], b[2]), vsubq_f32(a[3], b[3])] }
    }
    #[inline(always)]
    unsafe fn mul(a: Self::Block, b: Self::Block) -> Self::Block {
        unsafe { [vmulq_f32(a[0], b[0]), vmulq_f32(a[1], b[1]), vmulq_f32(a[2], b[2]), vmulq_f32(a[3], b[3])] }
    }
    #[inline(always)]
    unsafe fn max(a: Self::Block, b: Self::Block) -> Self::Block {
        unsafe {
            [
                vbslq_f32(vcgtq_f32(a[0], b[0]), a[0], b[0]),
                vbslq_f32(vcgtq_f32(a[1], b[1]), a[1], b[1]),
                vbslq_f32(vcgtq_f32(a[2], b[2]), a[2], b[2]),
                vbslq_f32(vcgtq_f32(a[3], b[3]), a[3], b[3]),
            ]
        }
    }
    #[inline(always)]
    unsafe fn min(a: Self::Block, b: Self::Block) -> Self::Block {
        unsafe {
            [
                vbslq_f32(vcltq_f32(a[0], b[0]), a[0], b[0]),
                vbslq_f32(vcltq_f32(a[1], b[1]), a[1], b[1]),
                vbslq_f32(vcltq_f32(a[2], b[2]), a[2], b[2]),
                vbslq_f32(vcltq_f32(a[3], b[3]), a[3], b[3]),
            ]
        }
    }
}
