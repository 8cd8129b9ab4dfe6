//! L-BFGS (Liu and Nocedal 1989) with a line search for the strong Wolfe conditions (Nocedal and Wright 2006,
//! algorithms 7.5, 3.5 and 3.6), for smooth functions of many variables.

use std::collections::VecDeque;

use anyhow::{Result, ensure};

use crate::dot;

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LbfgsConfig {
    /// Steps that the curvature is estimated from.
    pub memory: usize,
    /// Maximum number of steps.
    pub iterations: usize,
    /// Stop when every component of the gradient is below this.
    pub tolerance: f64,
}

impl Default for LbfgsConfig {
    fn default() -> Self {
        Self { memory: 10, iterations: 1000, tolerance: 1e-4 }
    }
}

/// The result of the search.
#[derive(Clone, Debug, PartialEq)]
pub struct Minimum {
    /// The minimizer.
    pub at: Vec<f64>,
    /// The minimum value.
    pub value: f64,
    /// Steps.
    pub iterations: usize,
    /// Whether the tolerance was reached.
    pub converged: bool,
}

/// Minimizes `function`, which returns its value and gradient, from `start`.
/// # Errors
/// When the function is not finite at the start.
pub fn minimize(
    start: Vec<f64>,
    config: &LbfgsConfig,
    mut function: impl FnMut(&[f64]) -> (f64, Vec<f64>),
) -> Result<Minimum> {
    let mut at = start;
    let (mut value, mut gradient) = function(&at);
    ensure!(value.is_finite(), "the objective is {value:?} at the start");
    let mut memory: VecDeque<(Vec<f64>, Vec<f64>, f64)> = VecDeque::new();
    let mut iterations = 0;
    let mut converged = largest(&gradient) <= config.tolerance;
    while !converged && iterations < config.iterations {
        let mut direction = downhill(&gradient, &memory);
        let mut slope = dot(&direction, &gradient);
        if slope >= 0.0 {
            // Rounding has spoiled the curvature: restart along the gradient.
            memory.clear();
            direction = gradient.iter().map(|slope| -slope).collect();
            slope = -dot(&gradient, &gradient);
        }
        let first = if memory.is_empty() { (1.0 / dot(&gradient, &gradient).sqrt()).min(1.0) } else { 1.0 };
        let Some(step) = line_search(&at, &direction, value, slope, first, &mut function) else {
            if memory.is_empty() {
                break; // No smaller value is distinguishable from rounding.
            }
            memory.clear();
            continue;
        };
        let change: Vec<f64> = step.at.iter().zip(&at).map(|(new, old)| new - old).collect();
        let turn: Vec<f64> = step.gradient.iter().zip(&gradient).map(|(new, old)| new - old).collect();
        let curvature = dot(&change, &turn);
        if curvature > 1e-10 * dot(&turn, &turn) {
            if memory.len() == config.memory {
                memory.pop_front();
            }
            memory.push_back((change, turn, curvature));
        }
        (at, value, gradient) = (step.at, step.value, step.gradient);
        iterations += 1;
        converged = largest(&gradient) <= config.tolerance;
    }
    Ok(Minimum { at, value, iterations, converged })
}

/// Minus the estimated inverse Hessian times the gradient (algorithm 7.4, the two-loop recursion).
fn downhill(gradient: &[f64], memory: &VecDeque<(Vec<f64>, Vec<f64>, f64)>) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|slope| -slope).collect();
    let mut shares = Vec::new();
    for (change, turn, curvature) in memory.iter().rev() {
        let share = dot(change, &direction) / curvature;
        add(&mut direction, -share, turn);
        shares.push(share);
    }
    if let Some((_, turn, curvature)) = memory.back() {
        let scale = curvature / dot(turn, turn);
        direction.iter_mut().for_each(|value| *value *= scale);
    }
    for ((change, turn, curvature), share) in memory.iter().zip(shares.into_iter().rev()) {
        let other = dot(turn, &direction) / curvature;
        add(&mut direction, share - other, change);
    }
    direction
}

