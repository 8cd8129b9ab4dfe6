//! The autoencoder, from its file to images.
//!
//! ```text
//! content: 5x5, 4x4 / 2, 4x4 / 2, each with instance norm and ReLU; residual blocks with instance norms
//! style:   5x5, 4x4 / 2, 4x4 / 2, 4x4 / 2, each with ReLU, without norms, which would take the style away;
//!          mean over the map; linear
//! decoder: residual blocks whose norms have the scales and shifts that two hidden layers make of the style;
//!          twice: nearest upsampling, 3x3, leaky ReLU; 5x5, tanh
//! ```
//!
//! Smaller than MUNIT's: kernels of 5 and 3 instead of 7 and 5, zero padding, no norms after upsampling.

use anyhow::{Context, Result};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, Padding, ResizeTo, instance_norm, leaky_relu, relu, resize_nearest, tanh};

use super::SwapConfig;
use super::modulate::{EPS, modulate};
use crate::file::limits;
use crate::model::{CheckpointBackend, build_outline};
use crate::{Checkpoint, Conv2d, Fresh, Linear, plain};

/// Slope of the leaky ReLUs of the decoder.
const SLOPE: f32 = 0.2;
/// Columns of the hidden layers between a style and the norms.
const HIDDEN: usize = 64;
/// New weights that make scales and shifts are normal with this standard deviation: training starts from plain instance
/// norms.
const STDEV: f64 = 0.02;

/// A network of contents and styles.
pub struct SwapNetwork {
    config: SwapConfig,
    content: ContentEncoder,
    style: StyleEncoder,
    decoder: Decoder,
}

struct ContentEncoder {
    convs: [Conv2d; 3],
    blocks: Vec<[Conv2d; 2]>,
}

struct StyleEncoder {
    convs: [Conv2d; 4],
    last: Linear,
}

struct Decoder {
    /// From a style to the scales and shifts of all norms.
    numbers: [Linear; 3],
    blocks: Vec<[Conv2d; 2]>,
    ups: [Conv2d; 2],
    last: Conv2d,
}

impl SwapNetwork {
    /// Opens the network in a model file.
    /// # Errors
    /// When the file holds something else, its description is invalid, or its weights do not fit.
    pub fn open(file: Checkpoint, device: &Device) -> Result<Self> {
        let path = file.path().to_owned();
        let in_context = || format!("model {}", path.display());
        let config = SwapConfig::read(&file).with_context(in_context)?;
        let build = |vb: VarBuilder| Self::new(config.clone(), &vb);
        let (_, shapes) = build_outline(Some(&file), build).with_context(in_context)?;
        limits::check_weights(&shapes, &file).with_context(in_context)?;
        let backend =
            CheckpointBackend { checkpoint: file, wanted_by: "the network of contents and styles".to_owned() };
        let vb = VarBuilder::from_backend(Box::new(backend), DType::F32, device.clone());
        Self::new(config, &vb).with_context(in_context)
    }

    /// A network from a config and a source of weights, for example [`Parameters`](crate::Parameters).
    /// # Errors
    /// When the config is invalid, or a weight is missing or has another shape.
    pub fn new(config: SwapConfig, vb: &VarBuilder) -> Result<Self> {
        config.check()?;
        let content = ContentEncoder::new(&config, &vb.pp("content")).map_err(plain)?;
        let style = StyleEncoder::new(&config, &vb.pp("style")).map_err(plain)?;
        let decoder = Decoder::new(&config, &vb.pp("decoder")).map_err(plain)?;
        Ok(Self { config, content, style, decoder })
    }

    /// Its description.
    pub fn config(&self) -> &SwapConfig {
        &self.config
    }

    /// The contents [n, 4 channels, h / 4, w / 4] of images [n, c, h, w], -1 to 1.
    /// # Errors
    /// When the shapes do not fit.
    pub fn content(&self, images: &Tensor) -> Result<Tensor> {
        self.content.run(images).map_err(plain)
    }

