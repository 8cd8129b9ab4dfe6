//! The networks of all sizes.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use dl_models::gan::lapgan::{Lapgan, LapganDiscriminator, LapganOptions};
use dl_models::gan::{
    ConditionSize, Conditioning, Discriminator, DiscriminatorBody, DiscriminatorConfig, Generator, GeneratorConfig,
};
use dl_models::{Parameters, plain};
use serde_json::Value;

/// The tensor of the labels: a row with a 1 for each.
const LABELS: &str = "label_emb.weight";

/// The networks of all sizes with their weights.
pub struct LaplacianPlayers {
    /// All generators.
    pub generator: Lapgan,
    /// Their weights.
    pub generator_weights: Parameters,
    /// The discriminator of the smallest images, and the same weights as constants for the generator's loss. The names of
    /// the weights begin with `0`.
    pub smallest: [Discriminator; 2],
    /// Those of each larger size. The names begin with the number of the size.
    pub larger: Vec<[LapganDiscriminator; 2]>,
    /// The discriminators' weights.
    pub discriminator_weights: Parameters,
}

/// What the discriminators look like.
#[derive(Clone, Debug, PartialEq)]
pub struct Judges {
    /// That of the smallest images.
    pub smallest: DiscriminatorBody,
    /// Channels of the others.
    pub channels: usize,
    /// Probability of dropout.
    pub dropout: f64,
}

impl LaplacianPlayers {
    /// New networks.
    /// # Errors
    /// When the config is invalid, or the images are too small for a discriminator.
    pub fn new(config: &GeneratorConfig, judges: &Judges, seed: u64, device: &Device) -> Result<Self> {
        let options: LapganOptions = serde_json::from_value(Value::Object(config.options.clone()))?;
        let (image, labels) = (&config.image, config.labels.as_ref().map(Vec::len));
        let mut given = BTreeMap::new();
        if let Some(labels) = labels {
            given.insert(LABELS.to_owned(), Tensor::eye(labels, DType::F32, device).map_err(plain)?);
        }
        let generator_weights = Parameters::starting_from(given, seed).frozen(|name| name == LABELS);
        // It requests the labels, too.
        Generator::new(config.clone(), &generator_weights.builder(device)).context("the generator")?;
        let generator = Lapgan::new(config, &generator_weights.builder(device)).context("the generator")?;
        // Another seed, so that no layer of one player starts as one of the other.
        let discriminator_weights = Parameters::fresh(seed.wrapping_add(1));
        let smallest = |vb: &VarBuilder, constant| {
            let config = DiscriminatorConfig {
                body: judges.smallest.clone(),
                image: options.canvas(image, 0),
                condition: labels.map(|labels| (ConditionSize::Labels(labels), Conditioning::Embed)),
                norms: true,
                spectral: false,
                dropout: judges.dropout,
                constant,
            };
            Discriminator::new(&config, &vb.pp(0))
        };
        let larger = |vb: &VarBuilder, level: usize| {
            LapganDiscriminator::new(
                &options.canvas(image, level),
                labels,
                judges.channels,
                judges.dropout,
                &vb.pp(level),
            )
        };
        let built = || -> Result<_> {
            let vb = discriminator_weights.builder(device);
            let smallest_one = smallest(&vb, false)?;
            let trained: Vec<LapganDiscriminator> =
                (1..options.levels).map(|level| larger(&vb, level)).collect::<Result<_>>()?;
            let vb = discriminator_weights.following(device);
            let smallest = [smallest_one, smallest(&vb, true)?];
            let pair = |(index, trained)| Ok([trained, larger(&vb, index + 1)?]);
            let larger: Vec<_> = trained.into_iter().enumerate().map(pair).collect::<Result<_>>()?;
            Ok((smallest, larger))
        };
        let (smallest, larger) = built().context("the discriminators")?;
        Ok(Self { generator, generator_weights, smallest, larger, discriminator_weights })
    }
}
