//! Vectors of sixteen numbers, independent of the processor's registers.
//!
//! A kernel is written once, generic over [`Simd`], and compiled once for each [`Level`] by [`Level::run`]. Everything
//! between `run` and the instructions is `#[inline(always)]`, so that it is compiled with the level's target features.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod level;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
mod transpose;

pub use level::Level;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::Avx512;
#[cfg(target_arch = "aarch64")]
pub(crate) use neon::Neon;
pub(crate) use portable::Portable;

/// Numbers in a [`Simd::Block`].
pub(crate) const LANES: usize = 16;

/// The instructions of one level.
///
/// # Safety
/// All functions: the processor must support the level's instructions, and the pointers must be valid for [`LANES`]
/// numbers; they need not be aligned.
pub(crate) trait Simd: Copy + 'static {
    /// Sixteen numbers.
    type Block: Copy;
    /// Loads numbers starting at `from`.
    unsafe fn load(from: *const f32) -> Self::Block;
    /// Stores the numbers starting at `to`.
    unsafe fn store(to: *mut f32, block: Self::Block);
    /// Repeats a number sixteen times.
    unsafe fn splat(number: f32) -> Self::Block;
    /// a * b + c, with a single rounding if the processor supports it.
    unsafe fn mul_add(a: Self::Block, b: Self::Block, c: Self::Block) -> Self::Block;
    /// a + b.
    unsafe fn add(a: Self::Block, b: Self::Block) -> Self::Block;
    /// a - b.
    unsafe fn sub(a: Self::Block, b: Self::Block) -> Self::Block;
    /// a * b.
    unsafe fn mul(a: Self::Block, b: Self::Block) -> Self::Block;
    /// The elementwise maximum; `b` where one is NaN.
    unsafe fn max(a: Self::Block, b: Self::Block) -> Self::Block;
    /// The elementwise minimum; `b` where one is NaN.
    unsafe fn min(a: Self::Block, b: Self::Block) -> Self::Block;
    /// Transposes a matrix given by rows.
    #[inline(always)]
    unsafe fn transpose(rows: [Self::Block; LANES]) -> [Self::Block; LANES] {
        // SAFETY: the trait's contract, forwarded.
        unsafe { transpose::through_memory::<Self>(rows) }
    }
}

/// A computation that is compiled for each level.
pub(crate) trait Kernel {
    /// Runs it.
    ///
    /// # Safety
    /// The processor must support the instructions of `S`.
    unsafe fn run<S: Simd>(self);
}