    /// The styles [n, style] of images [n, c, h, w], -1 to 1.
    /// # Errors
    /// When the shapes do not fit.
    pub fn style(&self, images: &Tensor) -> Result<Tensor> {
        self.style.run(images).map_err(plain)
    }

    /// Images [n, c, h, w], -1 to 1, of contents [n, 4 channels, h / 4, w / 4] and styles [n, style].
    /// # Errors
    /// When the shapes do not fit.
    pub fn decode(&self, contents: &Tensor, styles: &Tensor) -> Result<Tensor> {
        self.decoder.run(contents, styles)
    }
}

/// Convolutions: same size, or half of it.
fn conv(channels: [usize; 2], kernel: usize, vb: VarBuilder) -> candle_core::Result<Conv2d> {
    let half = kernel.is_multiple_of(2);
    let config = Conv2dConfig {
        stride: [if half { 2 } else { 1 }; 2],
        padding: Padding::all((kernel - 1) / 2),
        ..Default::default()
    };
    Conv2d::new(channels, [kernel; 2], config, Fresh::kaiming_in(), vb)
}

fn residual(config: &SwapConfig, vb: &VarBuilder) -> candle_core::Result<Vec<[Conv2d; 2]>> {
    let channels = [4 * config.channels; 2];
    let block = |index: usize| {
        let of = |place: usize| conv(channels, 3, vb.pp("blocks").pp(index).pp(place));
        Ok([of(0)?, of(1)?])
    };
    (0..config.blocks).map(block).collect()
}

impl ContentEncoder {
    fn new(config: &SwapConfig, vb: &VarBuilder) -> candle_core::Result<Self> {
        let (colors, first) = (config.image.channels, config.channels);
        let at = |place: usize| vb.pp("convs").pp(place);
        let convs = [
            conv([colors, first], 5, at(0))?,
            conv([first, 2 * first], 4, at(1))?,
            conv([2 * first, 4 * first], 4, at(2))?,
        ];
        Ok(Self { convs, blocks: residual(config, vb)? })
    }

    fn run(&self, images: &Tensor) -> candle_core::Result<Tensor> {
        let normed = |conv: &Conv2d, x: &Tensor| instance_norm(&conv.forward(x)?, None, EPS);
        let mut x = images.clone();
        for conv in &self.convs {
            x = relu(&normed(conv, &x)?)?;
        }
        for [first, second] in &self.blocks {
            x = (normed(second, &relu(&normed(first, &x)?)?)? + x)?;
        }
        Ok(x)
    }
}

impl StyleEncoder {
    fn new(config: &SwapConfig, vb: &VarBuilder) -> candle_core::Result<Self> {
        let (colors, first) = (config.image.channels, config.channels);
        let at = |place: usize| vb.pp("convs").pp(place);
        let convs = [
            conv([colors, first], 5, at(0))?,
            conv([first, 2 * first], 4, at(1))?,
            conv([2 * first, 4 * first], 4, at(2))?,
            conv([4 * first, 4 * first], 4, at(3))?,
        ];
        Ok(Self { convs, last: Linear::new(4 * first, config.style, Fresh::torch(4 * first), vb.pp("last"))? })
    }

    fn run(&self, images: &Tensor) -> candle_core::Result<Tensor> {
        let mut x = images.clone();
        for conv in &self.convs {
            x = relu(&conv.forward(&x)?)?;
        }
        self.last.forward(&x.mean((2, 3))?)
    }
}

impl Decoder {
    fn new(config: &SwapConfig, vb: &VarBuilder) -> candle_core::Result<Self> {
        let (colors, first) = (config.image.channels, config.channels);
        // A scale and a shift for each channel of two norms a block.
        let outputs = config.blocks * 2 * 2 * 4 * first;
        let numbers = [
            Linear::new(config.style, HIDDEN, Fresh::kaiming_in(), vb.pp("numbers").pp(0))?,
            Linear::new(HIDDEN, HIDDEN, Fresh::kaiming_in(), vb.pp("numbers").pp(1))?,
            Linear::new(HIDDEN, outputs, Fresh::normal(STDEV), vb.pp("numbers").pp(2))?,
        ];
        let at = |place: usize| vb.pp("ups").pp(place);
        Ok(Self {
            numbers,
            blocks: residual(config, vb)?,
            ups: [conv([4 * first, 2 * first], 3, at(0))?, conv([2 * first, first], 3, at(1))?],
            last: conv([first, colors], 5, vb.pp("last"))?,
        })
    }

