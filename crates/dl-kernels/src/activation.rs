//! What steps apply to every number at their end: clamps and leaky ReLU, which are fused with any step, and curves, which
//! only elementwise steps apply.

use crate::exp;
use crate::simd::{LANES, Simd};

/// min(high, max(low, max(slope x, x))): no activation, a clamp, ReLU or leaky ReLU, in the same instructions.
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

    /// Whether a slope is applied.
    pub(crate) fn is_leaky(self) -> bool {
        self.slope != 1.0
    }

    /// In vectors, to be loaded before a loop.
    ///
    /// # Safety
    /// The processor must support the instructions of `S`.
    #[inline(always)]
    pub(crate) unsafe fn vectors<S: Simd>(self) -> Vectors<S> {
        // SAFETY: guaranteed by the caller.
        unsafe {
            let (low, high, slope) = (S::splat(self.low), S::splat(self.high), S::splat(self.slope));
            Vectors { low, high, slope, is_leaky: self.is_leaky() }
        }
    }
}

/// An [`Activation`] in vectors.
#[derive(Clone, Copy)]
pub(crate) struct Vectors<S: Simd> {
    low: S::Block,
    high: S::Block,
    slope: S::Block,
    is_leaky: bool,
}

impl<S: Simd> Vectors<S> {
    /// The whole activation.
    ///
    /// # Safety
    /// The processor must support the instructions of `S`.
    #[inline(always)]
    pub(crate) unsafe fn apply(self, value: S::Block) -> S::Block {
        // SAFETY: guaranteed by the caller.
        unsafe { self.clamp(if self.is_leaky { self.leak(value) } else { value }) }
    }

    /// max(slope x, x): the first part, which does nothing unless the activation is leaky.
    ///
    /// # Safety
    /// The processor must support the instructions of `S`.
    #[inline(always)]
    pub(crate) unsafe fn leak(self, value: S::Block) -> S::Block {
        // SAFETY: guaranteed by the caller. This order preserves NaN.
        unsafe { S::max(S::mul(value, self.slope), value) }
    }

    /// The second part.
    ///
    /// # Safety
    /// The processor must support the instructions of `S`.
    #[inline(always)]
    pub(crate) unsafe fn clamp(self, value: S::Block) -> S::Block {
        // SAFETY: guaranteed by the caller. This order preserves NaN.
        unsafe { S::min(self.high, S::max(self.low, value)) }
    }
}

/// A smooth function of every number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    None,
    /// x clamp(x / 6 + 1/2, 0, 1).
    HardSwish,
    /// 1 / sqrt(x).
    InverseRoot,
    Mish,
    Sigmoid,
    /// ln(1 + e^x).
    Softplus,
    /// x x.
    Square,
    /// x / (1 + e^-x).
    Swish,
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
                Self::InverseRoot => each::<S>(value, |number| 1.0 / number.sqrt()),
                Self::Mish => each::<S>(value, exp::mish),
                Self::Sigmoid => each::<S>(value, exp::sigmoid),
                Self::Softplus => each::<S>(value, exp::softplus),
                Self::Square => S::mul(value, value),
                Self::Swish => each::<S>(value, exp::swish),
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
