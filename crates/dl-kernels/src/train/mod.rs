//! The convolution for training: forward and backward on planes, the layout of candle and torch, with the kernels of
//! inference.
//!
//! A few images at a time are converted to blocks, computed, and converted back while they are cached; weights are
//! packed for each call. The gradient of the input is a convolution of the output's gradient ([`phase`]), that of the
//! weight a sum over positions by the same micro-kernel ([`weight`]).

mod forward;
mod input;
mod phase;
mod shape;
#[cfg(test)]
mod tests;
mod weight;
mod weight_depthwise;

use std::sync::{Mutex, PoisonError};

pub use shape::ConvShape;

use crate::map::Map;
use crate::memory::{Aligned, Memory};

/// Size of the maps that are processed together: about the shared cache.
const TOGETHER: usize = 1 << 21;

/// Working memory that is not in use.
static SPARE: Mutex<Vec<Aligned>> = Mutex::new(Vec::new());

/// Calls `work(first image, images, memory)` for all images, a few at a time, with `numbers` of working memory per
/// image.
fn in_rounds(images: usize, numbers: usize, mut work: impl FnMut(usize, usize, Memory)) {
    let together = (TOGETHER / numbers.max(1)).clamp(1, images.max(1));
    let spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let mut memory = spare.unwrap_or_default();
    memory.grow(numbers * together);
    for first in (0..images).step_by(together) {
        let count = together.min(images - first);
        work(first, count, Memory::new(&mut memory));
    }
    SPARE.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
}

/// Places maps in sequence; returns their total size per image.
fn place<'a>(maps: impl IntoIterator<Item = &'a mut Map>) -> usize {
    maps.into_iter().fold(0, |start, map| {
        map.base = start;
        start + map.image
    })
}

/// A result of which every task writes a separate part.
struct Output {
    numbers: Vec<f32>,
    start: *mut f32,
    length: usize,
}

// SAFETY: the tasks write disjoint parts, through `at`, while `numbers` is not touched.
unsafe impl Sync for Output {}

impl Output {
    /// `length` uninitialized numbers.
    fn new(length: usize) -> Self {
        let mut numbers = Vec::with_capacity(length);
        Self { start: numbers.as_mut_ptr(), numbers, length }
    }

    /// # Panics
    /// When fewer than `needed` numbers remain after `index`.
    fn at(&self, index: usize, needed: usize) -> *mut f32 {
        assert!(
            index.checked_add(needed).is_some_and(|end| end <= self.length),
            "a kernel is out of bounds of its output"
        );
        // SAFETY: within the allocation, as checked above.
        unsafe { self.start.add(index) }
    }

    /// The numbers.
    ///
    /// # Safety
    /// All of them must have been written.
    unsafe fn finish(mut self) -> Vec<f32> {
        // SAFETY: this number was allocated, and the caller guarantees that they were written.
        unsafe { self.numbers.set_len(self.length) };
        self.numbers
    }
}
