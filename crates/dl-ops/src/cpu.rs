//! Converts between candle's tensors and slices of f32.

use std::borrow::Cow;
use std::cell::Cell;

use candle_core::{CpuStorage, DType, Device, Layout, Result, Shape, Storage, Tensor, bail};
use dl_kernels::{PoolConfig, Window};

thread_local! {
    static CLOSED: Cell<bool> = const { Cell::new(false) };
}

/// Whether our kernels support this tensor; otherwise candle's own ops are used.
pub(crate) fn serves(x: &Tensor) -> bool {
    x.device().is_cpu() && x.dtype() == DType::F32 && !CLOSED.get()
}

/// Calls `work` with our kernels disabled: on this thread, candle's own operations are used. For benchmarks and tests.
pub fn with_candle_ops<T>(work: impl FnOnce() -> T) -> T {
    CLOSED.set(true);
    let result = work();
    CLOSED.set(false);
    result
}

/// The numbers of a tensor in row-major order; copied only if the layout is strided.
pub(crate) fn floats<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<Cow<'a, [f32]>> {
    let CpuStorage::F32(all) = storage else { bail!("the kernel expects f32") };
    Ok(match layout.contiguous_offsets() {
        Some((start, end)) => Cow::Borrowed(&all[start..end]),
        None => {
            let mut row_major = Vec::with_capacity(layout.shape().elem_count());
            gather(&all[layout.start_offset()..], layout.dims(), layout.stride(), &mut row_major);
            Cow::Owned(row_major)
        }
    })
}

/// Appends the numbers of a strided layout in row-major order.
fn gather(from: &[f32], lengths: &[usize], strides: &[usize], into: &mut Vec<f32>) {
    match (lengths, strides) {
        ([length], [stride]) => into.extend((0..*length).map(|index| from[index * stride])),
        ([length, lengths @ ..], [stride, strides @ ..]) => {
            for index in 0..*length {
                gather(&from[index * stride..], lengths, strides, into);
            }
        }
        _ => into.extend(from.first()),
    }
}

/// Calls `work` with the numbers of a CPU tensor in row-major order, which are copied only if its layout is strided.
/// # Errors
/// When it is not f32 on the CPU, or `work` fails.
pub fn with_floats<T>(tensor: &Tensor, work: impl FnOnce(&[f32]) -> Result<T>) -> Result<T> {
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => work(&floats(storage, layout)?),
        _ => bail!("the kernel expects a CPU tensor"),
    }
}

/// The windows of a pooling layer along the rows and along the columns of a map.
pub(crate) fn windows(config: &PoolConfig, height: usize, width: usize) -> Result<[Vec<Window>; 2]> {
    config.windows(height, width).map_err(candle_core::Error::msg)
}

/// The result of a custom op.
pub(crate) fn output(data: Vec<f32>, shape: impl Into<Shape>) -> (CpuStorage, Shape) {
    (CpuStorage::F32(data), shape.into())
}

/// A tensor of `data` on the CPU.
pub(crate) fn tensor(data: Vec<f32>, shape: &Shape) -> Result<Tensor> {
    Tensor::from_vec(data, shape, &Device::Cpu)
}

/// A mutable slice that several threads write to in disjoint parts that are not contiguous (columns of a matrix), so
/// that `chunks_mut` does not work.
pub(crate) struct Shared<'a> {
    start: *mut f32,
    length: usize,
    _slice: std::marker::PhantomData<&'a mut [f32]>,
}

// SAFETY: the pointer comes from an exclusive borrow that outlives `Shared`; by the contract of `at`, no two threads
// access the same number.
unsafe impl Sync for Shared<'_> {}
// SAFETY: as above; f32 may be sent to any thread.
unsafe impl Send for Shared<'_> {}

impl<'a> Shared<'a> {
    pub(crate) fn new(slice: &'a mut [f32]) -> Self {
        Self { start: slice.as_mut_ptr(), length: slice.len(), _slice: std::marker::PhantomData }
    }

    /// A pointer to number `index`, valid for at least `needed` numbers.
    /// # Panics
    /// When they would be out of bounds.
    pub(crate) fn at(&self, index: usize, needed: usize) -> *mut f32 {
        assert!(index.checked_add(needed).is_some_and(|end| end <= self.length), "write out of bounds");
        // SAFETY: index is within the borrowed slice, as checked above.
        unsafe { self.start.add(index) }
    }

    /// The `length` numbers from `index` on.
    ///
    /// # Safety
    /// No other thread may access any of them while the slice lives.
    #[expect(clippy::mut_from_ref, reason = "the caller guarantees that the parts are disjoint")]
    pub(crate) unsafe fn part(&self, index: usize, length: usize) -> &mut [f32] {
        // SAFETY: `at` checks the bounds; the caller guarantees exclusive access.
        unsafe { std::slice::from_raw_parts_mut(self.at(index, length), length) }
    }
}
