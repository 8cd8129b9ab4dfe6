//! Transposes sixteen blocks as the rows of a matrix, to convert planes to blocks of channels and back.

use super::{LANES, Simd};

/// Transposes the matrix with these rows through memory: for levels without a specialized version.
///
/// # Safety
/// The processor must support the instructions of `S`.
#[inline(always)]
pub(super) unsafe fn through_memory<S: Simd>(rows: [S::Block; LANES]) -> [S::Block; LANES] {
    let mut numbers = [[0.0; LANES]; LANES];
    // SAFETY: each row of `numbers` is valid for a block; the caller guarantees the instructions.
    unsafe {
        for (row, block) in numbers.iter_mut().zip(rows) {
            S::store(row.as_mut_ptr(), block);
        }
        let mut columns = rows;
        for (lane, column) in columns.iter_mut().enumerate() {
            let turned: [f32; LANES] = std::array::from_fn(|row| numbers[row][lane]);
            *column = S::load(turned.as_ptr());
        }
        columns
    }
}

/// The same with AVX-512: four rounds of shuffles.
///
/// # Safety
/// The processor must support AVX-512.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) unsafe fn avx512(rows: [std::arch::x86_64::__m512; LANES]) -> [std::arch::x86_64::__m512; LANES] {
    use std::arch::x86_64::*;
    // SAFETY: the caller guarantees the instructions.
    unsafe {
        let (mut pairs, mut fours, mut columns) = (rows, rows, rows);
        for i in 0..8 {
            pairs[2 * i] = _mm512_unpacklo_ps(rows[2 * i], rows[2 * i + 1]);
            pairs[2 * i + 1] = _mm512_unpackhi_ps(rows[2 * i], rows[2 * i + 1]);
        }
        let double = |block| _mm512_castps_pd(block);
        for i in (0..LANES).step_by(4) {
            fours[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(double(pairs[i]), double(pairs[i + 2])));
            fours[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(double(pairs[i]), double(pairs[i + 2])));
            fours[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(double(pairs[i + 1]), double(pairs[i + 3])));
            fours[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(double(pairs[i + 1]), double(pairs[i + 3])));
        }
        // Quarter q of fours[4 i + j] contains rows 4 i to 4 i + 3 of column 4 q + j.
        for j in 0..4 {
            let even_upper = _mm512_shuffle_f32x4::<0x88>(fours[j], fours[4 + j]);
            let odd_upper = _mm512_shuffle_f32x4::<0xdd>(fours[j], fours[4 + j]);
            let even_lower = _mm512_shuffle_f32x4::<0x88>(fours[8 + j], fours[12 + j]);
            let odd_lower = _mm512_shuffle_f32x4::<0xdd>(fours[8 + j], fours[12 + j]);
            columns[j] = _mm512_shuffle_f32x4::<0x88>(even_upper, even_lower);
            columns[4 + j] = _mm512_shuffle_f32x4::<0x88>(odd_upper, odd_lower);
            columns[8 + j] = _mm512_shuffle_f32x4::<0xdd>(even_upper, even_lower);
            columns[12 + j] = _mm512_shuffle_f32x4::<0xdd>(odd_upper, odd_lower);
        }
        columns
    }
}

/// The same with AVX2: its quarters one by one.
///
/// # Safety
/// The processor must support AVX2.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) unsafe fn avx2(rows: [[std::arch::x86_64::__m256; 2]; LANES]) -> [[std::arch::x86_64::__m256; 2]; LANES] {
    use std::arch::x86_64::*;
    // SAFETY: the caller guarantees the instructions.
    unsafe {
        let mut columns = rows;
        for right in 0..2 {
            for lower in 0..2 {
                let of = |row: usize| rows[8 * lower + row][right];
                let pair =
                    |row: usize| [_mm256_unpacklo_ps(of(row), of(row + 1)), _mm256_unpackhi_ps(of(row), of(row + 1))];
                let pairs = [pair(0), pair(2), pair(4), pair(6)];
                for j in 0..4 {
                    let four = |upper: [__m256; 2], below: [__m256; 2]| {
                        let (a, b) = (upper[j / 2], below[j / 2]);
                        if j % 2 == 0 { _mm256_shuffle_ps::<0x44>(a, b) } else { _mm256_shuffle_ps::<0xee>(a, b) }
                    };
                    let (first, second) = (four(pairs[0], pairs[1]), four(pairs[2], pairs[3]));
                    columns[8 * right + j][lower] = _mm256_permute2f128_ps::<0x20>(first, second);
                    columns[8 * right + 4 + j][lower] = _mm256_permute2f128_ps::<0x31>(first, second);
                }
            }
        }
        columns
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Kernel, Level};
    use super::*;

    struct Turn<'a>(&'a [f32; 256], &'a mut [f32; 256]);

    impl Kernel for Turn<'_> {
        unsafe fn run<S: Simd>(self) {
            // SAFETY: both arrays contain sixteen blocks.
            unsafe {
                let rows = std::array::from_fn(|row| S::load(self.0.as_ptr().add(row * LANES)));
                for (row, block) in S::transpose(rows).into_iter().enumerate() {
                    S::store(self.1.as_mut_ptr().add(row * LANES), block);
                }
            }
        }
    }

    #[test]
    fn rows_become_columns_at_every_level() {
        let numbers: [f32; 256] = std::array::from_fn(|index| index as f32);
        for level in Level::available() {
            let mut turned = [0.0; 256];
            level.run(Turn(&numbers, &mut turned));
            for row in 0..LANES {
                for column in 0..LANES {
                    assert_eq!(turned[row * LANES + column], (column * LANES + row) as f32, "{level:?}");
                }
            }
        }
    }
}
