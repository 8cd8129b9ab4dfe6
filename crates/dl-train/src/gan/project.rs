//! The random vector, or style, whose generated image is nearest to a given one (Karras et al. 2020, section 5, appendix D),
//! found by Adam.

use std::f64::consts::PI;

use anyhow::Result;
use candle_core::{Tensor, Var};
use dl_models::gan::{Condition, Generator, push_latent};
use dl_models::{Lpips, plain};

use crate::fit::{Optimizer, OptimizerConfig, Parameter, Rule};

/// Random vectors whose styles give the spread, and of which the nearest is the start for generators without styles.
const SPREAD: usize = 1000;
const STARTS: usize = 64;
/// Standard deviation of the noise on a style at the start, relative to the spread, and the part of the steps that has it.
const NOISE: f64 = 0.05;
const NOISY: f64 = 0.75;
/// Parts of the steps in which the learning rate rises and falls.
const RISE: f64 = 0.05;
const FALL: f64 = 0.25;

/// Options of a projection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProjectConfig {
    /// Steps of Adam.
    pub steps: usize,
    /// Its largest learning rate.
    pub rate: f64,
    /// Weight of the mean squared difference of the pixels.
    pub pixels: f64,
    /// Weight of the perceptual distance.
    pub perceptual: f64,
    /// Seed of all random draws.
    pub seed: u64,
}

/// The result of a projection.
#[derive(Clone, Debug, PartialEq)]
pub struct Projection {
    /// The random vector; for a generator with styles, the style of each layer, one after another.
    pub latents: Vec<f32>,
    /// Its image [channels, height, width], -1 to 1.
    pub image: Vec<f32>,
}

/// Projects an image [1, channels, height, width], -1 to 1, with its condition for a conditional generator. It depends on the
/// seed and `key`, the image's id, alone.
/// # Errors
/// When the image has another shape than the generator's, or is too small for `lpips`.
pub fn project(
    generator: &Generator,
    image: &Tensor,
    condition: Condition,
    lpips: Option<&Lpips>,
    (config, key): (&ProjectConfig, &str),
) -> Result<Projection> {
    let told = condition.tensor(1, image.device())?;
    let target = lpips.map(|lpips| lpips.features(image)).transpose()?;
    let draw = |count: usize, purpose: &str| {
        let mut numbers = Vec::with_capacity(count);
        push_latent(&mut numbers, count, &mut dl_record::rng(config.seed, &format!("project/{purpose}/{key}")));
        numbers
    };
    let (start, spread) = start(generator, image, condition, draw)?;
    let columns = start.len();
    let latent = Var::from_vec(start, (1, columns), image.device()).map_err(plain)?;
    let rule = Rule::Adam { betas: [0.9, 0.999], eps: 1e-8 };
    let adam = OptimizerConfig { rule, largest_gradient: None };
    let mut adam = Optimizer::new([Parameter::new("latent", latent.clone(), 0.0)], adam);
    for step in 0..config.steps {
        let part = (step as f64 + 0.5) / config.steps as f64;
        let noise = draw(columns, &format!("noise/{step}"));
        let noise = Tensor::from_vec(noise, (1, columns), image.device()).map_err(plain)?;
        let stdev = spread * NOISE * (1.0 - part / NOISY).max(0.0).powi(2);
        let moved = (latent.as_tensor() + (noise * stdev).map_err(plain)?).map_err(plain)?;
        let made = generator.differentiable(&moved, told.as_ref())?;
        let pixels = (&made - image).and_then(|away| away.sqr()?.mean_all()? * config.pixels).map_err(plain)?;
        let loss = match (lpips, &target) {
            (Some(lpips), Some(target)) => {
                let distance = lpips.loss(&lpips.features(&made)?, target)?;
                (pixels + (distance * config.perceptual).map_err(plain)?).map_err(plain)?
            }
            _ => pixels,
        };
        adam.step(&loss.backward().map_err(plain)?, config.rate * ramp(part))?;
    }
    let latent = latent.as_detached_tensor();
    let made = generator.differentiable(&latent, told.as_ref())?;
    let numbers = |x: &Tensor| x.flatten_all().and_then(|x| x.to_vec1::<f32>()).map_err(plain);
    let layers = generator.style().map_or(1, |style| style.layers());
    Ok(Projection { latents: numbers(&latent)?.repeat(layers), image: numbers(&made)? })
}

/// Where to start, and the standard deviation around it: the mean style; or the nearest of some random vectors.
fn start(
    generator: &Generator,
    image: &Tensor,
    condition: Condition,
    draw: impl Fn(usize, &str) -> Vec<f32>,
) -> Result<(Vec<f32>, f64)> {
    let columns = generator.config().latent;
    if let Some(style) = generator.style() {
        let average = style.average()?;
        let (labels, features) = repeated(condition, SPREAD);
        let styles = style.map(&draw(SPREAD * columns, "spread"), told_of(&labels, &features))?;
        let squares = styles.iter().zip(average.iter().cycle()).map(|(a, b)| f64::from(a - b).powi(2));
        let spread = (squares.sum::<f64>() / SPREAD as f64).sqrt();
        return Ok((average, spread));
    }
    let vectors = draw(STARTS * columns, "start");
    let (labels, features) = repeated(condition, STARTS);
    let images = generator.generate(&vectors, told_of(&labels, &features))?;
    let wanted: Vec<f32> = image.flatten_all().and_then(|image| image.to_vec1()).map_err(plain)?;
    let distance = |made: &[f32]| made.iter().zip(&wanted).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
    let distances: Vec<f64> = images.chunks_exact(wanted.len()).map(distance).collect();
    let nearest = (0..distances.len()).min_by(|a, b| distances[*a].total_cmp(&distances[*b])).unwrap_or(0);
    Ok((vectors[nearest * columns..][..columns].to_vec(), 1.0))
}

/// The condition of one image for `count` ones: labels, or features.
fn repeated(condition: Condition, count: usize) -> (Vec<u32>, Vec<f32>) {
    match condition {
        Condition::None => (Vec::new(), Vec::new()),
        Condition::Labels(labels) => (labels.repeat(count), Vec::new()),
        Condition::Features(features) => (Vec::new(), features.repeat(count)),
    }
}

fn told_of<'a>(labels: &'a [u32], features: &'a [f32]) -> Condition<'a> {
    match (labels, features) {
        ([], []) => Condition::None,
        ([], features) => Condition::Features(features),
        (labels, _) => Condition::Labels(labels),
    }
}

/// The learning rate's factor after this part of the steps.
fn ramp(part: f64) -> f64 {
    let fall = ((1.0 - part) / FALL).min(1.0);
    (0.5 - 0.5 * (PI * fall).cos()) * (part / RISE).min(1.0)
}
