//! The modes of a column of numbers: a mixture of normal distributions, of which variational inference leaves as many as
//! the data need (Bishop 2006, section 10.2; with the stick-breaking prior of Blei and Jordan 2006). The recipe of Xu et
//! al. 2019, section 4.2: at most 10 modes, a concentration of 0.001, modes of less than 0.5 % dropped.
//!
//! The updates and defaults are those of scikit-learn's `BayesianGaussianMixture` in one dimension.

use std::collections::BTreeMap;

use dl_models::gan::table::Mode;

/// Options of [`mixture`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MixtureConfig {
    /// Most modes.
    pub modes: usize,
    /// Concentration of the prior: the smaller, the fewer modes.
    pub concentration: f64,
    /// Modes of a smaller share are dropped.
    pub least: f64,
    /// A single value of at least this share of the numbers is a mode of its own: an amount of 0 is not a small amount.
    pub value: f64,
    /// The unit in which the numbers are rounded; no mode is narrower than a tenth of it.
    pub unit: f64,
}

impl Default for MixtureConfig {
    fn default() -> Self {
        Self { modes: 10, concentration: 1e-3, least: 5e-3, value: 0.04, unit: 0.0 }
    }
}

/// Modes of a column.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixture {
    /// The modes: single values, then normal distributions, each sorted.
    pub modes: Vec<Mode>,
}

/// Most rounds of the inference, and the change of the numbers' log density at which it ends.
const ROUNDS: usize = 200;
const TOLERANCE: f64 = 1e-3;
/// Added to the variances, of numbers with a variance of 1.
const REGULARIZATION: f64 = 1e-6;

/// Finds the modes of numbers, which are finite.
pub fn mixture(numbers: &[f64], config: &MixtureConfig) -> Mixture {
    let total = numbers.len() as f64;
    // As keys, numbers in their order.
    let mut counts: BTreeMap<i64, (f64, usize)> = BTreeMap::new();
    for number in numbers {
        // -0 is 0.
        let number = number + 0.0;
        let bits = number.to_bits() as i64;
        let key = bits ^ ((((bits >> 63) as u64) >> 1) as i64);
        counts.entry(key).or_insert((number, 0)).1 += 1;
    }
    let share = |count: usize| count as f64 / total;
    // Where there are so few values, each is a mode.
    let least = if counts.len() <= config.modes { 0.0 } else { config.value };
    let values = counts.values().filter(|(_, count)| share(*count) >= least).take(2 * config.modes);
    let mut modes: Vec<Mode> =
        values.map(|(value, count)| Mode { mean: *value, deviation: 0.0, weight: share(*count) }).collect();
    let left: Vec<f64> =
        numbers.iter().copied().filter(|number| modes.iter().all(|mode| mode.mean != *number)).collect();
    if !left.is_empty() {
        let part = left.len() as f64 / total;
        modes.extend(normals(left, config).into_iter().map(|mode| Mode { weight: mode.weight * part, ..mode }));
    }
    Mixture { modes }
}

impl Mixture {
    /// How likely each mode is for a number: shares that sum to 1. A single value has none but its own number.
    pub fn responsibilities(modes: &[Mode], number: f64) -> Vec<f64> {
        if let Some(own) = modes.iter().position(|mode| mode.deviation == 0.0 && mode.mean == number) {
            return (0..modes.len()).map(|mode| f64::from(u8::from(mode == own))).collect();
        }
        let logs: Vec<f64> = modes
            .iter()
            .map(|mode| match mode.deviation > 0.0 {
                true => {
                    let distance = (number - mode.mean) / mode.deviation;
                    mode.weight.max(f64::MIN_POSITIVE).ln() - mode.deviation.ln() - 0.5 * distance * distance
                }
                false => f64::NEG_INFINITY,
            })
            .collect();
        let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if largest == f64::NEG_INFINITY {
            // A number that is none of the values: the nearest.
            let distance = |mode: &Mode| (mode.mean - number).abs();
            let nearest = (0..modes.len()).min_by(|a, b| distance(&modes[*a]).total_cmp(&distance(&modes[*b])));
            return (0..modes.len()).map(|mode| f64::from(u8::from(Some(mode) == nearest))).collect();
        }
        let parts: Vec<f64> = logs.iter().map(|log| (log - largest).exp()).collect();
        let sum: f64 = parts.iter().sum();
        parts.into_iter().map(|part| part / sum).collect()
    }
}

