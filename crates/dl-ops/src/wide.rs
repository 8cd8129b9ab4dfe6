//! Plain loops, compiled once more for wider vectors.
//!
//! A function inside `wide!` is compiled for the portable instruction set, for AVX2 and for AVX-512, and the widest that
//! the processor has is called. The compiler neither reorders nor fuses floating-point operations, so all three give
//! the same bits: only the time differs.

/// The widest vectors that the processor has.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    Avx512,
    Avx2,
    Portable,
}

#[cfg(target_arch = "x86_64")]
pub(crate) fn width() -> Width {
    if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl") {
        Width::Avx512
    } else if is_x86_feature_detected!("avx2") {
        Width::Avx2
    } else {
        Width::Portable
    }
}

/// Wraps functions as the module says. Their bodies must be loops that vectorise.
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
                #[target_feature(enable = "avx512f,avx512vl")]
                fn avx512($($argument: $kind),*) $(-> $result)? {
                    plain($($argument),*)
                }
                #[target_feature(enable = "avx2")]
                fn avx2($($argument: $kind),*) $(-> $result)? {
                    plain($($argument),*)
                }
                match $crate::wide::width() {
                    // SAFETY: the processor has the instructions, as `width` found out.
                    $crate::wide::Width::Avx512 => return unsafe { avx512($($argument),*) },
                    // SAFETY: as above.
                    $crate::wide::Width::Avx2 => return unsafe { avx2($($argument),*) },
                    $crate::wide::Width::Portable => {}
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

wide! {
    /// The sum, in lanes of single precision over a chunk and in double precision beyond: always in the same order.
    pub(crate) fn sum(numbers: &[f32]) -> f64 {
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
}
