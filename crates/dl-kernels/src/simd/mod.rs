//! Sixteen numbers at a time, whatever the processor's registers are.
//!
//! A kernel is written once, generic over [`Simd`], and compiled once for each [`Level`] by [`Level::run`]. Everything
//! between `run` and the processor's instructions is `#[inline(always)]`, so that it is compiled with the level's
//! instructions switched on.

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
/// All functions: the processor must have the level's instructions, and the pointers must be good for [`LANES`]
/// numbers; no alignment is needed.
pub(crate) trait Simd: Copy + 'static {
    /// Sixteen numbers.
    type Block: Copy;
    /// The numbers from `from` on.
    unsafe fn load(from: *const f32) -> Self::Block;
    /// Writes the numbers to `to` and after.
    unsafe fn store(to: *mut f32, block: Self::Block);
    /// The same number sixteen times.
    unsafe fn splat(number: f32) -> Self::Block;
    /// a * b + c, in one rounding where the processor can.
    unsafe fn mul_add(a: Self::Block, b: Self::Block, c: Self::Block) -> Self::Block;
    /// a + b.
    unsafe fn add(a: Self::Block, b: Self::Block) -> Self::Block;
    /// a - b.
    unsafe fn sub(a: Self::Block, b: Self::Block) -> Self::Block;
    /// a * b.
    unsafe fn mul(a: Self::Block, b: Self::Block) -> Self::Block;
    /// The larger of each two; `b` where one is NaN.
    unsafe fn max(a: Self::Block, b: Self::Block) -> Self::Block;
    /// The smaller of each two; `b` where one is NaN.
    unsafe fn min(a: Self::Block, b: Self::Block) -> Self::Block;
    /// The columns of the matrix with these rows.
    #[inline(always)]
    unsafe fn transpose(rows: [Self::Block; LANES]) -> [Self::Block; LANES] {
        // SAFETY: the trait's contract, passed on.
        unsafe { transpose::through_memory::<Self>(rows) }
    }
}

/// A piece of work that is compiled for each level.
pub(crate) trait Kernel {
    /// Does it.
    ///
    /// # Safety
    /// The processor has the instructions of `S`.
    unsafe fn run<S: Simd>(self);
}
