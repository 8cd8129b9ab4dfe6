//! The networks of DiscoGAN (Kim et al. 2017, section 3.3), with the layers and names of SKTBrain/DiscoGAN. Images are RGB,
//! 0..1.
//!
//! ```text
//! generator:      C64, C128, C256, C512 (, C100, U512), U256, U128, U64, U3, sigmoid
//! discriminator:  C64, C128, C256, C512, 4x4 to one number
//! ```
//!
//! Ck: 4x4 with stride 2, batch norm (not after the first), leaky ReLU 0.2. Uk: transposed 4x4 with stride 2, batch norm,
//! ReLU. In parentheses, 4x4 without padding: the source's `extra_layers`. No convolution has a bias, and new weights are
//! torch's.

use anyhow::{Result, bail, ensure};
use candle_core::Tensor;
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, ConvTranspose2dConfig, Padding};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Canvas;
use super::translator::{Geometry, OUTPUT};
use crate::file::limits;
use crate::network::pass::Halt;
use crate::{Backbone, BatchNorm2d, Checkpoint, Conv2d, ConvTranspose2d, Fresh, Pass, Run, Value, plain};

/// The slope of the leaky ReLUs.
const SLOPE: f32 = 0.2;
/// Added to the variance in batch norms.
const EPS: f64 = 1e-5;
/// Side of the convolutions.
const KERNEL: usize = 4;

/// Options of the generator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DiscoganConfig {
    /// Halvings of the image, 2 to 8: 4 for images of 64 pixels.
    pub steps: usize,
    /// Channels of the first map; each next one has twice as many, at most eight times as many as the first.
    pub channels: usize,
    /// Channels of the code between encoder and decoder, 100 with the source's `extra_layers`; 0: no code.
    pub code: usize,
    /// Channels of the input and of the output image.
    pub colors: usize,
}

impl Default for DiscoganConfig {
    fn default() -> Self {
        Self { steps: 4, channels: 64, code: 0, colors: 3 }
    }
}

impl DiscoganConfig {
    /// The options of the generator whose tensors a file has; `None` if it has others.
    pub fn of_weights(file: &Checkpoint) -> Option<Self> {
        let weight = |place: usize| file.shape(&format!("main.{place}.weight"));
        let &[channels, colors, KERNEL, KERNEL] = weight(0)? else { return None };
        let last = (0..=6 * 8 + 2).rev().find(|place| weight(*place).is_some())?;
        // The last layer of a discriminator has one output.
        if *weight(last)? != [channels, colors, KERNEL, KERNEL] {
            return None;
        }
        let with_code = last.checked_sub(2).map(|places| places / 6).filter(|steps| *steps >= 2);
        let code = with_code.and_then(|steps| Some((steps, *weight(3 * steps - 1)?.first()?)));
        let (steps, code) = match code {
            // Without a code, the layer at this place is one step more, of its width.
            Some((steps, code)) if code != width(channels, steps) => (steps, code),
            _ => ((last + 4) / 6, 0),
        };
        let config = Self { steps, channels, code, colors };
        (config.last() == last).then_some(config)
    }

    /// The place of the last layer in the source's `Sequential`.
    fn last(&self) -> usize {
        6 * self.steps - 4 + if self.code > 0 { 6 } else { 0 }
    }

    fn check(&self) -> Result<()> {
        ensure!((2..=8).contains(&self.steps), "steps is {}; expected 2 to 8", self.steps);
        limits::count("channels", self.channels, limits::MOST_CHANNELS)?;
        ensure!(
            self.code <= limits::MOST_CHANNELS,
            "code is {}; expected at most {}",
            self.code,
            limits::MOST_CHANNELS
        );
        ensure!([1, 3].contains(&self.colors), "colors is {}; expected 1 (gray) or 3 (RGB)", self.colors);
        Ok(())
    }
}

/// Channels of the map after step `step`.
fn width(channels: usize, step: usize) -> usize {
    channels * (1 << step.min(3))
}

/// A convolution and its norm, if it has one.
type Down = (Conv2d, Option<BatchNorm2d>);