struct LinePoint {
    length: f64,
    at: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
    slope: f64,
}

/// A step that decreases the value enough and flattens the slope; `None` if there is none.
fn line_search(
    at: &[f64],
    direction: &[f64],
    value: f64,
    slope: f64,
    first: f64,
    function: &mut impl FnMut(&[f64]) -> (f64, Vec<f64>),
) -> Option<LinePoint> {
    const LOWER: f64 = 1e-4;
    const FLATTER: f64 = 0.9;
    let mut try_step = |length: f64| {
        let place: Vec<f64> = at.iter().zip(direction).map(|(at, direction)| at + length * direction).collect();
        let (value, gradient) = function(&place);
        let slope = dot(&gradient, direction);
        LinePoint { length, at: place, value, gradient, slope }
    };
    let too_high = |step: &LinePoint| !step.value.is_finite() || step.value > value + LOWER * step.length * slope;
    let good = |step: &LinePoint| step.slope.abs() <= FLATTER * slope.abs();
    // The best step so far, and the other end of the interval around the minimum, once known.
    let (mut low, mut low_value, mut low_slope) = (0.0, value, slope);
    let mut high = None;
    let mut length = first;
    for _ in 0..40 {
        let step = try_step(length);
        if too_high(&step) || step.value >= low_value && low > 0.0 {
            high = Some((step.length, step.value));
        } else if good(&step) {
            return Some(step);
        } else {
            // Beyond the minimum: it lies between this step and the previous best.
            if step.slope * (high.map_or(1.0, |(high, _)| high - low)) >= 0.0 {
                high = Some((low, low_value));
            }
            (low, low_value, low_slope) = (step.length, step.value, step.slope);
        }
        length = match high {
            None => 2.0 * length,
            Some((high, high_value)) => {
                let width = high - low;
                // The minimum of the parabola through both ends, kept away from the ends.
                let guess = -low_slope * width * width / (2.0 * (high_value - low_value - low_slope * width));
                let share = guess / width;
                low + width * if share.is_finite() { share.clamp(0.1, 0.9) } else { 0.5 }
            }
        };
        if (length - low).abs() < 1e-16 * (1.0 + low.abs()) {
            break;
        }
    }
    // A step that decreases the value is better than none, even if the slope is still steep.
    (low > 0.0).then(|| try_step(low)).filter(|step| step.value < value)
}

fn largest(numbers: &[f64]) -> f64 {
    numbers.iter().fold(0.0, |largest, number| number.abs().max(largest))
}

fn add(to: &mut [f64], factor: f64, from: &[f64]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += factor * from);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minimum_of_rosenbrocks_valley_is_found() {
        let valley = |at: &[f64]| {
            let mut value = 0.0;
            let mut gradient = vec![0.0; at.len()];
            for i in 0..at.len() - 1 {
                let (a, b) = (1.0 - at[i], at[i + 1] - at[i] * at[i]);
                value += a * a + 100.0 * b * b;
                gradient[i] += -2.0 * a - 400.0 * at[i] * b;
                gradient[i + 1] += 200.0 * b;
            }
            (value, gradient)
        };
        let config = LbfgsConfig { tolerance: 1e-8, ..LbfgsConfig::default() };
        let found = minimize(vec![-1.2, 1.0, -1.2, 1.0, 0.5, 2.0], &config, valley).unwrap();
        assert!(found.converged && found.iterations < 200, "{found:?}");
        assert!(found.at.iter().all(|at| (at - 1.0).abs() < 1e-6), "{found:?}");
    }

    #[test]
    fn a_start_without_a_value_is_refused() {
        assert!(minimize(vec![1.0], &LbfgsConfig::default(), |_| (f64::NAN, vec![0.0])).is_err());
    }
}
