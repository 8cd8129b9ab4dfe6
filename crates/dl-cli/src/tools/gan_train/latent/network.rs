//! The two networks, new or from a file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use dl_models::gan::{Discriminator, DiscriminatorConfig, Generator, GeneratorConfig};
use dl_models::{Checkpoint, ModelFile, Parameters};
use dl_train::fit::Files;
use dl_train::gan::{DISCRIMINATOR, Players};

use super::data::Data;
use super::options::LatentArgs;
use super::recipe::{Architecture, Recipe};
use crate::common::Messages;

/// A generator to start from, and the discriminator beside it.
pub(super) struct Start {
    path: PathBuf,
    config: GeneratorConfig,
    generator: BTreeMap<String, Tensor>,
    discriminator: BTreeMap<String, Tensor>,
}

impl Start {
    pub(super) fn open(path: &Path, device: &Device) -> Result<Self> {
        let file = match ModelFile::open(path, None)? {
            ModelFile::Generator(file) => file,
            other => return Err(other.unfit(path, "a generator")),
        };
        let mut generator = file.all(device)?;
        let config = Generator::open(file, device)?.config().clone();
        let beside = Files::of(path).last;
        let mut discriminator = split_off(&mut generator);
        if discriminator.is_empty() && beside.is_file() {
            discriminator = split_off(&mut Checkpoint::open(&beside)?.all(device)?);
        }
        Ok(Self { path: path.to_owned(), config, generator, discriminator })
    }

    pub(super) fn config(&self) -> &GeneratorConfig {
        &self.config
    }
}

/// The discriminator's tensors, by their own names.
fn split_off(tensors: &mut BTreeMap<String, Tensor>) -> BTreeMap<String, Tensor> {
    let own: Vec<String> = tensors.keys().filter(|name| name.starts_with(DISCRIMINATOR)).cloned().collect();
    own.into_iter()
        .filter_map(|name| tensors.remove(&name).map(|tensor| (name[DISCRIMINATOR.len()..].to_owned(), tensor)))
        .collect()
}

impl LatentArgs {
    pub(super) fn generator_config(
        &self,
        recipe: &Recipe,
        data: &Data,
        start: Option<&Start>,
    ) -> Result<GeneratorConfig> {
        let (name, options) = recipe.generator();
        if let Some(start) = start {
            let from = start.path.display();
            let own = &start.config.architecture;
            ensure!(own == name, "--init-from {from}: is a {own} generator, not {name}");
            let conditional = start.config.condition_size().is_some();
            let wanted = recipe.architecture.is_conditional();
            ensure!(
                conditional == wanted,
                "--init-from {from}: is {}conditional",
                if conditional { "" } else { "not " }
            );
            ensure!(
                self.latent.is_none_or(|latent| latent == start.config.latent),
                "--latent: the generator of --init-from has random vectors of {} numbers",
                start.config.latent
            );
            return Ok(start.config.clone());
        }
        let mut config = GeneratorConfig::new(name, recipe.latent, data.canvas);
        config.options = options;
        if let Architecture::Conditional { columns, .. } = recipe.architecture {
            match data.images.condition() {
                Some(condition) => config.condition = Some(condition.clone()),
                None => config.labels = Some(data.images.labels().to_vec()),
            }
            config.label_columns = Some(columns);
        }
        Ok(config)
    }
}

pub(super) fn players(
    args: &LatentArgs,
    recipe: &Recipe,
    config: &GeneratorConfig,
    start: Option<&Start>,
    device: &Device,
) -> Result<Players> {
    let seed = args.training.common.seed;
    let tensors = |of: fn(&Start) -> &BTreeMap<String, Tensor>| start.map(of).cloned().unwrap_or_default();
    let generator_weights = Parameters::starting_from(tensors(|start| &start.generator), seed);
    // Another seed, so that no layer of one player starts as one of the other.
    let discriminator_weights = Parameters::starting_from(tensors(|start| &start.discriminator), seed.wrapping_add(1));
    let of = |player: &str| match start {
        Some(start) => format!("--init-from {}: the {player}", start.path.display()),
        None => format!("the {player}"),
    };
    let generator =
        Generator::new(config.clone(), &generator_weights.builder(device)).with_context(|| of("generator"))?;
    let condition = match recipe.architecture {
        Architecture::Conditional { conditioning, .. } => config.condition_size().map(|size| (size, conditioning)),
        _ => None,
    };
    let trained = DiscriminatorConfig {
        body: recipe.discriminator(),
        image: config.image,
        condition,
        norms: recipe.norms,
        spectral: recipe.spectral,
        dropout: recipe.dropout,
        constant: false,
    };
    let layers = Discriminator::layers(&trained);
    ensure!(
        args.freeze_d <= layers.len(),
        "--freeze-d {}: the discriminator has {} layers",
        args.freeze_d,
        layers.len()
    );
    let frozen: Vec<String> = layers.into_iter().take(args.freeze_d).map(|layer| format!("{layer}.")).collect();
    let discriminator_weights =
        discriminator_weights.frozen(move |name| frozen.iter().any(|prefix| name.starts_with(prefix.as_str())));
    let discriminator =
        Discriminator::new(&trained, &discriminator_weights.builder(device)).with_context(|| of("discriminator"))?;
    let judge = DiscriminatorConfig { constant: true, ..trained };
    let judge = Discriminator::new(&judge, &discriminator_weights.following(device)).context("the discriminator")?;
    Ok(Players { generator, generator_weights, discriminator, judge, discriminator_weights })
}

pub(super) fn report(players: &Players, messages: &Messages) -> Result<()> {
    let count = |weights: &Parameters| weights.vars().iter().map(|(_, var)| var.elem_count()).sum::<usize>();
    messages.detail(format_args!(
        "{} weights of the generator, {} of the discriminator",
        count(&players.generator_weights),
        count(&players.discriminator_weights)
    ));
    Ok(())
}
