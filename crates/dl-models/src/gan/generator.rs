//! Generators, from their files to images.

use anyhow::{Context, Result, bail, ensure};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::condition::ConditionEmbedding;
use super::dcgan::Dcgan;
use super::lapgan::Lapgan;
use super::stylegan::{StyleDraws, StyleGan};
use super::upsample::Upsample;
use super::vanilla::Vanilla;
use super::{ConditionSize, GeneratorConfig, IMAGE, third_party};
use crate::file::limits;
use crate::model::{CheckpointBackend, build_outline};
use crate::network::pass::{Halt, Pass, Value};
use crate::network::plans::Plans;
use crate::{Backbone, Checkpoint, LayerName, plain};

/// A generator of images from random vectors.
pub struct Generator {
    config: GeneratorConfig,
    network: Network,
    condition: Option<ConditionEmbedding>,
}

enum Network {
    /// One that runs on random vectors, and its plans.
    Plain(Box<dyn Backbone>, Plans),
    /// StyleGAN.
    Style(Box<StyleGan>),
}

impl Generator {
    /// Opens the generator in a model file. Files of other programs are recognized by their tensors.
    /// # Errors
    /// When the file holds something else, its description is invalid, or its weights do not fit.
    pub fn open(file: Checkpoint, device: &Device) -> Result<Self> {
        let path = file.path().to_owned();
        let in_context = || format!("model {}", path.display());
        let config = third_party::config(&file).with_context(in_context)?;
        config.check().with_context(in_context)?;
        let (_, shapes) = build_outline(Some(&file), |vb| parts(&config, &vb)).with_context(in_context)?;
        limits::check_weights(&shapes, &file).with_context(in_context)?;
        let wanted_by = format!("the generator {}", config.architecture);
        let backend = CheckpointBackend { checkpoint: file, wanted_by };
        let vb = VarBuilder::from_backend(Box::new(backend), DType::F32, device.clone());
        Self::new(config, &vb).with_context(in_context)
    }

    /// A generator from a config and a source of weights, for example [`Parameters`](crate::Parameters).
    /// # Errors
    /// When the config is invalid, or a weight is missing or has another shape.
    pub fn new(config: GeneratorConfig, vb: &VarBuilder) -> Result<Self> {
        config.check()?;
        let (network, condition) = parts(&config, vb)?;
        Ok(Self { config, network, condition })
    }

    /// Its description.
    pub fn config(&self) -> &GeneratorConfig {
        &self.config
    }

    /// Images [n, channels, height, width], -1 to 1, of random vectors [n, latent] and, if it is conditional, the
    /// condition, labels [n] u32 or features [n, columns]; in training, with gradients, and batch norms use the batch's
    /// statistics.
    /// # Errors
    /// When the shapes do not fit.
    pub fn train(&self, latents: &Tensor, condition: Option<&Tensor>, rng: &mut ChaCha8Rng) -> Result<Tensor> {
        self.train_with(latents, condition, &StyleDraws::default(), rng)
    }

    /// The same with what StyleGAN draws beside the random vectors; other generators have no use for it.
    /// # Errors
    /// When the shapes do not fit.
    pub fn train_with(
        &self,
        latents: &Tensor,
        condition: Option<&Tensor>,
        draws: &StyleDraws,
        rng: &mut ChaCha8Rng,
    ) -> Result<Tensor> {
        let mut pass = Pass::new(Vec::new(), Some(rng));
        match &self.network {
            Network::Plain(..) => self.images(latents, condition, &mut pass),
            Network::Style(style) => style.train(latents, self.embedded(condition)?.as_ref(), draws, &mut pass),
        }
    }

    /// The images of [`generate`](Self::generate) as a tensor [n, channels, height, width] with gradients, of random vectors
    /// [n, latent]; or, for [a generator with styles](Self::style), of styles [n, columns], the same for all layers, with the
    /// stored noise.
    /// # Errors
    /// When the shapes do not fit.
    pub fn differentiable(&self, latents: &Tensor, condition: Option<&Tensor>) -> Result<Tensor> {
        let mut pass = Pass::new(Vec::new(), None);
        match &self.network {
            Network::Plain(..) => self.images(latents, condition, &mut pass),
            Network::Style(style) => style.images(&vec![latents.clone(); style.styles()], None, &mut pass),
        }
    }

