//! AVX2 with FMA: two registers hold a block.

use std::arch::x86_64::*;

use super::{LANES, Simd};

#[derive(Clone, Copy)]
pub(crate) struct Avx2;

#[expect(clippy::undocumented_unsafe_blocks, reason = "each forwards the trait's contract to the instructions")]
impl Simd for Avx2 {
    type Block = [__m256; 2];
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::Block {
        unsafe { [_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))] }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, block: Self::Block) {
        unsafe {
            _mm256_storeu_ps(to, block[0]);
            _mm256_storeu_ps(to.add(8), block[1])
        }
    }
    #[inline(always)]
    unsafe fn splat(number: f32) -> Self::Block {
        unsafe { [_mm256_set1_ps(number); 2] }
    }
    #[inline(always)]
    unsafe fn mul_add(a: Self::Block, b: Self::Block, c: Self::Block) -> Self::Block {
        unsafe { [_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])] }
    }
    #[inline(always)]
    unsafe fn add(a: Self::Block, b: Self::Block) -> Self::Block {
        unsafe { [_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])] }
    }
    #[inline(always)]
    unsafe fn sub(a: Self::Block, b: Self::Block) -> Self::Block {
        unsafe { [_mm256_sub_ps(a[0], b[0]), _mm256_sub_ps(a[1], b[1])] }
    }
    #[inline(always)]
    unsafe fn mul(a: Self::Block, b: Self::Block) -> Self::Block {
        unsafe { [_mm256_mul_ps(a[0], b[0]), _mm256_mul_ps(a[1], b[1])] }
    }
    #[inline(always)]
    unsafe fn max(a: Self::Block, b: Self::Block) -> Self::Block {
        unsafe { [_mm256_max_ps(a[0], b[0]), _mm256_max_ps(a[1], b[1])] }
    }
    #[inline(always)]
    unsafe fn min(a: Self::Block, b: Self::Block) -> Self::Block {
        unsafe { [_mm256_min_ps(a[0], b[0]), _mm256_min_ps(a[1], b[1])] }
    }
    #[inline(always)]
    unsafe fn transpose(rows: [Self::Block; LANES]) -> [Self::Block; LANES] {
        unsafe { super::transpose::avx2(rows) }
    }
}
