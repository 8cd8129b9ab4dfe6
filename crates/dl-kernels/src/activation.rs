//! What steps apply to every number at their end: clamps and leaky ReLU, which are fused with any step, and curves, which
//! only elementwise steps apply.

use crate::exp;
use crate::simd::{LANES, Simd};

/// min(high, max(slope x, low, x)): no activation, a clamp, ReLU or leaky ReLU, in the same four instructions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Activation {
    low: f32,
    high: f32,
    /// Between 0 and 1; 1 if x is only clamped.
    slope: f32,
}

impl Activation {
    /// The identity.
    pub(crate) const NONE: Self = Self::clamp(f32::NEG_INFINITY, f32::INFINITY);
    pub(crate) const RELU: Self = Self::clamp(0.0, f32::INFINITY);

    pub(crate) const fn clamp(low: f32, high: f32) -> Self {
        Self { low, high, slope: 1.0 }
    }

    /// x where it is positive, `slope` x elsewhere; the slope is between 0 and 1.
    pub(crate) const fn leaky(slope: f32) -> Self {
        Self { slope, ..Self::NONE }
    }

    /// # Safety
    /// The processor must support the instructions of `S`.
    #[inline(always)]
    pub(crate) unsafe fn apply<S: Simd>(&self, value: S::Block) -> S::Block {
        // SAFETY: guaranteed by the caller.
        unsafe {
            // This order preserves NaN.
            let above = S::max(S::mul(value, S::splat(self.slope)), S::max(S::splat(self.low), value));
            S::min(S::splat(self.high), above)
        }
    }
}

/// A smooth function of every number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    None,
    /// x clamp(x / 6 + 1/2, 0, 1).
    HardSwish,
    Sigmoid,
    Tanh,
}

impl Curve {
    /// # Safety
    /// The processor must support the instructions of `S`.
    #[inline(always)]
    pub(crate) unsafe fn apply<S: Simd>(self, value: S::Block) -> S::Block {
        // SAFETY: guaranteed by the caller.
        unsafe {
            match self {
                Self::None => value,
                Self::HardSwish => {
                    let (zero, half, one) = (S::splat(0.0), S::splat(0.5), S::splat(1.0));
                    let gate = S::mul_add(value, S::splat(1.0 / 6.0), half);
                    S::mul(value, S::min(one, S::max(zero, gate)))
                }
                Self::Sigmoid => each::<S>(value, exp::sigmoid),
                Self::Tanh => each::<S>(value, exp::tanh),
            }
        }
    }
}

/// Arithmetic on each number, which the compiler vectorizes with the instructions of `S`.
#[inline(always)]
unsafe fn each<S: Simd>(value: S::Block, of: impl Fn(f32) -> f32) -> S::Block {
    let mut numbers = [0.0; LANES];
    // SAFETY: the array holds a block; the caller guarantees the instructions.
    unsafe {
        S::store(numbers.as_mut_ptr(), value);
        for number in &mut numbers {
            *number = of(*number);
        }
        S::load(numbers.as_ptr())
    }
}