/// Normal distributions, whose weights sum to 1.
fn normals(mut numbers: Vec<f64>, config: &MixtureConfig) -> Vec<Mode> {
    numbers.sort_by(f64::total_cmp);
    let count = numbers.len() as f64;
    let center = numbers.iter().map(|number| number / count).sum::<f64>();
    let spread = (numbers.iter().map(|number| (number - center).powi(2) / count).sum::<f64>()).sqrt();
    if !spread.is_normal() {
        return vec![Mode { mean: numbers[0], deviation: 0.0, weight: 1.0 }];
    }
    let scaled: Vec<f64> = numbers.iter().map(|number| (number - center) / spread).collect();
    let parts = Inference::new(&scaled, config).run();
    let (first, last) = (numbers[0], numbers[numbers.len() - 1]);
    let mut modes: Vec<Mode> = parts
        .into_iter()
        .filter(|part| part.weight > config.least)
        .map(|part| Mode {
            mean: (part.mean * spread + center).clamp(first, last),
            deviation: (part.variance.sqrt() * spread).max(config.unit / 10.0),
            weight: part.weight,
        })
        .collect();
    if modes.is_empty() {
        modes.push(Mode { mean: center, deviation: spread, weight: 1.0 });
    }
    modes.sort_by(|a, b| a.mean.total_cmp(&b.mean));
    let sum: f64 = modes.iter().map(|mode| mode.weight).sum();
    modes.iter_mut().for_each(|mode| mode.weight /= sum);
    modes
}

/// A component: the parameters of its posterior, and what the E step needs of them.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    mean: f64,
    /// Of the mean's posterior, in units of the precision.
    strength: f64,
    degrees: f64,
    variance: f64,
    /// Of the stick's beta distribution.
    stick: [f64; 2],
    weight: f64,
}

struct Inference<'a> {
    /// Sorted, with mean 0 and variance 1.
    numbers: &'a [f64],
    parts: Vec<Part>,
    concentration: f64,
}

impl<'a> Inference<'a> {
    fn new(numbers: &'a [f64], config: &MixtureConfig) -> Self {
        let mut distinct = numbers.to_vec();
        distinct.dedup();
        let count = config.modes.clamp(1, distinct.len());
        let mut inference = Self { numbers, parts: vec![Part::default(); count], concentration: config.concentration };
        let centers = means(numbers, &distinct, count);
        let mut sums = vec![[0.0; 3]; count];
        for number in numbers {
            add(&mut sums[nearest(&centers, *number)], 1.0, *number);
        }
        inference.maximize(&sums);
        inference
    }

    fn run(mut self) -> Vec<Part> {
        let mut bound = f64::NEG_INFINITY;
        for _ in 0..ROUNDS {
            let (sums, next) = self.expect();
            self.maximize(&sums);
            let change = (next - bound).abs();
            bound = next;
            if change < TOLERANCE {
                break;
            }
        }
        self.parts
    }

