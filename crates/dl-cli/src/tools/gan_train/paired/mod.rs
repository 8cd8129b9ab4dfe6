//! Networks trained on pairs of images: srgan, pix2pix, complete and colorize.

mod commands;
mod data;
mod network;
mod options;
mod recipe;
mod sheet;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use candle_core::Device;
use dl_models::{Model, ModelFile, Precision};
use dl_train::fit::{FitConfig, Progress, TrainedModel};
use dl_train::gan::paired::{PairedBatchConfig, PairedBatches, PairedLosses, PairedTask, Perceptual};
use serde_json::{Value, json};

use super::pictures::check_batch;
use super::training::TrainingArgs;
use crate::common::{Io, Outcome, digest};
pub(super) use commands::{Colorize, Complete, Pix2pix, Srgan};
use data::Data;
use network::{Start, players, report};
use options::PairedArgs;
use recipe::{Body, Recipe};
use sheet::Sheet;

impl PairedArgs {
    fn run(&self, recipe: &Recipe, io: &mut Io) -> Result<Outcome> {
        let read = [&self.init_from, &self.perceptual, &self.val].map(|path| path.as_deref());
        self.training.check_files(&[], &read)?;
        let device = self.training.device.open()?;
        let start = self.init_from.as_deref().map(|path| Start::open(path, &device)).transpose()?;
        let data = Data::read(self, recipe, io)?;
        let messages = &io.messages;
        let networks = recipe.networks(self, data.size)?;
        let players = players(self, &networks, start.as_ref(), &device)?;
        report(&players, messages);
        let losses = self.losses(recipe, players.generator.architecture.range, &device)?;
        let failed = AtomicUsize::new(0);
        let broken = |error: &str| {
            failed.fetch_add(1, Ordering::Relaxed);
            messages.error(error);
        };
        let config = PairedBatchConfig {
            kind: recipe.kind,
            size: data.size,
            jitter: recipe.jitter,
            range: players.generator.architecture.range,
            batch: recipe.batch.min(data.images.len()),
            flip: !self.no_flip,
            seed: self.training.common.seed,
        };
        let option = if matches!(recipe.body, Body::SuperResolution { .. }) { "--crop" } else { "--size" };
        check_batch(config.batch, 3 * config.size[0] * config.size[1], option)?;
        let sources = data.images.sources();
        let cache = self.cache.saturating_mul(1_000_000);
        let batches = PairedBatches::new(&sources, self.image.truncated(), cache, &broken, config);
        let steps = self.training.steps(batches.epoch(), recipe.epochs);
        let fitted = self.fit_config(recipe, &players.generator.config, &data, steps, &batches)?;
        let file = |progress: &Progress| {
            let mut config = players.generator.config.clone();
            config.provenance.seed = Some(self.training.common.seed);
            config.provenance.training = recipe.figures(self);
            config.provenance.training.insert("data_digest".into(), json!(data.images.digest().to_string()));
            config.provenance.training.insert("size".into(), json!(data.size));
            config.provenance.training.insert("batch".into(), json!(batches.config().batch));
            config.provenance.training.insert("iterations".into(), json!(progress.step));
            Ok(TrainedModel {
                config: serde_json::to_value(&config)?,
                tensors: players.weights.tensors(),
                texts: Vec::new(),
                precision: Precision::F32,
            })
        };
        let make = |step| batches.make(step);
        let task = PairedTask {
            players: &players,
            losses: &losses,
            config,
            batches: &make,
            validation: data.validation.as_ref(),
            steps,
            weight_decay: self.training.weight_decay,
            seed: self.training.common.seed,
            device: &device,
            file: &file,
        };
        let sheet = match self.training.samples_every {
            0 => None,
            _ => Some(Sheet::new(&self.training.output, &batches)?),
        };
        let draw = |done| sheet.as_ref().context("no sheet to draw")?.draw(&players, done);
        let outcome = self.training.train(&task, &fitted, &draw, messages)?;
        Ok(outcome.unwrap_or_else(|| Outcome::of(data.tally.failed + failed.load(Ordering::Relaxed))))
    }

    fn losses(&self, recipe: &Recipe, range: [f32; 2], device: &Device) -> Result<PairedLosses> {
        let perceptual = self.perceptual.as_deref().map(|path| -> Result<(Perceptual, f64)> {
            let file = match ModelFile::open(path, self.perceptual_arch.as_deref())? {
                ModelFile::ImageNetwork(file) => file,
                other => return Err(other.unfit(path, "a network for images, whose features --perceptual compares")),
            };
            let model = Model::from_checkpoint(file, self.perceptual_arch.as_deref(), device)?;
            let layer = self.perceptual_layer.clone().unwrap_or_else(|| model.default_layer().to_owned());
            let perceptual = Perceptual::new(model, &layer, self.perceptual_loss.into(), range, device);
            Ok((perceptual.context("--perceptual-layer")?, self.perceptual_weight))
        });
        Ok(PairedLosses {
            pixel: recipe.pixel,
            pixel_weight: recipe.pixel_weight,
            game: recipe.loss,
            adversarial_weight: recipe.adversarial,
            critic_weight: recipe.critic_weight,
            perceptual: perceptual.transpose()?,
            variation_weight: self.variation,
            smoothing: self.label_smoothing,
            noise: self.instance_noise,
        })
    }

    fn fit_config(
        &self,
        recipe: &Recipe,
        generator: &dl_models::gan::TranslatorConfig,
        data: &Data,
        steps: usize,
        batches: &PairedBatches,
    ) -> Result<FitConfig> {
        let mut players = TrainingArgs::players(recipe.rates, recipe.betas, steps);
        players.truncate(if recipe.adversarial > 0.0 { 2 } else { 1 });
        let digest_of = |path: &Path| -> Result<String> { Ok(digest(path)?.1) };
        let settings = json!({
            "data": data.images.digest().to_string(),
            "init_from": self.init_from.as_deref().map(digest_of).transpose()?,
            "perceptual": self.perceptual.as_deref().map(digest_of).transpose()?,
            "val": data.validation_digest.as_deref(),
            "validate_every": data.validation.as_ref().map(|_| self.validate_every),
            "architecture": generator.architecture,
            "options": generator.options,
            "size": data.size,
            "batch": batches.config().batch,
            // The noise falls over all steps; otherwise a run may be continued for longer.
            "iterations": if self.instance_noise > 0.0 { json!(steps) } else { Value::Null },
            "recipe": recipe.figures(self),
        });
        let mut config = self.training.fit_config(players, steps, batches.epoch(), &settings);
        config.validate_every = data.validation.as_ref().map_or(0, |_| self.validate_every);
        Ok(config)
    }
}
