//! An axis of a chart for any numbers: plotters' own loops or panics on ranges that are extremely wide, extremely narrow
//! or far from 0.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

/// Larger numbers are drawn at the edge, so that sums and differences stay finite.
const LARGEST: f64 = 1e300;

/// Smaller numbers count as 0, and as the least on a logarithmic axis.
const LEAST: f64 = 1.0 / LARGEST;

/// A number that a chart can draw.
pub(super) fn bounded(value: f64) -> f64 {
    value.clamp(-LARGEST, LARGEST)
}

/// From `low` to `high`, on a linear or a logarithmic scale.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    is_logarithmic: bool,
    ticks: Ticks,
}

/// Where an axis has ticks.
#[derive(Clone, Copy, Debug)]
enum Ticks {
    /// At round numbers.
    Round,
    /// At whole round numbers.
    Whole,
    /// At the one value that there is.
    At(f64),
}

impl Axis {
    /// From the least to the largest of the values, with a margin of this fraction of their distance. A single value, or
    /// values that are nearly equal, are in the middle and have the only tick.
    pub(super) fn around(values: impl Iterator<Item = f64>, margin: f64) -> Self {
        let ends = ends(values);
        let (low, high) = ends.unwrap_or((0.0, 0.0));
        let (distance, far) = (high - low, low.abs().max(high.abs()));
        let is_range = distance > LEAST && distance > 1e-12 * far;
        let beyond = if is_range { margin * distance } else { 0.5 * far.max(1.0) };
        let ticks = if is_range || ends.is_none() { Ticks::Round } else { Ticks::At(low) };
        Self { low: low - beyond, high: high + beyond, is_logarithmic: false, ticks }
    }

    /// The same without a margin for whole numbers, so that ticks are whole too.
    pub(super) fn whole(values: impl Iterator<Item = f64>) -> Self {
        let axis = Self::around(values, 0.0);
        let ticks = if let Ticks::Round = axis.ticks { Ticks::Whole } else { axis.ticks };
        Self { ticks, ..axis }
    }

    /// From the least to the largest of the values, which are above 0, on a logarithmic scale.
    pub(super) fn logarithmic(values: impl Iterator<Item = f64>) -> Self {
        let ends = ends(values.map(|value| value.max(LEAST)));
        let (low, high) = ends.unwrap_or((1.0, 1.0));
        if high / low > 1.0 + 1e-9 {
            return Self { low, high, is_logarithmic: true, ticks: Ticks::Round };
        }
        Self { low: 0.5 * low, high: 2.0 * high, is_logarithmic: true, ticks: Ticks::At(low) }
    }

    fn share(&self, value: f64) -> f64 {
        let (value, low, high) = if self.is_logarithmic {
            (value.max(LEAST).ln(), self.low.ln(), self.high.ln())
        } else {
            (bounded(value), self.low, self.high)
        };
        (value - low) / (high - low)
    }

    /// The pixel of `columns` that a value falls on.
    pub(super) fn column(&self, value: f64, columns: u32) -> i32 {
        self.map(&value, (0, columns.min(1 << 20) as i32))
    }

    /// At most `most` ticks.
    fn ticks(&self, most: usize) -> Vec<f64> {
        let least_step = match self.ticks {
            Ticks::At(value) => return if most > 0 { vec![value] } else { Vec::new() },
            Ticks::Whole => 1.0,
            Ticks::Round => 0.0,
        };
        let mut ticks = if self.is_logarithmic { decades(self.low, self.high, most) } else { Vec::new() };
        if ticks.len() < 2 {
            ticks = evenly(self.low, self.high, least_step, most);
        }
        ticks
    }
}

fn ends(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let values = values.filter(|value| !value.is_nan()).map(bounded);
    values.fold(None, |ends, value| {
        let (low, high) = ends.unwrap_or((value, value));
        Some((value.min(low), value.max(high)))
    })
}

/// A digit times a power of ten, without the rounding error of a negative power.
fn round_number(digits: f64, exponent: i32) -> f64 {
    if exponent < 0 { digits / 10_f64.powi(-exponent) } else { digits * 10_f64.powi(exponent) }
}

/// Multiples of the finest of the steps 1, 2, 5, 10, ..., not below `least_step`, that gives at most `most`.
fn evenly(low: f64, high: f64, least_step: f64, most: usize) -> Vec<f64> {
    let magnitude = (high - low).log10().floor() as i32;
    let steps = (magnitude - 3..=magnitude + 1).flat_map(|exponent| [1.0, 2.0, 5.0].map(|digit| (digit, exponent)));
    for (digit, exponent) in steps {
        let step = round_number(digit, exponent);
        if step < least_step {
            continue;
        }
        let (first, last) = ((low / step).ceil(), (high / step).floor());
        let count = last - first + 1.0;
        if count <= most as f64 {
            return (0..count.max(0.0) as usize)
                .map(|index| round_number((first + index as f64) * digit, exponent))
                .collect();
        }
    }
    Vec::new()
}