    /// For each part, the sums of its shares of the numbers, of them times the number, and times its square; and the sum of
    /// the logarithms of the numbers' densities.
    fn expect(&self) -> (Vec<[f64; 3]>, f64) {
        let mut rest = 0.0;
        let constants: Vec<[f64; 3]> = self
            .parts
            .iter()
            .map(|part| {
                let [a, b] = part.stick;
                let log_weight = digamma(a) - digamma(a + b) + rest;
                rest += digamma(b) - digamma(a + b);
                let log_precision = std::f64::consts::LN_2 + digamma(0.5 * part.degrees);
                let gauss = -0.5 * ((2.0 * std::f64::consts::PI).ln() + part.variance.ln());
                let constant = gauss - 0.5 * part.degrees.ln() + 0.5 * (log_precision - 1.0 / part.strength);
                [constant + log_weight, part.mean, 0.5 / part.variance]
            })
            .collect();
        let mut sums = vec![[0.0; 3]; self.parts.len()];
        let mut logs = vec![0.0; self.parts.len()];
        let mut total = 0.0;
        for number in self.numbers {
            let mut largest = f64::NEG_INFINITY;
            for (log, [constant, mean, half]) in logs.iter_mut().zip(&constants) {
                *log = constant - half * (number - mean).powi(2);
                largest = largest.max(*log);
            }
            let mut sum = 0.0;
            for log in &mut logs {
                *log = (*log - largest).exp();
                sum += *log;
            }
            total += sum.ln() + largest;
            for (sums, log) in sums.iter_mut().zip(&logs) {
                add(sums, log / sum, *number);
            }
        }
        (sums, total)
    }

    /// The posterior, whose priors are a mean of 0 of strength 1 and a variance of 1 with 1 degree of freedom.
    fn maximize(&mut self, sums: &[[f64; 3]]) {
        let mut behind: f64 = sums.iter().map(|[count, ..]| count).sum();
        for (part, [count, sum, squares]) in self.parts.iter_mut().zip(sums) {
            let count = count + 10.0 * f64::EPSILON;
            behind = (behind - count).max(0.0);
            let mean = sum / count;
            let variance = (squares / count - mean * mean).max(0.0) + REGULARIZATION;
            part.strength = 1.0 + count;
            part.mean = count * mean / part.strength;
            part.degrees = 1.0 + count;
            part.variance = (1.0 + count * variance + count / part.strength * mean * mean) / part.degrees;
            part.stick = [1.0 + count, self.concentration + behind];
        }
        let mut left = 1.0;
        for part in &mut self.parts {
            let [a, b] = part.stick;
            part.weight = left * a / (a + b);
            left *= b / (a + b);
        }
        let total: f64 = self.parts.iter().map(|part| part.weight).sum();
        self.parts.iter_mut().for_each(|part| part.weight /= total);
    }
}

/// Adds a share of a number to the sums of a part.
fn add(sums: &mut [f64; 3], share: f64, number: f64) {
    for (sum, power) in sums.iter_mut().zip([1.0, number, number * number]) {
        *sum += share * power;
    }
}

/// The centers of k-means (Lloyd), from quantiles of the distinct numbers; sorted.
fn means(numbers: &[f64], distinct: &[f64], count: usize) -> Vec<f64> {
    let mut centers: Vec<f64> =
        (0..count).map(|index| distinct[(2 * index + 1) * distinct.len() / (2 * count)]).collect();
    for _ in 0..ROUNDS {
        let mut sums = vec![[0.0; 2]; count];
        for number in numbers {
            let sums = &mut sums[nearest(&centers, *number)];
            [sums[0], sums[1]] = [sums[0] + 1.0, sums[1] + number];
        }
        let next: Vec<f64> =
            sums.iter().zip(&centers).map(|([n, sum], center)| if *n > 0.0 { sum / n } else { *center }).collect();
        if next == centers {
            break;
        }
        centers = next;
    }
    centers
}

/// The index of the nearest of sorted centers.
fn nearest(centers: &[f64], number: f64) -> usize {
    let above = centers.partition_point(|center| *center < number);
    match (above.checked_sub(1), centers.get(above)) {
        (Some(below), Some(center)) if center - number < number - centers[below] => above,
        (Some(below), _) => below,
        (None, _) => 0,
    }
}