fn down(
    channels: [usize; 2],
    config: Conv2dConfig,
    places: [usize; 2],
    norm: bool,
    vb: &VarBuilder,
) -> candle_core::Result<Down> {
    let fresh = Fresh::torch(channels[0] * KERNEL * KERNEL);
    let conv = Conv2d::without_bias(channels, [KERNEL; 2], config, fresh, vb.pp(places[0]))?;
    Ok((conv, norm.then(|| BatchNorm2d::new(channels[1], EPS, vb.pp(places[1]))).transpose()?))
}

/// 4x4 with stride 2.
fn half() -> Conv2dConfig {
    Conv2dConfig { stride: [2; 2], padding: Padding::all(1), ..Default::default() }
}

/// The halvings, from the image on: [(convolution, norm)]. Their places in the `Sequential` of the generator are 0, 2, 5 ...
fn encoder(steps: usize, colors: usize, channels: usize, vb: &VarBuilder) -> candle_core::Result<Vec<Down>> {
    let step = |step: usize| {
        let (inputs, place) = if step == 0 { (colors, 0) } else { (width(channels, step - 1), 3 * step - 1) };
        down([inputs, width(channels, step)], half(), [place, place + 1], step > 0, vb)
    };
    (0..steps).map(step).collect()
}

fn run_down((conv, norm): &Down, x: &Value, pass: &mut Pass) -> Run {
    let y = pass.conv("", conv, x)?;
    pass.batch_norm_leaky_relu("", norm.as_ref(), SLOPE, &y)
}

/// The generator.
pub struct DiscoganGenerator {
    /// The halvings, and the code.
    encoder: Vec<Down>,
    /// The doublings; the last has no norm.
    decoder: Vec<(ConvTranspose2d, Option<BatchNorm2d>)>,
}

impl DiscoganGenerator {
    /// # Errors
    /// When an option is out of range, or a tensor is missing or has another shape.
    pub fn new(config: &DiscoganConfig, vb: &VarBuilder) -> Result<Self> {
        config.check()?;
        let &DiscoganConfig { steps, channels, code, colors } = config;
        let vb = vb.pp("main");
        let inner = width(channels, steps - 1);
        let build = || {
            let mut encoder = encoder(steps, colors, channels, &vb)?;
            let mut place = 3 * steps - 1;
            if code > 0 {
                encoder.push(down([inner, code], Conv2dConfig::default(), [place, place + 1], true, &vb)?);
                place += 3;
            }
            let up = |channels: [usize; 2], config, place: usize| {
                // As torch counts the inputs of a transposed convolution.
                let fresh = Fresh::torch(channels[1] * KERNEL * KERNEL);
                ConvTranspose2d::without_bias(channels, [KERNEL; 2], config, fresh, vb.pp(place))
            };
            let norm = |channels, place: usize| BatchNorm2d::new(channels, EPS, vb.pp(place)).map(Some);
            let mut decoder = Vec::new();
            if code > 0 {
                let layer = up([code, inner], ConvTranspose2dConfig::default(), place)?;
                decoder.push((layer, norm(inner, place + 1)?));
                place += 3;
            }
            let twice = ConvTranspose2dConfig { stride: [2; 2], padding: [1; 2], ..Default::default() };
            for step in (0..steps).rev() {
                let outputs = if step == 0 { colors } else { width(channels, step - 1) };
                let layer = up([width(channels, step), outputs], twice, place)?;
                decoder.push((layer, if step == 0 { None } else { norm(outputs, place + 1)? }));
                place += 3;
            }
            Ok(Self { encoder, decoder })
        };
        build().map_err(plain)
    }

    /// How its output depends on its input.
    pub fn geometry(config: &DiscoganConfig) -> Geometry {
        let cell = 1 << config.steps;
        let least = if config.code > 0 { KERNEL * cell } else { cell };
        // A cell of the innermost map sees two cells around it, and the cells beside it make a pixel, too.
        let reach = (4 + if config.code > 0 { KERNEL - 1 } else { 0 }) * cell;
        Geometry { scale: 1, multiple: cell, least, reach: Some(reach) }
    }
}

impl Backbone for DiscoganGenerator {
    fn layers(&self) -> Vec<String> {
        vec![OUTPUT.to_owned()]
    }

