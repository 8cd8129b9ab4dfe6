//! Generators, from their files to images.

use anyhow::{Context, Result, bail, ensure};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::condition::ConditionEmbedding;
use super::dcgan::Dcgan;
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
    network: Box<dyn Backbone>,
    condition: Option<ConditionEmbedding>,
    plans: Plans,
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
        Ok(Self { config, network, condition, plans: Plans::default() })
    }

    /// Its description.
    pub fn config(&self) -> &GeneratorConfig {
        &self.config
    }

    /// Images [n, channels, height, width], -1 to 1, of random vectors [n, latent] and, if it is conditional, the
    /// condition, labels [n] u32 or features [n, columns]; in training, with gradients, and batch norms use the batch's statistics.
    /// # Errors
    /// When the shapes do not fit.
    pub fn train(&self, latents: &Tensor, condition: Option<&Tensor>, rng: &mut ChaCha8Rng) -> Result<Tensor> {
        let x = self.inputs(latents, condition)?;
        let mut pass = Pass::new(Vec::new(), Some(rng));
        let rows = match self.network.run(&Value::Now(x), &mut pass) {
            Ok(Value::Now(rows)) => rows,
            Err(Halt::Failed(error)) => return Err(plain(error)),
            _ => bail!("the generator stopped early"),
        };
        let image = &self.config.image;
        rows.reshape(((), image.channels, image.height, image.width)).map_err(plain)
    }

    /// Images of random vectors, one after another, each [channels, height, width], -1 to 1. `condition`: one per
    /// vector, if it is conditional.
    /// # Errors
    /// When the lengths do not fit, or the network's outputs are not finite.
    pub fn generate(&self, latents: &[f32], condition: Condition) -> Result<Vec<f32>> {
        let columns = self.config.latent;
        ensure!(latents.len().is_multiple_of(columns), "{} numbers are not random vectors of {columns}", latents.len());
        let rows = latents.len() / columns;
        if rows == 0 {
            return Ok(Vec::new());
        }
        let device = &Device::Cpu;
        let latents = Tensor::from_slice(latents, (rows, columns), device).map_err(plain)?;
        let x = self.inputs(&latents, condition.tensor(rows, device)?.as_ref())?;
        let layer: LayerName = IMAGE.parse()?;
        let images = self.plans.run(&*self.network, &x, &[layer])?;
        let [images] = &images[..] else { bail!("the generator made no images") };
        let numbers: Vec<f32> = images.flatten_all().and_then(|images| images.to_vec1()).map_err(plain)?;
        ensure!(
            numbers.iter().all(|number| number.is_finite()),
            "the generator's images are not finite; are its weights damaged?"
        );
        Ok(numbers)
    }

    /// The network's input [n, latent + label columns, 1, 1].
    fn inputs(&self, latents: &Tensor, condition: Option<&Tensor>) -> Result<Tensor> {
        let rows = match (&self.condition, condition) {
            (None, None) => latents.clone(),
            (Some(embedding), Some(condition)) => {
                let embedded = embedding.forward(condition).map_err(plain)?;
                Tensor::cat(&[latents, &embedded], 1).map_err(plain)?
            }
            (Some(_), None) => bail!("the generator is conditional: it needs labels or features"),
            (None, Some(_)) => bail!("the generator is not conditional"),
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

/// Appends a standard normal vector of `count` numbers.
pub fn push_latent(latents: &mut Vec<f32>, count: usize, rng: &mut ChaCha8Rng) {
    latents.extend((0..count).map(|_| rng.sample::<f32, _>(StandardNormal)));
}

fn parts(config: &GeneratorConfig, vb: &VarBuilder) -> Result<(Box<dyn Backbone>, Option<ConditionEmbedding>)> {
    let network: Box<dyn Backbone> = match config.architecture.as_str() {
        "vanilla" => Box::new(Vanilla::new(config, vb)?),
        "dcgan" => Box::new(Dcgan::new(config, vb)?),
        "upsample" => Box::new(Upsample::new(config, vb)?),
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
