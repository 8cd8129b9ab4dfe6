//! The networks of both directions, with their weights.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use candle_core::{Device, Tensor, Var};
use candle_nn::VarBuilder;
use dl_models::gan::{Translator, TranslatorConfig};
use dl_models::{Parameters, plain};
use rand_chacha::ChaCha8Rng;

use super::GENERATORS;
use crate::fit::{Parameter, buffers, weights};
use crate::gan::DISCRIMINATOR;

/// Names of the weights of the generator back begin with this.
pub const BACK: &str = "back.";
/// The names of the discriminators: the results of direction 0 are of domain B.
const JUDGES: [&str; 2] = ["b", "a"];

/// The networks of both directions. What a direction has is at its index.
pub struct Pair<D> {
    /// From domain A to B, and back.
    pub generators: [Translator; 2],
    /// Their weights; the names of the second begin with [`BACK`].
    pub generator_weights: Parameters,
    /// The discriminators of their results.
    pub discriminators: [D; 2],
    /// The same weights as constants, for the generators' loss.
    pub judges: [D; 2],
    /// The discriminators' weights.
    pub discriminator_weights: Parameters,
}

/// Generated images of both directions, without their gradients.
#[derive(Default)]
pub struct Translated(pub(super) Option<[Tensor; 2]>);

impl<D> Pair<D> {
    /// Generators of this config, and discriminators of a builder, which are constant if the flag is set.
    /// # Errors
    /// When an option is out of range.
    pub fn new(
        config: &TranslatorConfig,
        seed: u64,
        device: &Device,
        discriminator: impl Fn(&VarBuilder, bool) -> Result<D>,
    ) -> Result<Self> {
        let generator_weights = Parameters::fresh(seed);
        let vb = generator_weights.builder(device);
        let generators =
            [Translator::new(config.clone(), &vb)?, Translator::new(config.clone(), &vb.pp(&BACK[..BACK.len() - 1]))?];
        // Another seed, so that no layer of one player starts as one of the other.
        let discriminator_weights = Parameters::fresh(seed.wrapping_add(1));
        let built = |vb: &VarBuilder, constant| -> Result<[D; 2]> {
            let [b, a] = JUDGES.map(|name| discriminator(&vb.pp(name), constant));
            Ok([b?, a?])
        };
        let discriminators = built(&discriminator_weights.builder(device), false)?;
        let judges = built(&discriminator_weights.following(device), true)?;
        Ok(Self { generators, generator_weights, discriminators, judges, discriminator_weights })
    }

    /// The tensors of the generator of a direction, by their own names.
    pub fn generator_tensors(&self, direction: usize) -> BTreeMap<String, Tensor> {
        let all = self.generator_weights.tensors().into_iter();
        let own = all.filter_map(|(name, tensor)| match (direction, name.strip_prefix(BACK)) {
            (0, None) => Some((name, tensor)),
            (1, Some(own)) => Some((own.to_owned(), tensor)),
            _ => None,
        });
        own.collect()
    }

    /// Images of images [n, channels, h, w] by the generator of a direction, in training.
    pub(super) fn translate(&self, direction: usize, images: &Tensor, rng: &mut ChaCha8Rng) -> Result<Tensor> {
        self.generators[direction].network().forward_t(images, Some(rng))
    }

    /// The trained weights of a player; `all`: norms and biases have weight decay, too, as in torch.
    pub(super) fn parameters(&self, player: usize, decay: f64, all: bool) -> Vec<Parameter> {
        let own = match player {
            GENERATORS => weights(&self.generator_weights, decay, &|_| 1.0),
            _ => weights(&self.discriminator_weights, decay, &|_| 1.0)
                .into_iter()
                .map(|weight| Parameter { name: format!("{DISCRIMINATOR}{}", weight.name), ..weight })
                .collect(),
        };
        match all {
            true => own.into_iter().map(|weight| Parameter { decay, ..weight }).collect(),
            false => own,
        }
    }

    pub(super) fn buffers(&self) -> Vec<(String, Var)> {
        let of_discriminators = buffers(&self.discriminator_weights).into_iter();
        let of_discriminators = of_discriminators.map(|(name, var)| (format!("{DISCRIMINATOR}{name}"), var));
        buffers(&self.generator_weights).into_iter().chain(of_discriminators).collect()
    }

    /// Both generators with their statistics.
    pub(super) fn averaged(&self) -> Vec<(String, Var)> {
        self.generator_weights.vars()
    }
}

/// The images of both domains as tensors [n, channels, h, w], -1 to 1.
pub(super) fn tensors(
    images: &[Vec<f32>; 2],
    [channels, height, width]: [usize; 3],
    device: &Device,
) -> Result<[Tensor; 2]> {
    let [a, b] = images.each_ref().map(|numbers| Tensor::from_slice(numbers, ((), channels, height, width), device));
    Ok([a.map_err(plain)?, b.map_err(plain)?])
}

/// A scalar's value.
pub(super) fn number(scalar: &Tensor) -> Result<f64> {
    scalar.to_scalar::<f32>().map(f64::from).map_err(plain)
}

/// The sum of scalars.
pub(super) fn sum(terms: impl IntoIterator<Item = Tensor>) -> Result<Tensor> {
    let mut total: Option<Tensor> = None;
    for term in terms {
        total = Some(match total {
            Some(total) => (total + term).map_err(plain)?,
            None => term,
        });
    }
    match total {
        Some(total) => Ok(total),
        None => bail!("a loss without terms"),
    }
}

/// Figures of both domains by name, and their means: `of_b` and `of_a` are those of directions 0 and 1, in the same order as
/// `NAMES`.
pub(super) fn by_domain(of_b: &[(&'static str, f64)], of_a: &[(&'static str, f64)]) -> Vec<(&'static str, f64)> {
    const NAMES: [[&str; 3]; 3] = [
        ["d_real", "d_real_a", "d_real_b"],
        ["d_fake", "d_fake_a", "d_fake_b"],
        ["d_accuracy", "d_accuracy_a", "d_accuracy_b"],
    ];
    let mut all = Vec::new();
    for [both, a, b] in NAMES {
        let find = |of: &[(&str, f64)]| of.iter().find(|(name, _)| *name == both).map(|(_, value)| *value);
        if let (Some(of_a), Some(of_b)) = (find(of_a), find(of_b)) {
            all.extend([(both, f64::midpoint(of_a, of_b)), (a, of_a), (b, of_b)]);
        }
    }
    all
}
