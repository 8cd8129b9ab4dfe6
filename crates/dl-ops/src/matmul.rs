//! Single-threaded matrix products for other kernels.
//!
//! Callers use their own threads: each computes whole products of a shape that does not depend on the number of
//! threads.

use std::cell::RefCell;

use crate::cpu::Shared;

/// A matrix in a slice: `row` and `column` are the distances between neighbors along a column and along a row.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) row: usize,
    pub(crate) column: usize,
}

impl<'a> Matrix<'a> {
    /// A matrix of contiguous rows of `columns` numbers.
    pub(crate) fn rows_of(columns: usize, data: &'a [f32]) -> Self {
        Self { data, row: columns, column: 1 }
    }

    pub(crate) fn transposed(self) -> Self {
        Self { data: self.data, row: self.column, column: self.row }
    }

    fn covers(&self, rows: usize, columns: usize) -> bool {
        last_index(rows, columns, self.row, self.column) < self.data.len()
    }
}

fn last_index(rows: usize, columns: usize, row: usize, column: usize) -> usize {
    (rows - 1) * row + (columns - 1) * column
}

/// The destination of a product: contiguous rows with stride `row`, starting at `start`.
pub(crate) struct Target<'a> {
    pub(crate) output: &'a Shared<'a>,
    pub(crate) start: usize,
    pub(crate) row: usize,
}

/// Writes the product of `[m, k]` and `[k, n]` to `target`, or adds it.
///
/// # Safety
/// No other thread may access the target's m x n numbers concurrently.
pub(crate) unsafe fn multiply([m, k, n]: [usize; 3], lhs: Matrix, rhs: Matrix, target: Target, add: bool) {
    if m == 0 || n == 0 {
        return;
    }
    assert!(k > 0 && lhs.covers(m, k) && rhs.covers(k, n), "matrix product: an operand is too short");
    let output = target.output.at(target.start, last_index(m, n, target.row, 1) + 1);
    // SAFETY: all three operands are in bounds, as asserted above; the caller guarantees exclusive access to the
    // output, which cannot overlap the others, as they are shared borrows.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            output,
            1,
            target.row as isize,
            add,
            lhs.data.as_ptr(),
            lhs.column as isize,
            lhs.row as isize,
            rhs.data.as_ptr(),
            rhs.column as isize,
            rhs.row as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// Calls `work` with `length` numbers of this thread's scratch memory, with arbitrary content; the memory is reused.
pub(crate) fn with_scratch<T>(length: usize, work: impl FnOnce(&mut [f32]) -> T) -> T {
    thread_local! {
        static SCRATCH: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
    }
    SCRATCH.with_borrow_mut(|scratch| {
        if scratch.len() < length {
            scratch.resize(length, 0.0);
        }
        work(&mut scratch[..length])
    })
}