    /// Images of a generator without styles.
    fn images(&self, latents: &Tensor, condition: Option<&Tensor>, pass: &mut Pass) -> Result<Tensor> {
        let Network::Plain(network, _) = &self.network else { bail!("the generator has styles") };
        let rows = match network.run(&Value::Now(self.inputs(latents, condition)?), pass) {
            Ok(Value::Now(rows)) => rows,
            Err(Halt::Failed(error)) => return Err(plain(error)),
            _ => bail!("the generator stopped early"),
        };
        let image = &self.config.image;
        rows.reshape(((), image.channels, image.height, image.width)).map_err(plain)
    }

    /// The parts of a StyleGAN; `None` for other generators.
    pub fn style(&self) -> Option<Style<'_>> {
        match &self.network {
            Network::Plain(..) => None,
            Network::Style(network) => Some(Style { generator: self, network }),
        }
    }

    /// Images of random vectors, one after another, each [channels, height, width], -1 to 1. `condition`: one per
    /// vector, if it is conditional. StyleGAN's have the stored noise.
    /// # Errors
    /// When the lengths do not fit, or the network's outputs are not finite.
    pub fn generate(&self, latents: &[f32], condition: Condition) -> Result<Vec<f32>> {
        match &self.network {
            Network::Plain(network, plans) => {
                let Some((latents, condition)) = self.tensors(latents, condition)? else { return Ok(Vec::new()) };
                let x = self.inputs(&latents, condition.as_ref())?;
                let layer: LayerName = IMAGE.parse()?;
                let images = plans.run(&**network, &x, &[layer])?;
                let [images] = &images[..] else { bail!("the generator made no images") };
                finite(images)
            }
            Network::Style(network) => {
                let style = Style { generator: self, network };
                let styles: Vec<f32> = style
                    .map(latents, condition)?
                    .chunks_exact(self.config.latent)
                    .flat_map(|style_of| style_of.repeat(style.layers()))
                    .collect();
                style.synthesize(&styles, &[])
            }
        }
    }

    /// Random vectors [n, latent] and their condition as tensors; `None` if there are none.
    fn tensors(&self, latents: &[f32], condition: Condition) -> Result<Option<(Tensor, Option<Tensor>)>> {
        let columns = self.config.latent;
        ensure!(latents.len().is_multiple_of(columns), "{} numbers are not random vectors of {columns}", latents.len());
        let rows = latents.len() / columns;
        if rows == 0 {
            return Ok(None);
        }
        let device = &Device::Cpu;
        let latents = Tensor::from_slice(latents, (rows, columns), device).map_err(plain)?;
        Ok(Some((latents, condition.tensor(rows, device)?)))
    }

    /// The embedded condition [n, columns] of a conditional generator.
    fn embedded(&self, condition: Option<&Tensor>) -> Result<Option<Tensor>> {
        match (&self.condition, condition) {
            (None, None) => Ok(None),
            (Some(embedding), Some(condition)) => embedding.forward(condition).map(Some).map_err(plain),
            (Some(_), None) => bail!("the generator is conditional: it needs labels or features"),
            (None, Some(_)) => bail!("the generator is not conditional"),
        }
    }

    /// The network's input [n, latent + label columns, 1, 1].
    fn inputs(&self, latents: &Tensor, condition: Option<&Tensor>) -> Result<Tensor> {
        let rows = match self.embedded(condition)? {
            Some(embedded) => Tensor::cat(&[latents, &embedded], 1).map_err(plain)?,
            None => latents.clone(),
        };
        rows.unsqueeze(2).and_then(|rows| rows.unsqueeze(3)).map_err(plain)
    }
}

/// What conditional images are told.
#[derive(Clone, Copy, Debug)]
pub enum Condition<'a> {
    /// Nothing: the generator is not conditional.
    None,
    /// A label for each image.
    Labels(&'a [u32]),
    /// Features for each image, one after another.
    Features(&'a [f32]),
}

impl Condition<'_> {
    /// Labels [rows] or features [rows, columns].
    /// # Errors
    /// When features are not as many for each row.
    pub fn tensor(self, rows: usize, device: &Device) -> Result<Option<Tensor>> {
        match self {
            Self::None => Ok(None),
            Self::Labels(labels) => Tensor::from_slice(labels, labels.len(), device).map(Some).map_err(plain),
            Self::Features(features) => {
                let columns = features.len() / rows.max(1);
                Tensor::from_slice(features, (rows, columns), device).map(Some).map_err(plain)
            }
        }
    }
}

