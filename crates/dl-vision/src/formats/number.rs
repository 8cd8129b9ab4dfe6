//! Restores numbers that were converted to another convention and back.

/// The decimal with the fewest digits near `value` for which `holds`, else `value` itself.
///
/// `348.26` stored as the edge `258.15 + 348.26` is read back as `348.26000000000005`. The shortest decimal that gives
/// the same edge is the number that was originally written.
pub(super) fn shortest(value: f64, holds: impl Fn(f64) -> bool) -> f64 {
    // An integer below 2^53 divided by a power of ten below 10^23 is the double nearest to the decimal.
    let decimal = |digits: i32| {
        let power = 10_f64.powi(digits);
        let whole = (value * power).round();
        (whole.abs() < (1_u64 << 53) as f64).then(|| whole / power)
    };
    (0..=16).map_while(decimal).find(|decimal| holds(*decimal)).unwrap_or(value)
}

/// An integer without a decimal point, any other number as short as possible.
pub(super) fn text(value: f64) -> String {
    // Display of f64 never writes an exponent or a trailing `.0`.
    format!("{value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_width_is_restored_from_its_edges() {
        for (x, width) in [(258.15_f64, 348.26_f64), (0.1, 0.2), (321.02, 21.0), (3.3, 0.0), (1e6, 0.007)] {
            let edge = x + width;
            let found = shortest(edge - x, |width| x + width == edge);
            assert!((found - width).abs() < 1e-9 && x + found == edge, "{x} {width} {found}");
        }
        assert_eq!(text(shortest(258.15 + 348.26 - 258.15, |width| 258.15 + width == 258.15 + 348.26)), "348.26");
        assert_eq!(text(45.0), "45");
    }
}
