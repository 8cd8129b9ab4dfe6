//! Detects the instruction set, once, at run time.

use std::sync::OnceLock;

use super::{Kernel, Portable};

/// A vector instruction set that kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The baseline of the architecture.
    Portable,
    /// x86-64 with AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// x86-64 with AVX-512 (F, BW, DQ, VL).
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// 64-bit ARM.
    #[cfg(target_arch = "aarch64")]
    Neon,
}

/// The environment variable that forces a level: `portable`, `avx2`, `avx512` or `neon`.
const VARIABLE: &str = "DL_CPU_LEVEL";

impl Level {
    /// The levels that this processor supports, the best one last.
    pub fn available() -> Vec<Self> {
        #[cfg(target_arch = "x86_64")]
        {
            let mut levels = vec![Self::Portable];
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                levels.push(Self::Avx2);
                let avx512 = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
                if avx512 && is_x86_feature_detected!("avx512dq") && is_x86_feature_detected!("avx512vl") {
                    levels.push(Self::Avx512);
                }
            }
            levels
        }
        #[cfg(target_arch = "aarch64")]
        {
            vec![Self::Portable, Self::Neon]
        }
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        {
            vec![Self::Portable]
        }
    }

    /// The level in use: the best one, or that of `DL_CPU_LEVEL` if the processor supports it.
    pub fn current() -> Self {
        static CURRENT: OnceLock<Level> = OnceLock::new();
        *CURRENT.get_or_init(|| {
            let available = Self::available();
            let requested = std::env::var(VARIABLE).unwrap_or_default();
            let best = available.last().copied().unwrap_or(Self::Portable);
            available.into_iter().find(|level| level.name() == requested).unwrap_or(best)
        })
    }

    /// Its name in `DL_CPU_LEVEL`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => "avx512",
            #[cfg(target_arch = "aarch64")]
            Self::Neon => "neon",
        }
    }

    /// Runs `kernel` compiled for this level, which must be one of the [`available`](Self::available) ones.
    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) {
        match self {
            // SAFETY: it uses no instruction beyond the baseline.
            Self::Portable => unsafe { kernel.run::<Portable>() },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: only detected levels are used.
            Self::Avx2 => unsafe { avx2(kernel) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Self::Avx512 => unsafe { avx512(kernel) },
            #[cfg(target_arch = "aarch64")]
            // SAFETY: every processor of Rust's 64-bit ARM targets has NEON.
            Self::Neon => unsafe { kernel.run::<super::Neon>() },
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2<K: Kernel>(kernel: K) {
    // SAFETY: guaranteed by this function's contract.
    unsafe { kernel.run::<super::Avx2>() }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")]
unsafe fn avx512<K: Kernel>(kernel: K) {
    // SAFETY: guaranteed by this function's contract.
    unsafe { kernel.run::<super::Avx512>() }
}
