//! The inner product.

/// The inner product in f64 over 8 running sums: fast, and the same on every machine.
pub fn dot<T: Copy + Into<f64>>(a: &[f64], b: &[T]) -> f64 {
    let mut sums = [0.0_f64; 8];
    let ((a, rest_a), (b, rest_b)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane].into();
        }
    }
    let rest: f64 = rest_a.iter().zip(rest_b).map(|(a, b)| a * (*b).into()).sum();
    sums.iter().sum::<f64>() + rest
}