/// The derivative of the logarithm of the gamma function, for x above 0.
fn digamma(mut x: f64) -> f64 {
    let mut sum = 0.0;
    while x < 10.0 {
        sum -= 1.0 / x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    // Its asymptotic series.
    let series = square * (1.0 / 12.0 - square * (1.0 / 120.0 - square * (1.0 / 252.0 - square / 240.0)));
    sum + x.ln() - 0.5 / x - series
}

#[cfg(test)]
mod tests {
    use rand::RngExt;
    use rand_distr::StandardNormal;
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_digamma_function_has_its_known_values() {
        for (x, expected) in
            [(1.0, -0.577_215_664_901_533), (0.5, -1.963_510_026_021_423), (10.0, 2.251_752_589_066_721)]
        {
            assert!((digamma(x) - expected).abs() < 1e-10, "{x}: {}", digamma(x));
        }
    }

    #[test]
    fn the_posterior_is_near_that_of_scikit_learn() {
        let golden = include_str!("../../../../testdata/goldens/gan/mixture.json");
        let golden: Value = serde_json::from_str(golden).unwrap();
        for case in golden["cases"].as_array().unwrap() {
            let list = |name: &str| -> Vec<f64> {
                case[name].as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
            };
            let numbers = list("numbers");
            let found = mixture(&numbers, &MixtureConfig { value: 2.0, ..Default::default() }).modes;
            let (means, deviations, weights) = (list("means"), list("deviations"), list("weights"));
            let modes = means.iter().zip(&deviations).zip(&weights);
            let expected: Vec<Mode> = modes
                .map(|((mean, deviation), weight)| Mode { mean: *mean, deviation: *deviation, weight: *weight })
                .collect();
            // A mode may be divided, which needs many more rounds to mend: the densities are compared.
            let density = |modes: &[Mode], at: f64| -> f64 {
                let of = |mode: &Mode| {
                    let distance = (at - mode.mean) / mode.deviation;
                    mode.weight / mode.deviation * (-0.5 * distance * distance).exp()
                };
                modes.iter().map(of).sum()
            };
            let highest = numbers.iter().map(|at| density(&expected, *at)).fold(0.0, f64::max);
            for at in &numbers {
                let (found, expected) = (density(&found, *at), density(&expected, *at));
                assert!((found - expected).abs() < 0.06 * highest, "{} at {at}: {found} {expected}", case["name"]);
            }
            assert!(found.len() < 10, "{}: {found:?}", case["name"]);
        }
    }

    #[test]
    fn frequent_values_are_modes_of_their_own() {
        let mut rng = dl_record::rng(0, "numbers");
        let numbers: Vec<f64> = (0..2000)
            .map(|row| if row % 10 == 0 { 0.0 } else { 50.0 + 5.0 * rng.sample::<f64, _>(StandardNormal) })
            .collect();
        let found = mixture(&numbers, &MixtureConfig::default()).modes;
        assert_eq!(found[0], Mode { mean: 0.0, deviation: 0.0, weight: 0.1 });
        assert!(found.len() > 1 && found[1..].iter().all(|mode| mode.deviation > 0.0), "{found:?}");
        let weights: f64 = found.iter().map(|mode| mode.weight).sum();
        assert!((weights - 1.0).abs() < 1e-9, "{found:?}");
        assert_eq!(Mixture::responsibilities(&found, 0.0)[0], 1.0);
        let shares = Mixture::responsibilities(&found, 48.0);
        assert!(shares[0] == 0.0 && (shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        // Few values.
        let few = mixture(&[1.0, 2.0, 2.0, 5.0], &MixtureConfig::default()).modes;
        assert_eq!(few.iter().map(|mode| mode.mean).collect::<Vec<_>>(), [1.0, 2.0, 5.0]);
        assert_eq!(Mixture::responsibilities(&few, 4.0), [0.0, 0.0, 1.0]);
    }
}
