//! The inner product of heads on features, in training and use.

/// Inner product in f32 over 16 running sums: fast, close to f64, and the same on every machine.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    debug_assert_eq!(a.len(), b.len());
    let mut sums = [0.0_f32; 16];
    let ((a, rest_a), (b, rest_b)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
    for (a, b) in a.iter().zip(b) {
        for lane in 0..16 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = rest_a.iter().zip(rest_b).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inner_product_counts_every_number() {
        for length in [0, 1, 15, 16, 17, 100] {
            let ramp: Vec<f32> = (0..length).map(|i| i as f32).collect();
            assert_eq!(dot(&ramp, &vec![1.0; length]), (length * length.saturating_sub(1) / 2) as f32);
        }
    }
}
