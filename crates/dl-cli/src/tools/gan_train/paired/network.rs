//! The two networks, new or from a file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use candle_core::{Device, Tensor};
use dl_models::gan::patch_gan::PatchGan;
use dl_models::gan::sr_discriminator::SrDiscriminator;
use dl_models::gan::{Translator, TranslatorConfig};
use dl_models::{Backbone, Checkpoint, ModelFile, Parameters};
use dl_train::fit::Files;
use dl_train::gan::paired::{CRITIC, Critic, PairedPlayers};

use super::PairedArgs;
use super::recipe::{CriticConfig, Networks};
use crate::common::Messages;

/// A generator to start from, and the discriminator beside it.
pub(super) struct Start {
    path: PathBuf,
    config: TranslatorConfig,
    generator: BTreeMap<String, Tensor>,
    critic: BTreeMap<String, Tensor>,
}

impl Start {
    pub(super) fn open(path: &Path, device: &Device) -> Result<Self> {
        let file = match ModelFile::open(path, None)? {
            ModelFile::Generator(file) => file,
            other => return Err(other.unfit(path, "a generator of images from images")),
        };
        let mut generator = file.all(device)?;
        let config = Translator::from_checkpoint(file, device)?.config;
        let beside = Files::of(path).last;
        let mut critic = split_off(&mut generator);
        if critic.is_empty() && beside.is_file() {
            critic = split_off(&mut Checkpoint::open(&beside)?.all(device)?);
        }
        Ok(Self { path: path.to_owned(), config, generator, critic })
    }

    /// Fails when it is not the generator that would be trained.
    fn check(&self, wanted: &TranslatorConfig) -> Result<()> {
        let from = self.path.display();
        let (own, task) = (&self.config, |config: &TranslatorConfig| config.task.map(|task| format!("{task:?}")));
        ensure!(
            own.architecture == wanted.architecture && task(own) == task(wanted),
            "--init-from {from}: is a generator {} for another task; choose one that the same command has trained",
            own.architecture
        );
        for (name, wanted) in &wanted.options {
            // Dropout has no weights, and files of other programs do not show it.
            let found = own.options.get(name);
            if name != "dropout" && found != Some(wanted) {
                let found = found.map_or_else(|| "another".to_owned(), ToString::to_string);
                bail!("--init-from {from}: its {name} is {found}, not {wanted}; give the same options");
            }
        }
        Ok(())
    }
}

/// The discriminator's tensors, by their own names.
fn split_off(tensors: &mut BTreeMap<String, Tensor>) -> BTreeMap<String, Tensor> {
    let own: Vec<String> = tensors.keys().filter(|name| name.starts_with(CRITIC)).cloned().collect();
    own.into_iter()
        .filter_map(|name| tensors.remove(&name).map(|tensor| (name[CRITIC.len()..].to_owned(), tensor)))
        .collect()
}

pub(super) fn players(
    args: &PairedArgs,
    networks: &Networks,
    start: Option<&Start>,
    device: &Device,
) -> Result<PairedPlayers> {
    let seed = args.training.common.seed;
    if let Some(start) = start {
        start.check(&networks.generator)?;
    }
    let tensors = |of: fn(&Start) -> &BTreeMap<String, Tensor>| start.map(of).cloned().unwrap_or_default();
    let weights = Parameters::starting_from(tensors(|start| &start.generator), seed);
    let generator = Translator::new(networks.generator.clone(), &weights.builder(device)).context("the generator")?;
    let critic = networks.critic.as_ref().map(|config| -> Result<Critic> {
        // Another seed, so that no layer of one player starts as one of the other.
        let weights = Parameters::starting_from(tensors(|start| &start.critic), seed.wrapping_add(1));
        let network = build(config, &weights, device, false)?;
        let judge = build(config, &weights, device, true)?;
        Ok(Critic { network, judge, weights, conditional: matches!(config, CriticConfig::Patches(_)) })
    });
    Ok(PairedPlayers { generator, weights, critic: critic.transpose().context("the discriminator")? })
}

/// A discriminator; `constant`: its weights are constants.
fn build(config: &CriticConfig, weights: &Parameters, device: &Device, constant: bool) -> Result<Box<dyn Backbone>> {
    let vb = &if constant { weights.following(device) } else { weights.builder(device) };
    Ok(match config {
        CriticConfig::SuperResolution(config) => {
            let network = SrDiscriminator::new(config, vb)?;
            Box::new(if constant { network.of_batch() } else { network })
        }
        CriticConfig::Patches(config) => {
            let network = PatchGan::new(config, vb)?;
            Box::new(if constant { network.of_batch() } else { network })
        }
    })
}

pub(super) fn report(players: &PairedPlayers, messages: &Messages) {
    let count = |weights: &Parameters| weights.vars().iter().map(|(_, var)| var.elem_count()).sum::<usize>();
    let critic = players.critic.as_ref().map_or(0, |critic| count(&critic.weights));
    messages
        .detail(format_args!("{} weights of the generator, {critic} of the discriminator", count(&players.weights)));
}