    fn aliases(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let mut x = x.clone();
        for layer in &self.encoder {
            x = run_down(layer, &x, pass)?;
        }
        for (conv, norm) in &self.decoder {
            x = pass.conv_transpose("", conv, &x)?;
            if let Some(norm) = norm {
                x = pass.batch_norm_relu(["", ""], norm, &x)?;
            }
        }
        pass.sigmoid(OUTPUT, &x)
    }
}

/// What the discriminator finds.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// [n], above 0 for real images.
    pub logits: Tensor,
    /// The maps after each halving but the first, [n, channels, h, w], for feature matching.
    pub features: Vec<Tensor>,
}

/// The discriminator. It halves the image until its shorter side is 4 to 7 pixels, or more if a side is odd then.
pub struct DiscoganDiscriminator {
    layers: Vec<Down>,
    last: Conv2d,
}

impl DiscoganDiscriminator {
    /// A discriminator of images of this shape, with `channels` in the first map. `constant`: the weights are constants, for
    /// training the generator; norms still use the batch's statistics.
    /// # Errors
    /// When the images are smaller than 16 pixels or cannot be halved often enough, or a tensor is missing or has another
    /// shape.
    pub fn new(image: &Canvas, channels: usize, constant: bool, vb: &VarBuilder) -> Result<Self> {
        limits::count("channels", channels, limits::MOST_CHANNELS)?;
        let steps = Self::steps(image)?;
        let map = [image.height >> steps, image.width >> steps];
        let build = || {
            let mut layers = Vec::new();
            for step in 0..steps {
                let inputs = if step == 0 { image.channels } else { width(channels, step - 1) };
                let channels = [inputs, width(channels, step)];
                let fresh = Fresh::torch(inputs * KERNEL * KERNEL);
                let conv =
                    Conv2d::without_bias(channels, [KERNEL; 2], half(), fresh, vb.pp(format!("conv{}", step + 1)))?;
                let norm = || BatchNorm2d::new(channels[1], EPS, vb.pp(format!("bn{}", step + 1)));
                let norm = (step > 0).then(norm).transpose()?;
                layers.push((conv, norm.map(|norm| if constant { norm.of_batch() } else { norm })));
            }
            let inner = width(channels, steps - 1);
            let fresh = Fresh::torch(inner * map[0] * map[1]);
            let name = format!("conv{}", steps + 1);
            let last = Conv2d::without_bias([inner, 1], map, Conv2dConfig::default(), fresh, vb.pp(name))?;
            Ok(Self { layers, last })
        };
        build().map_err(plain)
    }

    /// How often it halves images of this shape.
    /// # Errors
    /// When they are smaller than 16 pixels or cannot be halved often enough.
    pub fn steps(image: &Canvas) -> Result<usize> {
        let (_, steps) = image.doublings()?;
        let near = |side: usize| side.max(16).next_multiple_of(4);
        ensure!(
            steps >= 2,
            "images of {} x {} pixels cannot be halved twice to at least 4 pixels; {} x {} can",
            image.width,
            image.height,
            near(image.width),
            near(image.height)
        );
        Ok(steps)
    }

    /// What it thinks of images [n, channels, height, width], 0..1, in training.
    /// # Errors
    /// When the shapes do not fit.
    pub fn train(&self, images: &Tensor, rng: &mut ChaCha8Rng) -> Result<Judgement> {
        let mut pass = Pass::new(Vec::new(), Some(rng));
        match self.run(&Value::Now(images.clone()), &mut pass) {
            Ok((Value::Now(logits), features)) => {
                Ok(Judgement { logits: logits.flatten_all().map_err(plain)?, features })
            }
            Err(Halt::Failed(error)) => Err(plain(error)),
            _ => bail!("the discriminator stopped early"),
        }
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Result<(Value, Vec<Tensor>), Halt> {
        let (mut x, mut features) = (x.clone(), Vec::new());
        for (step, layer) in self.layers.iter().enumerate() {
            x = run_down(layer, &x, pass)?;
            if let (Value::Now(x), true) = (&x, step > 0) {
                features.push(x.clone());
            }
        }
        Ok((pass.conv("", &self.last, &x)?, features))
    }
}
