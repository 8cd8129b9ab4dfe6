//! The transforms of F(2x2, 3x3) and F(4x4, 3x3), from Lavin and Gray.

use crate::simd::Simd;

/// The transforms between tiles of `IN` x `IN` inputs and `OUT` x `OUT` outputs, for one side of the tile.
pub(crate) trait Transform<const IN: usize, const OUT: usize> {
    /// G times a column of the kernel.
    ///
    /// # Safety
    /// The processor must support the instructions of `S`.
    unsafe fn weight<S: Simd>(g: [S::Block; 3]) -> [S::Block; IN];

    /// B^T times a column of the input.
    ///
    /// # Safety
    /// The processor must support the instructions of `S`.
    unsafe fn before<S: Simd>(d: [S::Block; IN]) -> [S::Block; IN];

    /// A^T times a column of the products.
    ///
    /// # Safety
    /// The processor must support the instructions of `S`.
    unsafe fn after<S: Simd>(m: [S::Block; IN]) -> [S::Block; OUT];
}

/// F(2x2, 3x3), with the points 0, 1, -1.
pub(crate) struct F2;

impl Transform<4, 2> for F2 {
    #[inline(always)]
    unsafe fn weight<S: Simd>(g: [S::Block; 3]) -> [S::Block; 4] {
        // SAFETY: only arithmetic of the caller's level.
        unsafe {
            let half = S::splat(0.5);
            let (outer, middle) = (S::mul(half, S::add(g[0], g[2])), S::mul(half, g[1]));
            [g[0], S::add(outer, middle), S::sub(outer, middle), g[2]]
        }
    }

    #[inline(always)]
    unsafe fn before<S: Simd>(d: [S::Block; 4]) -> [S::Block; 4] {
        // SAFETY: only arithmetic of the caller's level.
        unsafe { [S::sub(d[0], d[2]), S::add(d[1], d[2]), S::sub(d[2], d[1]), S::sub(d[1], d[3])] }
    }

    #[inline(always)]
    unsafe fn after<S: Simd>(m: [S::Block; 4]) -> [S::Block; 2] {
        // SAFETY: as above.
        unsafe { [S::add(S::add(m[0], m[1]), m[2]), S::sub(S::sub(m[1], m[2]), m[3])] }
    }
}

/// F(4x4, 3x3), with the points 0, 1, -1, 2, -2.
pub(crate) struct F4;

impl Transform<6, 4> for F4 {
    #[inline(always)]
    unsafe fn weight<S: Simd>(g: [S::Block; 3]) -> [S::Block; 6] {
        // SAFETY: only arithmetic of the caller's level.
        unsafe {
            let (sixth, twelfth) = (S::splat(-1.0 / 6.0), S::splat(1.0 / 12.0));
            let (outer, middle) = (S::mul(sixth, S::add(g[0], g[2])), S::mul(sixth, g[1]));
            let small = S::mul(S::splat(1.0 / 24.0), g[0]);
            let (outer_2, middle_2) = (S::mul_add(S::splat(1.0 / 6.0), g[2], small), S::mul(twelfth, g[1]));
            [
                S::mul(S::splat(1.0 / 4.0), g[0]),
                S::add(outer, middle),
                S::sub(outer, middle),
                S::add(outer_2, middle_2),
                S::sub(outer_2, middle_2),
                g[2],
            ]
        }
    }

    #[inline(always)]
    unsafe fn before<S: Simd>(d: [S::Block; 6]) -> [S::Block; 6] {
        // SAFETY: only arithmetic of the caller's level.
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

    #[inline(always)]
    unsafe fn after<S: Simd>(m: [S::Block; 6]) -> [S::Block; 4] {
        // SAFETY: as above.
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
}
