//! The convolution of training: from rows of planes, as candle and torch hold maps, to rows of planes, forwards and
//! backwards, by the kernels of inference.
//!
//! A few images at a time are brought into blocks, computed, and brought back while they are in the cache; weights are
//! packed for each call. The gradient of the input is a convolution of the output's gradient ([`phase`]), that of the
//! weight a sum over places by the same micro-kernel ([`weight`]).

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

/// Numbers of the maps that are worked on together: what the cache that the cores share can hold.
const TOGETHER: usize = 1 << 21;

/// Working memory that no call is using at the moment.
static SPARE: Mutex<Vec<Aligned>> = Mutex::new(Vec::new());

/// Calls `work(first image, images, memory)` for all images, a few at a time; `numbers` of working memory a
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

/// Puts maps one after the other; gives the numbers of them all for one image.
fn place<'a>(maps: impl IntoIterator<Item = &'a mut Map>) -> usize {
    maps.into_iter().fold(0, |start, map| {
        map.base = start;
        start + map.image
    })
}

/// A result that every task writes its own part of.
struct Output {
    numbers: Vec<f32>,
    start: *mut f32,
    length: usize,
}

// SAFETY: the tasks write disjoint parts, through `at`, while `numbers` is not touched.
unsafe impl Sync for Output {}

impl Output {
    /// `length` numbers that have yet to be written.
    fn new(length: usize) -> Self {
        let mut numbers = Vec::with_capacity(length);
        Self { start: numbers.as_mut_ptr(), numbers, length }
    }

    /// # Panics
    /// When there are not `needed` numbers from `index` on.
    fn at(&self, index: usize, needed: usize) -> *mut f32 {
        assert!(index.checked_add(needed).is_some_and(|end| end <= self.length), "a kernel leaves its output");
        // SAFETY: within the allocation, by the line above.
        unsafe { self.start.add(index) }
    }

    /// The numbers.
    ///
    /// # Safety
    /// All of them were written.
    unsafe fn finish(mut self) -> Vec<f32> {
        // SAFETY: so many were allocated, and written by the caller's promise.
        unsafe { self.numbers.set_len(self.length) };
        self.numbers
    }
}