    fn run(&self, contents: &Tensor, styles: &Tensor) -> Result<Tensor> {
        let channels = contents.dim(1).map_err(plain)?;
        let [first, second, last] = &self.numbers;
        let numbers = || -> candle_core::Result<Tensor> {
            last.forward(&relu(&second.forward(&relu(&first.forward(styles)?)?)?)?)
        };
        let numbers = numbers().map_err(plain)?;
        let part = |place: usize| {
            numbers.narrow(1, place * channels, channels).and_then(|part| part.contiguous()).map_err(plain)
        };
        let modulated = |norm: usize, conv: &Conv2d, x: &Tensor| {
            let scale = (part(2 * norm)? + 1.0).map_err(plain)?;
            modulate(&conv.forward(x).map_err(plain)?, &scale, &part(2 * norm + 1)?)
        };
        let mut x = contents.clone();
        for (block, [first, second]) in self.blocks.iter().enumerate() {
            let y = relu(&modulated(2 * block, first, &x)?).map_err(plain)?;
            x = (modulated(2 * block + 1, second, &y)? + x).map_err(plain)?;
        }
        self.draw(x).map_err(plain)
    }

    fn draw(&self, mut x: Tensor) -> candle_core::Result<Tensor> {
        for up in &self.ups {
            let (_, _, height, width) = x.dims4()?;
            x = leaky_relu(&up.forward(&resize_nearest(&x, ResizeTo::Size([2 * height, 2 * width]))?)?, SLOPE)?;
        }
        tanh(&self.last.forward(&x)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{Precision, save};
    use crate::gan::Canvas;
    use crate::{ModelFile, Parameters};

    fn image(seed: usize) -> Tensor {
        let numbers: Vec<f32> = (0..3 * 16 * 20).map(|place| ((place * (seed + 7)) as f32).sin()).collect();
        Tensor::from_vec(numbers, (1, 3, 16, 20), &Device::Cpu).unwrap()
    }

    fn numbers(x: &Tensor) -> Vec<f32> {
        x.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn an_image_is_made_of_two_codes_and_a_file_gives_the_same() {
        let config = SwapConfig::new(Canvas { channels: 3, height: 16, width: 20 }, 4, 1);
        let parameters = Parameters::fresh(3);
        let network = SwapNetwork::new(config.clone(), &parameters.builder(&Device::Cpu)).unwrap();
        let (content, style) = (network.content(&image(0)).unwrap(), network.style(&image(1)).unwrap());
        assert_eq!((content.dims(), style.dims()), (&[1, 16, 4, 5][..], &[1, 8][..]));
        let made = network.decode(&content, &style).unwrap();
        assert_eq!(made.dims(), [1, 3, 16, 20]);
        assert_ne!(numbers(&made), numbers(&network.decode(&content, &network.style(&image(0)).unwrap()).unwrap()));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("swap.safetensors");
        save(&path, &config, &parameters.tensors(), Precision::F32).unwrap();
        let ModelFile::Generator(file) = ModelFile::open(&path, None).unwrap() else { panic!("another kind") };
        assert!(SwapConfig::is_in(&file));
        let read = SwapNetwork::open(file, &Device::Cpu).unwrap();
        assert_eq!(numbers(&read.decode(&content, &style).unwrap()), numbers(&made));
    }

    #[test]
    fn sizes_and_colors_that_do_not_fit_are_refused() {
        let error = |channels, height, width| {
            let config = SwapConfig::new(Canvas { channels, height, width }, 4, 1);
            config.check().unwrap_err().to_string()
        };
        assert!(error(3, 30, 32).contains("32 x 32 do"));
        assert!(error(3, 8, 64).contains("64 x 16 do"));
        assert!(error(4, 32, 32).contains("4 channels"));
    }
}
