//! Cache-aligned memory, and a block of it that the threads of a step share.

use std::ops::{Deref, DerefMut};

use crate::simd::LANES;

/// A cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LANES]);

/// Numbers aligned to a cache line, so that no vector crosses two.
#[derive(Clone, Default)]
pub(crate) struct Aligned {
    lines: Vec<Line>,
    length: usize,
}

impl Aligned {
    pub(crate) fn zeros(length: usize) -> Self {
        Self { lines: vec![Line([0.0; LANES]); length.div_ceil(LANES)], length }
    }

    /// Grows to at least `length` numbers with arbitrary content.
    pub(crate) fn grow(&mut self, length: usize) {
        if self.length < length {
            // Freed first.
            *self = Self::default();
            *self = Self::zeros(length);
        }
    }
}

impl Deref for Aligned {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        // SAFETY: `lines` contains at least `length` contiguous numbers.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.length) }
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as above, and the borrow is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.length) }
    }
}

/// The working memory of a run: every task reads it, and writes its own part of it.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    start: *mut f32,
    length: usize,
}

// SAFETY: a pointer into memory that is borrowed exclusively for the run; the steps guarantee that no two tasks write
// the same numbers, and that no task reads what another task of the same step writes.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    pub(crate) fn new(numbers: &mut [f32]) -> Self {
        Self { start: numbers.as_mut_ptr(), length: numbers.len() }
    }

    /// A pointer to the numbers from `index` on.
    /// # Panics
    /// When fewer than `needed` remain: a kernel would access memory out of bounds.
    pub(crate) fn at(self, index: usize, needed: usize) -> *mut f32 {
        assert!(index.checked_add(needed).is_some_and(|end| end <= self.length), "a kernel is out of bounds");
        // SAFETY: within the block, as checked above.
        unsafe { self.start.add(index) }
    }
}

/// Calls with `length` numbers of the thread's scratch memory, with arbitrary content; the memory is reused.
pub(crate) fn with_scratch<T>(length: usize, work: impl FnOnce(&mut [f32]) -> T) -> T {
    thread_local! {
        static SCRATCH: std::cell::RefCell<Aligned> = std::cell::RefCell::default();
    }
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.grow(length);
        work(&mut scratch[..length])
    })
}
