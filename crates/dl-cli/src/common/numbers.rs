//! Parsers for numeric options. Anything else is a usage error that names what is expected.

use std::ops::RangeInclusive;

use anyhow::{Context, Result, ensure};

/// `--batch`: images or texts that go through a network at once.
pub(crate) fn batch(text: &str) -> Result<usize> {
    whole(text, 1..=4096)
}

/// The side of a network's input, in pixels.
pub(crate) fn side(text: &str) -> Result<usize> {
    whole(text, 1..=2048)
}

/// Cells per side of a grid.
pub(crate) fn cells(text: &str) -> Result<usize> {
    whole(text, 1..=64)
}

/// The most iterations of anything, so that what is computed from them does not overflow.
pub(crate) const MOST: usize = 1_000_000_000;

/// A count of at least 1.
pub(crate) fn count(text: &str) -> Result<usize> {
    whole(text, 1..=MOST)
}

/// Rounds, each of which reads all rows.
pub(crate) fn rounds(text: &str) -> Result<usize> {
    whole(text, 1..=10_000)
}

/// The ranks of two layers.
pub(crate) fn ranks(text: &str) -> Result<[usize; 2]> {
    let (first, second) = text.split_once(',').context("expected two numbers, such as 1024,256")?;
    Ok([count(first)?, count(second)?])
}

/// A finite number.
pub(crate) fn finite(text: &str) -> Result<f64> {
    real(text, |number| number.is_finite(), "expected a finite number")
}

/// A number above 0.
pub(crate) fn positive(text: &str) -> Result<f64> {
    real(text, |number| number > 0.0 && number.is_finite(), "expected a number above 0")
}

/// A number of at least 0.
pub(crate) fn not_negative(text: &str) -> Result<f64> {
    real(text, |number| number >= 0.0 && number.is_finite(), "expected a number of at least 0")
}

/// A duration of measurements.
pub(crate) fn seconds(text: &str) -> Result<f64> {
    real(text, |number| (0.0..=600.0).contains(&number), "expected seconds from 0 to 600")
}

/// A number from 0 to 1.
pub(crate) fn share(text: &str) -> Result<f64> {
    real(text, |number| (0.0..=1.0).contains(&number), "expected a number from 0 to 1")
}

/// A probability below 1.
pub(crate) fn probability(text: &str) -> Result<f64> {
    real(text, |number| (0.0..1.0).contains(&number), "expected a number from 0 to below 1")
}

/// The fraction of a tile that overlaps the next one; more would look at each pixel hundreds of times.
pub(crate) fn tile_overlap(text: &str) -> Result<f64> {
    real(text, |number| (0.0..=0.9).contains(&number), "expected a number from 0 to 0.9")
}

/// An intersection over union.
pub(crate) fn overlap(text: &str) -> Result<f64> {
    real(text, |number| (0.0..=1.0).contains(&number), "expected an IoU from 0 to 1")
}

/// An intersection over union above 0.
pub(crate) fn overlap_above_zero(text: &str) -> Result<f64> {
    real(text, |number| number > 0.0 && number <= 1.0, "expected an IoU above 0 and at most 1")
}

/// A number with four digits after the point, or with an exponent where that would be long or nothing.
pub(crate) fn short(number: f64) -> String {
    match number.abs() {
        size if size == 0.0 || (1e-3..1e7).contains(&size) => format!("{number:.4}"),
        _ => format!("{number:.4e}"),
    }
}

/// Fails when a batch of images of [height, width] has more pixels than a network should get at once.
pub(crate) fn check_batch(batch: usize, [height, width]: [usize; 2]) -> Result<()> {
    let most = (MOST_AT_ONCE / height.saturating_mul(width).max(1)).max(1);
    ensure!(batch <= most, "--batch {batch}: at most {most} is allowed for images of {height} x {width} pixels");
    Ok(())
}

/// The most pixels of a batch: three channels of f32 make a gibibyte.
const MOST_AT_ONCE: usize = (1 << 28) / 3;

fn whole(text: &str, range: RangeInclusive<usize>) -> Result<usize> {
    let number = text.parse::<usize>().ok().filter(|number| range.contains(number));
    number.with_context(|| format!("expected a whole number from {} to {}", range.start(), range.end()))
}

fn real(text: &str, is_valid: impl Fn(f64) -> bool, expected: &'static str) -> Result<f64> {
    text.parse::<f64>().ok().filter(|number| is_valid(*number)).context(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_short_whatever_its_size() {
        for (number, shown) in [(0.0, "0.0000"), (-2.5, "-2.5000"), (1e300, "1.0000e300"), (-3e-7, "-3.0000e-7")] {
            assert_eq!(short(number), shown);
        }
    }

    #[test]
    fn numbers_out_of_range_are_refused_with_what_is_expected() {
        assert_eq!(batch("4096").unwrap(), 4096);
        for text in ["0", "4097", "18446744073709551616", "-1", "1.5", ""] {
            assert_eq!(batch(text).unwrap_err().to_string(), "expected a whole number from 1 to 4096");
        }
        for text in ["nan", "inf", "-inf", "1e999", "x"] {
            for parse in [finite, positive, not_negative, share, probability, overlap, overlap_above_zero] {
                assert!(parse(text).unwrap_err().to_string().starts_with("expected "), "{text}");
            }
        }
        assert_eq!(finite("-1e300").unwrap(), -1e300);
        assert!(positive("0").is_err() && not_negative("0").is_ok() && not_negative("-1").is_err());
        assert!(overlap("0").is_ok() && overlap_above_zero("0").is_err() && probability("1").is_err());
    }
}