/// Powers of ten, with multiples between them if there is room.
fn decades(low: f64, high: f64, most: usize) -> Vec<f64> {
    let exponents = low.log10().floor() as i32..=high.log10().ceil() as i32;
    let between = |digits: &[f64]| -> Vec<f64> {
        let all = exponents.clone().flat_map(|exponent| digits.iter().map(move |digit| round_number(*digit, exponent)));
        all.filter(|tick| (low..=high).contains(tick)).collect()
    };
    let finer = [&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0][..], &[1.0, 2.0, 5.0]];
    if let Some(ticks) = finer.into_iter().map(between).find(|ticks| ticks.len() <= most) {
        return ticks;
    }
    let powers = between(&[1.0]);
    let stride = powers.len().div_ceil(most.max(1)).max(1);
    if most == 0 { Vec::new() } else { powers.into_iter().step_by(stride).collect() }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let share = self.share(*value);
        // A place far outside must still be a whole number.
        let share = if share.is_finite() { share.clamp(-1.0, 2.0) } else { 0.0 };
        let length = f64::from(to) - f64::from(from);
        // As plotters rounds: a hair short of a whole pixel is on it.
        let offset = if length > 0.0 { (length * share + 1e-3).floor() } else { (length * share - 1e-3).ceil() };
        from.saturating_add(offset as i32)
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        self.ticks(hint.max_num_points())
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Axis {
    fn format(value: &f64) -> String {
        number(*value)
    }
}

/// A number in a few characters.
pub(super) fn number(value: f64) -> String {
    if value == 0.0 || (1e-4..1e7).contains(&value.abs()) {
        return format!("{}", (value * 1e6).round() / 1e6);
    }
    let text = format!("{value:.3e}");
    match text.split_once('e') {
        Some((digits, exponent)) => format!("{}e{exponent}", digits.trim_end_matches('0').trim_end_matches('.')),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(axis: Axis) -> Vec<String> {
        axis.ticks(11).into_iter().map(number).collect()
    }

    #[test]
    fn ticks_are_round_numbers() {
        let axis = |low: f64, high: f64| Axis::around([low, high].into_iter(), 0.0);
        assert_eq!(ticks(axis(0.0, 1.0)), ["0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1"]);
        assert_eq!(ticks(axis(-3.0, 37.0)), ["0", "5", "10", "15", "20", "25", "30", "35"]);
        assert_eq!(
            ticks(axis(1e-9, 3e-9)),
            ["1e-9", "1.2e-9", "1.4e-9", "1.6e-9", "1.8e-9", "2e-9", "2.2e-9", "2.4e-9", "2.6e-9", "2.8e-9", "3e-9"]
        );
        let axis = |low: f64, high: f64| Axis::logarithmic([low, high].into_iter());
        assert_eq!(ticks(axis(1.0, 1000.0)), ["1", "2", "5", "10", "20", "50", "100", "200", "500", "1000"]);
        assert_eq!(ticks(axis(20.0, 50.0)), ["20", "30", "40", "50"]);
        assert_eq!(ticks(axis(1.0, 1e30)).len(), 11);
        assert_eq!(ticks(axis(11.0, 19.0)), ["11", "12", "13", "14", "15", "16", "17", "18", "19"]);
    }

    #[test]
    fn one_value_has_the_only_tick_and_iterations_have_whole_ones() {
        assert_eq!(ticks(Axis::around([0.53].into_iter(), 0.04)), ["0.53"]);
        assert_eq!(ticks(Axis::around([7.0, 7.0].into_iter(), 0.0)), ["7"]);
        assert_eq!(ticks(Axis::logarithmic([20.0].into_iter())), ["20"]);
        assert_eq!(ticks(Axis::whole([1.0, 3.0].into_iter())), ["1", "2", "3"]);
        assert_eq!(ticks(Axis::whole([1.0].into_iter())), ["1"]);
        assert!(ticks(Axis::around(std::iter::empty(), 0.04)).len() > 1);
    }

    #[test]
    fn every_range_has_an_axis() {
        let extremes = [
            0.0,
            -0.0,
            5e-324,
            1e-320,
            1e-300,
            1e-12,
            0.1,
            1.0,
            1.0 + f64::EPSILON,
            1e16,
            1e16 + 2.0,
            1e300,
            f64::MAX,
            f64::INFINITY,
        ];
        let all = || extremes.into_iter().flat_map(|value| [value, -value]);
        for low in all() {
            for high in all() {
                let factors = (low > 0.0 && high > 0.0).then(|| Axis::logarithmic([low, high].into_iter()));
                for axis in
                    [0.0, 0.04].map(|margin| Axis::around([low, high].into_iter(), margin)).into_iter().chain(factors)
                {
                    assert!(axis.low < axis.high && (axis.high - axis.low).is_finite(), "{axis:?}");
                    for most in [0, 1, 2, 11, 1000] {
                        let ticks = axis.ticks(most);
                        assert!(
                            ticks.len() <= most && ticks.iter().all(|tick| tick.is_finite()),
                            "{axis:?}: {ticks:?}"
                        );
                    }
                    for value in all().chain([f64::NAN]) {
                        assert!((-1001..=2002).contains(&axis.map(&value, (0, 1000))), "{axis:?} {value}");
                        assert!(number(value).len() < 16, "{}", number(value));
                    }
                }
            }
        }
        assert_eq!(Axis::around(std::iter::empty(), 0.1).range(), -0.5..0.5);
    }
}
