//! Generators of images from random vectors: vanilla, conditional, dcgan, lapgan and stylegan.

mod check;
mod commands;
mod data;
mod fid;
mod lapgan;
mod network;
mod options;
mod recipe;
mod sheet;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, ensure};
use candle_core::Device;
use dl_models::Precision;
use dl_models::gan::GeneratorConfig;
use dl_train::fit::{FitConfig, Progress, TrainedModel};
use dl_train::gan::{Ada, AdaConfig, Augment, GanBatchConfig, GanBatches, GanTask, StyleBatchConfig};
use serde_json::{Value, json};

use super::game::AugmentName;
use crate::common::{Io, Outcome, digest};
pub(super) use commands::{Conditional, Dcgan, Stylegan, Vanilla};
use data::Data;
use fid::Distance;
pub(super) use lapgan::LapganArgs;
use options::{ConditionName, LatentArgs};
use recipe::{Architecture, Recipe};
use sheet::Sheet;

impl LatentArgs {
    pub(super) fn run(&self, architecture: Architecture, told: Option<&ConditionName>, io: &mut Io) -> Result<Outcome> {
        self.training.check_files(
            &[],
            &[self.init_from.as_deref(), self.fid.fid_against.as_deref(), self.fid.fid_model.as_deref()],
        )?;
        let device = self.training.device.open()?;
        let start = self.start(&device)?;
        let recipe = Recipe::new(architecture, self, self.width(start.as_ref())?);
        self.check(&recipe)?;
        let data = Data::read(self, told, start.as_ref(), io)?;
        let recipe = recipe.for_images(&data.canvas, data.images.sources().len().max(1));
        recipe.check_memory(&data.canvas)?;
        let config = self.generator_config(&recipe, &data, start.as_ref())?;
        let distance = Distance::open(self, config.image, &data.images, io)?;
        let messages = &io.messages;
        let players = network::players(self, &recipe, &config, start.as_ref(), &device)?;
        network::report(&players, messages)?;
        let failed = AtomicUsize::new(0);
        let broken = |error: &str| {
            failed.fetch_add(1, Ordering::Relaxed);
            messages.error(error);
        };
        let images = GanBatches::cache(&data.images, self.pictures.truncated(), self.pictures.cache_bytes(), &broken);
        let batch = GanBatchConfig {
            canvas: config.image,
            latent: config.latent,
            style: players.generator.style().map(|style| StyleBatchConfig {
                mixing: recipe.style.map_or(0.0, |style| style.mixing),
                layers: style.layers(),
                noise: style.noise_numbers(),
            }),
            size: recipe.batch,
            flip: self.pictures.flip,
            seed: self.training.common.seed,
        };
        let batches = GanBatches::new(&data.images, images, batch);
        let steps = self.training.steps(batches.epoch(), recipe.epochs);
        ensure!(
            recipe.critic <= steps,
            "--n-critic {}: the generator would not be trained in {steps} batches; give more --iterations",
            recipe.critic
        );
        let fitted = self.fit_config(&recipe, &config, &data, steps, &batches)?;
        let figures = recipe.figures();
        let file = |progress: &Progress| {
            let mut config = config.clone();
            config.provenance.seed = Some(self.training.common.seed);
            config.provenance.data_digest = Some(data.images.digest().to_string());
            config.provenance.training = figures.clone();
            config.provenance.training.insert("width".into(), json!(recipe.width));
            config.provenance.training.insert("batch".into(), json!(batch.size));
            config.provenance.training.insert("iterations".into(), json!(progress.step));
            Ok(TrainedModel {
                config: serde_json::to_value(&config)?,
                tensors: players.generator_weights.tensors(),
                texts: Vec::new(),
                precision: Precision::F32,
            })
        };
        let make = |step| batches.make(step);
        let validate = distance.as_ref().map(|distance| || distance.of(&players, &config).map(Some));
        let augment = self.augment()?;
        let task = GanTask {
            players: &players,
            batches: &make,
            loss: recipe.loss,
            penalty: recipe.penalty,
            smoothing: self.game.label_smoothing,
            noise: self.game.instance_noise,
            augment: &augment,
            // Labels of a few kinds would often be the same.
            mismatched: config.condition.is_some(),
            steps,
            critic: recipe.critic,
            weight_decay: self.training.weight_decay,
            seed: self.training.common.seed,
            device: &device,
            validate: validate.as_ref().map(|validate| validate as &(dyn Fn() -> _ + Sync)),
            file: &file,
        };
        let sheet = Sheet::new(&self.training, &config, &data.images)?;
        let outcome = self.training.train(&task, &fitted, &|done| sheet.draw(&players, done), messages)?;
        Ok(outcome.unwrap_or_else(|| Outcome::of(data.tally.failed + failed.load(Ordering::Relaxed))))
    }

    fn fit_config(
        &self,
        recipe: &Recipe,
        config: &GeneratorConfig,
        data: &Data,
        steps: usize,
        batches: &GanBatches,
    ) -> Result<FitConfig> {
        let players = recipe.players(steps);
        let digest_of = |path: &Path| -> Result<String> { Ok(digest(path)?.1) };
        let init = self.init_from.as_deref().map(digest_of).transpose()?;
        let settings = json!({
            "data": data.images.digest().to_string(),
            "init_from": init,
            "architecture": config.architecture,
            "options": config.options,
            "latent": config.latent,
            "image": config.image,
            "labels": config.labels,
            "condition": config.condition,
            "label_columns": config.label_columns,
            "batch": batches.size(),
            "flip": self.pictures.flip,
            "label_smoothing": self.game.label_smoothing,
            "instance_noise": self.game.instance_noise,
            "augment": match self.game.augment {
                AugmentName::Ada => json!(self.ada()),
                augment => json!(augment == AugmentName::Diff),
            },
            "average": recipe.ema,
            // The noise falls over all steps; otherwise a run may be continued for longer.
            "iterations": if self.game.instance_noise > 0.0 { json!(steps) } else { Value::Null },
            "recipe": recipe.figures(),
        });
        let validate_every = if self.fid.fid_against.is_some() { self.fid.fid_every } else { 0 };
        let config = self.training.fit_config(players, steps, batches.epoch(), &settings);
        Ok(FitConfig { validate_every, average: recipe.ema, ..config })
    }

    fn ada(&self) -> AdaConfig {
        AdaConfig { target: self.ada_target, images: self.ada_speed * 1e3, ..AdaConfig::default() }
    }

    fn augment(&self) -> Result<Augment> {
        Ok(match self.game.augment {
            AugmentName::None => Augment::None,
            AugmentName::Diff => Augment::Diff,
            AugmentName::Ada => Augment::Ada(Ada::new(self.ada())?),
        })
    }

    /// The generator to start from.
    fn start(&self, device: &Device) -> Result<Option<network::Start>> {
        self.init_from.as_deref().map(|path| network::Start::open(path, device)).transpose()
    }
}
