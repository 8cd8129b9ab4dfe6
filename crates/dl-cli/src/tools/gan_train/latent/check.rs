//! Options that do not fit together, and networks that do not fit in memory.

use anyhow::{Result, bail, ensure};
use dl_models::gan::{Canvas, StyleChannels};
use dl_train::gan::GanLoss;
use serde_json::Value;

use super::network::Start;
use super::options::{ADA_SPEED, ADA_TARGET, BodyName, LatentArgs};
use super::recipe::Recipe;
use crate::tools::gan_train::game::AugmentName;
use crate::tools::gan_train::pictures::check_batch;

/// Most weights of a fully connected layer.
const MOST_WEIGHTS: usize = 1 << 28;

impl LatentArgs {
    /// Refuses options that would have no effect.
    pub(super) fn check(&self, recipe: &Recipe) -> Result<()> {
        let game = &self.game;
        if recipe.penalty.is_none() {
            ensure!(game.gamma.is_none(), "--gamma: is the weight of a penalty; give --penalty, too");
            ensure!(game.lazy.is_none(), "--lazy: is for a penalty; give --penalty, too");
        }
        if game.augment != AugmentName::Ada {
            ensure!(self.ada_speed == ADA_SPEED, "--ada-speed: is of --augment ada");
            ensure!(self.ada_target == ADA_TARGET, "--ada-target: is of --augment ada");
        }
        let smooths = matches!(recipe.loss, GanLoss::Minimax | GanLoss::NonSaturating | GanLoss::Lsgan);
        ensure!(
            game.label_smoothing == 0.0 || smooths,
            "--label-smoothing: this --loss does not train on probabilities"
        );
        let body = recipe.architecture.body();
        if matches!(body, BodyName::Vanilla | BodyName::Stylegan) {
            ensure!(!self.no_batch_norm, "--no-batch-norm: this discriminator has no batch norms");
        }
        if body != BodyName::Stylegan {
            ensure!(recipe.batch > 1, "--batch 1: the batch norms of the generator need at least 2 images");
        }
        Ok(())
    }

    /// `--width`, or that of the generator to start from.
    pub(super) fn width(&self, start: Option<&Start>) -> Result<f64> {
        let Some(config) = start.map(Start::config) else { return Ok(self.width.unwrap_or(1.0)) };
        let number = |value: Option<&Value>| value.and_then(Value::as_f64);
        let option = |name: &str| number(config.options.get(name));
        let hidden = || number(config.options.get("hidden")?.as_array()?.first());
        // Of older files by the architecture's first layer; a generator of another program has no options.
        let width = match config.architecture.as_str() {
            _ if config.provenance.training.contains_key("width") => number(config.provenance.training.get("width")),
            "vanilla" => hidden().map(|first| first / 128.0),
            "dcgan" => option("channels").map(|channels| channels / 64.0),
            "upsample" => option("channels").map(|channels| channels / 128.0),
            "stylegan" => option("channel_max").map(|channels| channels / StyleChannels::DEFAULT.max as f64),
            _ => None,
        };
        match (self.width, width) {
            (Some(given), Some(own)) if (given - own).abs() > 1e-6 * own => {
                bail!("--width {given}: the generator of --init-from was trained with {own}; leave the option out")
            }
            (given, own) => Ok(own.or(given).unwrap_or(1.0)),
        }
    }
}

impl Recipe {
    /// Refuses a batch or a layer that is too large.
    pub(super) fn check_memory(&self, canvas: &Canvas) -> Result<()> {
        check_batch(self.batch, canvas.numbers(), "--size")?;
        let (numbers, Canvas { height, width, .. }) = (canvas.numbers(), canvas);
        if self.architecture.body() == BodyName::Vanilla {
            let weights = self.last_hidden().saturating_mul(numbers);
            ensure!(
                weights <= MOST_WEIGHTS,
                "the last layer for images of {width} x {height} pixels would have {weights} weights; give a smaller --size \
                 or --width, or choose dcgan"
            );
        }
        Ok(())
    }
}
