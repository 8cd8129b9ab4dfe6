//! Plain loops, compiled once more for wider vectors.
//!
//! A function inside `wide!` is compiled for the portable instruction set, for AVX2 and for AVX-512, and the one of
//! `dl_kernels::Level::current` is called. The compiler neither reorders nor fuses floating-point operations, so all
//! three give the same bits: only the time differs.

/// Wraps functions as the module says. Their bodies must be loops that vectorize.
macro_rules! wide {
    ($(
        $(#[$attribute:meta])*
        $visibility:vis fn $name:ident($($argument:ident: $kind:ty),* $(,)?) $(-> $result:ty)? $body:block
    )*) => {$(
        $(#[$attribute])*
        $visibility fn $name($($argument: $kind),*) $(-> $result)? {
            #[inline(always)]
            fn plain($($argument: $kind),*) $(-> $result)? $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
                fn avx512($($argument: $kind),*) $(-> $result)? {
                    plain($($argument),*)
                }
                #[target_feature(enable = "avx2")]
                fn avx2($($argument: $kind),*) $(-> $result)? {
                    plain($($argument),*)
                }
                match ::dl_kernels::Level::current() {
                    // SAFETY: the current level is one that the processor has.
                    ::dl_kernels::Level::Avx512 => return unsafe { avx512($($argument),*) },
                    // SAFETY: as above.
                    ::dl_kernels::Level::Avx2 => return unsafe { avx2($($argument),*) },
                    ::dl_kernels::Level::Portable => {}
                }
            }
            plain($($argument),*)
        }
    )*};
}

pub(crate) use wide;

/// Numbers that a reduction adds up side by side.
pub(crate) const LANES: usize = 32;
/// Numbers that a reduction adds up in single precision before it goes on in double.
pub(crate) const CHUNK: usize = 1024;

/// The sum of the lanes, halves added together until one number is left.
#[inline(always)]
pub(crate) fn sum_lanes(mut lanes: [f32; LANES]) -> f32 {
    let mut length = LANES;
    while length > 1 {
        length /= 2;
        for lane in 0..length {
            lanes[lane] += lanes[lane + length];
        }
    }
    lanes[0]
}

/// The sum, in lanes of single precision over a chunk and in double precision beyond: always in the same order.
#[inline(always)]
pub(crate) fn sum_of(numbers: &[f32]) -> f64 {
    let mut total = 0.0;
    for chunk in numbers.chunks(CHUNK) {
        let (groups, rest) = chunk.as_chunks::<LANES>();
        let mut lanes = [0_f32; LANES];
        for group in groups {
            for (lane, number) in lanes.iter_mut().zip(group) {
                *lane += number;
            }
        }
        for (lane, number) in lanes.iter_mut().zip(rest) {
            *lane += number;
        }
        total += f64::from(sum_lanes(lanes));
    }
    total
}

wide! {
    /// [`sum_of`].
    pub(crate) fn sum(numbers: &[f32]) -> f64 {
        sum_of(numbers)
    }
}
