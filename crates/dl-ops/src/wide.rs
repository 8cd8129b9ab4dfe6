//! Compiles plain loops for wider vectors, too.
//!
//! A function inside `wide!` is compiled for the portable instruction set, for AVX2 and for AVX-512, and the version of
//! `dl_kernels::Level::current` is called. The compiler neither reorders nor fuses floating-point operations, so all
//! versions give the same bits.

/// Wraps functions as described for the module. Their bodies must be loops that vectorize.
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
                    // SAFETY: the processor supports the current level.
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

/// Numbers that a reduction adds in parallel.
pub(crate) const LANES: usize = 32;
/// Numbers that a reduction adds in single precision before it continues in double.
pub(crate) const CHUNK: usize = 1024;

/// The sum of the lanes, by adding halves until one number is left.
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

/// The sum, in lanes of single precision within a chunk and in double precision across chunks, always in the same
/// order.
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