/// The parts of a StyleGAN: random vectors become styles, and each layer of the image has one.
pub struct Style<'a> {
    generator: &'a Generator,
    network: &'a StyleGan,
}

impl Style<'_> {
    /// Layers of an image, each with a style of its own: the first ones shape it, the last ones color it.
    pub fn layers(&self) -> usize {
        self.network.styles()
    }

    /// Numbers of a style.
    pub fn columns(&self) -> usize {
        self.generator.config.latent
    }

    /// Numbers of the noise of all layers of an image, standard normal.
    pub fn noise_numbers(&self) -> usize {
        self.network.noise_numbers()
    }

    /// The mean style [columns], the center of truncation.
    /// # Errors
    /// When candle fails.
    pub fn average(&self) -> Result<Vec<f32>> {
        self.network.average().to_vec1().map_err(plain)
    }

    /// Styles of random vectors, one after another, each [columns]. `condition`: one per
    /// vector, if the generator is conditional.
    /// # Errors
    /// When the lengths do not fit.
    pub fn map(&self, latents: &[f32], condition: Condition) -> Result<Vec<f32>> {
        let Some((latents, condition)) = self.generator.tensors(latents, condition)? else { return Ok(Vec::new()) };
        let embedded = self.generator.embedded(condition.as_ref())?;
        let styles = self.network.map(&latents, embedded.as_ref(), &mut Pass::new(Vec::new(), None))?;
        styles.flatten_all().and_then(|styles| styles.to_vec1()).map_err(plain)
    }

    /// Images of styles [n, layers, columns], one after another, each [channels, height, width], about -1 to 1. `noise`:
    /// that of each image, or empty for the stored one.
    /// # Errors
    /// When the lengths do not fit, or the network's outputs are not finite.
    pub fn synthesize(&self, styles: &[f32], noise: &[f32]) -> Result<Vec<f32>> {
        if styles.is_empty() {
            return Ok(Vec::new());
        }
        finite(&self.network.synthesize(styles, noise)?)
    }
}

/// The numbers of images.
fn finite(images: &Tensor) -> Result<Vec<f32>> {
    let numbers: Vec<f32> = images.flatten_all().and_then(|images| images.to_vec1()).map_err(plain)?;
    ensure!(
        numbers.iter().all(|number| number.is_finite()),
        "the generator's images are not finite; are its weights damaged?"
    );
    Ok(numbers)
}

/// Appends a standard normal vector of `count` numbers.
pub fn push_latent(latents: &mut Vec<f32>, count: usize, rng: &mut ChaCha8Rng) {
    latents.extend((0..count).map(|_| rng.sample::<f32, _>(StandardNormal)));
}

fn parts(config: &GeneratorConfig, vb: &VarBuilder) -> Result<(Network, Option<ConditionEmbedding>)> {
    let on_vectors = |network: Box<dyn Backbone>| Network::Plain(network, Plans::default());
    let network = match config.architecture.as_str() {
        "vanilla" => on_vectors(Box::new(Vanilla::new(config, vb)?)),
        "dcgan" => on_vectors(Box::new(Dcgan::new(config, vb)?)),
        "upsample" => on_vectors(Box::new(Upsample::new(config, vb)?)),
        "lapgan" => on_vectors(Box::new(Lapgan::new(config, vb)?)),
        "stylegan" => Network::Style(Box::new(StyleGan::new(config, vb)?)),
        other => bail!("generator architecture {other} does not exist"),
    };
    let condition = match (config.condition_size(), config.label_columns) {
        (Some(size), Some(columns)) => {
            let name = if matches!(size, ConditionSize::Labels(_)) { "label_emb" } else { "condition" };
            Some(ConditionEmbedding::new(size, columns, vb.pp(name)).map_err(plain)?)
        }
        _ => None,
    };
    Ok((network, condition))
}
