//! e^x, the logistic function, tanh, swish, mish and softplus by arithmetic only, so that loops vectorize, unlike calls of the C
//! library.

/// e^x within 2 units in the last place, for x in [-87, 88]; below, 0; above, as for 88. NaN is preserved.
///
/// x = n ln 2 + r with |r| <= ln 2 / 2; e^r by the polynomial of Cephes' `expf`; times 2^n through the exponent's bits.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    /// Added to a small number, rounds it to the low bits.
    const ROUND: f32 = 12_582_912.0;
    /// ln 2 in two parts; the first has few bits, so that its product with n is exact.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    let x_in_range = if x > 88.0 { 88.0 } else { x };
    let shifted = x_in_range * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x_in_range - n * LN_2[0] - n * LN_2[1];
    let mut p = 1.987_569_1e-4;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = p * r + coefficient;
    }
    let power = f32::from_bits(shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23);
    let result = (p * r * r + r + 1.0) * power;
    if x < -87.0 { 0.0 } else { result }
}

/// 1 / (1 + e^-x) within 4 units in the last place. NaN is preserved.
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// x / (1 + e^-x) within 6 units in the last place. NaN is preserved.
#[inline(always)]
pub fn swish(x: f32) -> f32 {
    x * sigmoid(x)
}

/// x tanh(ln(1 + e^x)) within 8 units in the last place. NaN is preserved.
#[inline(always)]
pub fn mish(x: f32) -> f32 {
    x * mish_factor(x)
}

/// tanh(ln(1 + e^x)), by which mish multiplies x. It is n / (n + 2) for n = e (e + 2), which loses no digits to subtraction.
#[inline(always)]
pub fn mish_factor(x: f32) -> f32 {
    // The factor is 1 from there on; e^2x would overflow.
    let e = exp(if x > 20.0 { 20.0 } else { x });
    let n = e * (e + 2.0);
    n / (n + 2.0)
}

/// ln(1 + e^x) (Dugas et al. 2001) within 1e-6 (1 + x). NaN is preserved.
///
/// max(x, 0) + ln(1 + e) for e = e^-|x|, the logarithm by artanh's series: ln(1 + e) = 2 artanh(e / (2 + e)), whose
/// argument is at most 1/3.
#[inline(always)]
pub fn softplus(x: f32) -> f32 {
    let e = exp(-x.abs());
    let s = e / (2.0 + e);
    let square = s * s;
    let mut p = 1.0 / 13.0;
    for coefficient in [1.0 / 11.0, 1.0 / 9.0, 1.0 / 7.0, 0.2, 1.0 / 3.0, 1.0] {
        p = p * square + coefficient;
    }
    let positive = if x < 0.0 { 0.0 } else { x };
    positive + 2.0 * s * p
}

/// tanh x within 4 units in the last place. NaN is preserved.
///
/// Near 0 by the polynomial of Cephes' `tanhf`, elsewhere by e^2x.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    let size = x.abs();
    let square = x * x;
    let mut p = -5.704_988_7e-3;
    for coefficient in [2.063_909e-2, -5.373_971_5e-2, 1.333_144_2e-1, -3.333_328e-1] {
        p = p * square + coefficient;
    }
    let near = p * square * x + x;
    let far = (1.0 - 2.0 / (exp(2.0 * size) + 1.0)).copysign(x);
    if size < 0.625 { near } else { far }
}

#[cfg(test)]
mod tests {
    use super::{exp, mish, sigmoid, softplus, swish, tanh};

    #[test]
    fn sigmoid_and_tanh_equal_the_library_within_four_units_in_the_last_place() {
        for step in -870_000..=870_000 {
            let x = step as f32 * 1e-4;
            let exact = f64::from(x);
            for (found, expected) in [(sigmoid(x), 1.0 / (1.0 + (-exact).exp())), (tanh(x), exact.tanh())] {
                let error = (f64::from(found) - expected).abs() / expected.abs().max(1e-30);
                assert!(error < 4.0 * f64::from(f32::EPSILON), "{x}: {found} and {expected}");
            }
        }
        assert_eq!([tanh(f32::INFINITY), tanh(f32::NEG_INFINITY), tanh(0.0)], [1.0, -1.0, 0.0]);
        assert_eq!([sigmoid(f32::INFINITY), sigmoid(0.0)], [1.0, 0.5]);
        assert!(sigmoid(f32::NEG_INFINITY) < 1e-37);
        assert!(sigmoid(f32::NAN).is_nan() && tanh(f32::NAN).is_nan());
    }

    #[test]
    fn swish_and_mish_equal_their_definitions() {
        for step in -850_000..=850_000 {
            let x = step as f32 * 1e-4;
            let exact = f64::from(x);
            let of_mish = exact * exact.exp().ln_1p().tanh();
            for (found, expected, units) in [(swish(x), exact / (1.0 + (-exact).exp()), 6.0), (mish(x), of_mish, 8.0)] {
                let error = (f64::from(found) - expected).abs() / expected.abs().max(1e-30);
                assert!(error < units * f64::from(f32::EPSILON), "{x}: {found} and {expected}");
            }
        }
        assert_eq!([swish(f32::INFINITY), mish(f32::INFINITY), mish(1e30)], [f32::INFINITY, f32::INFINITY, 1e30]);
        assert!(swish(f32::NAN).is_nan() && mish(f32::NAN).is_nan());
    }

    #[test]
    fn softplus_equals_its_definition() {
        for step in -870_000..=870_000 {
            let x = step as f32 * 1e-4;
            let exact = f64::from(x);
            let expected = exact.max(0.0) + (-exact.abs()).exp().ln_1p();
            let error = (f64::from(softplus(x)) - expected).abs();
            assert!(error < 1e-6 * expected.max(1e-30), "{x}: {} and {expected}", softplus(x));
        }
        assert_eq!([softplus(f32::INFINITY), softplus(f32::NEG_INFINITY)], [f32::INFINITY, 0.0]);
        assert!(softplus(f32::NAN).is_nan());
    }

    #[test]
    fn equals_the_library_within_two_units_in_the_last_place() {
        for step in 0..=1_750_000 {
            let x = -87.0 + step as f32 * 1e-4;
            let expected = f64::from(x).exp();
            let error = (f64::from(exp(x)) - expected).abs() / expected;
            assert!(error < 2.0 * f64::from(f32::EPSILON), "e^{x}: {} and {expected}", exp(x));
        }
        assert_eq!(exp(0.0), 1.0);
    }

    #[test]
    fn underflows_to_zero_and_preserves_nan() {
        assert_eq!(exp(-87.5), 0.0);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert!(exp(f32::NAN).is_nan());
        assert!(exp(f32::INFINITY) > 1e38);
    }
}
