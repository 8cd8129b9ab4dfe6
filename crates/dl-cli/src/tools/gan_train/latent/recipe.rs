//! What each architecture is trained with by default, and what the options change.

use dl_models::gan::{Canvas, Conditioning, DiscriminatorBody, StyleChannels};
use dl_train::fit::{Player, Rule};
use dl_train::gan::{GanLoss, Penalty, PenaltyKind};
use serde_json::{Map, Value, json};

use super::options::{BodyName, LatentArgs};
use crate::tools::gan_train::help::{self, OptionDefault};
use crate::tools::gan_train::training::TrainingArgs;

/// Passes over the images.
const EPOCHS: f64 = 25.0;
/// Images of a batch, and those of StyleGAN's.
const BATCH: usize = 64;
const STYLE_BATCH: usize = 32;
/// Numbers of a random vector, and those of StyleGAN's.
const LATENT: usize = 100;
const STYLE_LATENT: usize = 512;
/// Adam's learning rate in all papers on these networks but StyleGAN's.
const RATE: f64 = 2e-4;
/// That of StyleGAN2-ADA for images of less than 1024 pixels.
const STYLE_RATE: f64 = 2.5e-3;
/// Adam's decay rates in these papers.
const BETAS: [f64; 2] = [0.5, 0.999];
const STYLE_BETAS: [f64; 2] = [0.0, 0.99];
/// Steps of which StyleGAN2 penalizes one.
const LAZY: usize = 16;
/// R1's gamma in StyleGAN2-ADA, times the batch, by the pixels of an image.
const GAMMA: f64 = 2e-4;
/// Batches in which StyleGAN2-ADA's moving average forgets half: the half-life is 10,000 images for a batch of 32.
const HALF_LIFE: f64 = 10e3 / 32.0;
/// The probability of style mixing in the paper.
pub(super) const MIXING: f64 = 0.9;

/// The subcommand with its own options.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Architecture {
    Vanilla,
    Dcgan,
    Conditional { body: BodyName, conditioning: Conditioning, columns: usize },
    Stylegan(StyleOptions),
}

/// Options of StyleGAN2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct StyleOptions {
    /// Layers of the mapping network.
    pub(super) layers: usize,
    /// The probability of style mixing.
    pub(super) mixing: f64,
    /// Images in which the moving average forgets half.
    pub(super) half_life: Option<f64>,
}

impl Default for StyleOptions {
    fn default() -> Self {
        Self { layers: 8, mixing: MIXING, half_life: None }
    }
}

impl Architecture {
    pub(super) fn is_conditional(self) -> bool {
        matches!(self, Self::Conditional { .. })
    }

    pub(super) fn body(self) -> BodyName {
        match self {
            Self::Vanilla => BodyName::Vanilla,
            Self::Dcgan => BodyName::Dcgan,
            Self::Conditional { body, .. } => body,
            Self::Stylegan(_) => BodyName::Stylegan,
        }
    }

    /// The options of StyleGAN2; `None` for other bodies.
    fn style(self) -> Option<StyleOptions> {
        match self {
            Self::Stylegan(options) => Some(options),
            _ if self.body() == BodyName::Stylegan => Some(StyleOptions::default()),
            _ => None,
        }
    }
}

/// What the help of a subcommand states as defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stated {
    /// Of vanilla and dcgan.
    Plain,
    /// Of stylegan.
    Style,
    /// Of conditional, by its --body.
    Both,
}

impl Stated {
    pub(super) fn defaults(self) -> Vec<OptionDefault> {
        let of = |plain: String, style: String| match self {
            Self::Plain => plain,
            Self::Style => style,
            Self::Both => format!("{plain}; with --body stylegan {style}"),
        };
        let numbers = |plain: f64, style: f64| of(plain.to_string(), style.to_string());
        let by_pixels = format!("{GAMMA} times the pixels of an image, divided by --batch");
        let (loss, penalty, gamma) = match self {
            Self::Plain => {
                ("non-saturating", "wgan-gp for --loss wgan, otherwise none", "10; for r1+r2 0.05".to_owned())
            }
            Self::Style => (
                "non-saturating",
                "wgan-gp for --loss wgan, otherwise r1",
                format!("{by_pixels}; for r1+r2 0.05, for wgan-gp 10"),
            ),
            Self::Both => (
                "non-saturating; with --body vanilla lsgan",
                "wgan-gp for --loss wgan, r1 with --body stylegan, otherwise none",
                format!("10; for r1+r2 0.05; for r1 with --body stylegan {by_pixels}"),
            ),
        };
        let mut defaults = help::defaults(
            numbers(BATCH as f64, STYLE_BATCH as f64),
            EPOCHS,
            numbers(RATE, STYLE_RATE),
            numbers(BETAS[0], STYLE_BETAS[0]),
        );
        defaults.extend([
            ("loss", loss.to_owned()),
            ("penalty", penalty.to_owned()),
            ("gamma", gamma),
            ("lazy", numbers(1.0, LAZY as f64)),
            ("latent", of(LATENT.to_string(), format!("{STYLE_LATENT} times --width"))),
        ]);
        match self {
            Self::Plain => {}
            Self::Style => defaults.push(("ema", "by --ema-half-life".to_owned())),
            Self::Both => {
                defaults
                    .push(("ema", format!("none; with --body stylegan one that forgets half in {HALF_LIFE} batches")));
            }
        }
        defaults
    }
}

/// Everything that shapes the training but the data.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    pub(super) architecture: Architecture,
    pub(super) latent: usize,
    pub(super) batch: usize,
    pub(super) epochs: f64,
    pub(super) loss: GanLoss,
    pub(super) penalty: Option<Penalty>,
    pub(super) critic: usize,
    pub(super) rates: [f64; 2],
    pub(super) betas: [f64; 2],
    pub(super) width: f64,
    /// Batch norms in the discriminator.
    pub(super) norms: bool,
    pub(super) spectral: bool,
    pub(super) dropout: f64,
    /// Those of StyleGAN2.
    pub(super) style: Option<StyleOptions>,
    /// Decay of the moving average.
    pub(super) ema: Option<f64>,
}

impl Recipe {
    /// PyTorch-GAN's `gan.py` and `cgan.py`, pytorch/examples' `dcgan`: Adam with a rate of 0.0002 and a beta1 of 0.5.
    pub(super) fn new(architecture: Architecture, args: &LatentArgs, width: f64) -> Self {
        let plain = architecture.body() == BodyName::Vanilla;
        let conditional = architecture.is_conditional();
        let loss = match args.game.loss {
            Some(loss) => loss.into(),
            None if plain && conditional => GanLoss::Lsgan,
            None => GanLoss::NonSaturating,
        };
        let style = architecture.style();
        let penalty = match (style, args.game.penalty, args.game.penalty(loss)) {
            (Some(_), None, None) => Some(Penalty { kind: PenaltyKind::R1, gamma: 0.0, lazy: LAZY }),
            (_, _, penalty) => penalty,
        };
        let penalty = penalty.map(|penalty| Penalty {
            lazy: args.game.lazy.unwrap_or(if style.is_some() { LAZY } else { 1 }),
            // 0: by the size of the images.
            gamma: args.game.gamma.unwrap_or(match (style, penalty.kind) {
                (Some(_), PenaltyKind::R1) => 0.0,
                _ => penalty.gamma,
            }),
            ..penalty
        });
        let (rate, [beta1, beta2]) = if style.is_some() { (STYLE_RATE, STYLE_BETAS) } else { (RATE, BETAS) };
        let batch = args.training.batch.unwrap_or(if style.is_some() { STYLE_BATCH } else { BATCH });
        let latent = if style.is_some() { scaled(STYLE_LATENT, width) } else { LATENT };
        let half_life = style.map(|style| style.half_life.unwrap_or(HALF_LIFE * batch as f64));
        Self {
            architecture,
            latent: args.latent.unwrap_or(latent),
            batch,
            epochs: EPOCHS,
            loss,
            penalty,
            critic: args.game.critic(loss),
            rates: [args.training.lr_g.unwrap_or(rate), args.training.lr_d.unwrap_or(rate)],
            betas: [args.training.beta1.unwrap_or(beta1), beta2],
            width,
            // A penalty is on the gradient of one image, which a batch norm mixes with the others.
            norms: !args.no_batch_norm && !args.spectral_norm && penalty.is_none(),
            spectral: args.spectral_norm,
            dropout: if plain && conditional { 0.4 } else { 0.0 },
            style,
            // A step takes in a batch.
            ema: args.training.ema.or(half_life.map(|images| 0.5_f64.powf(batch as f64 / images))),
        }
    }

    /// The same with what depends on the images and the size of a batch of them.
    pub(super) fn for_images(mut self, canvas: &Canvas, batch: usize) -> Self {
        self.batch = self.batch.min(batch);
        let pixels = (canvas.height * canvas.width) as f64;
        if let (Some(_), Some(penalty)) = (self.style, &mut self.penalty)
            && penalty.gamma == 0.0
        {
            penalty.gamma = GAMMA * pixels / self.batch as f64;
        }
        self
    }

    /// Adam for the generator and the discriminator. With a lazy penalty, StyleGAN2's discriminator takes 17 steps where
    /// others take 16: its rate and betas make up for it.
    pub(super) fn players(&self, steps: usize) -> Vec<Player> {
        let mut players = TrainingArgs::players(self.rates, self.betas, steps);
        let lazy = self.penalty.map_or(1, |penalty| penalty.lazy);
        if let (Some(_), true, Some(discriminator)) = (self.style, lazy > 1, players.get_mut(1)) {
            let part = lazy as f64 / (lazy as f64 + 1.0);
            discriminator.schedule.rate *= part;
            let betas = self.betas.map(|beta| beta.powf(part));
            discriminator.optimizer.rule = Rule::Adam { betas, eps: 1e-8 };
        }
        players
    }

    /// The generator's architecture and the options that differ from its defaults.
    pub(super) fn generator(&self) -> (&'static str, Map<String, Value>) {
        let (name, options) = match self.architecture.body() {
            BodyName::Vanilla => {
                let hidden = [128, 256, 512, 1024].map(|size| self.scaled(size));
                ("vanilla", json!({ "hidden": hidden }))
            }
            BodyName::Dcgan => ("dcgan", json!({ "channels": self.scaled(64) })),
            BodyName::Upsample => ("upsample", json!({ "channels": self.scaled(128) })),
            BodyName::Stylegan => {
                let StyleChannels { base, max } = self.channels();
                let layers = self.style.unwrap_or_default().layers;
                ("stylegan", json!({ "channel_base": base, "channel_max": max, "mapping_layers": layers }))
            }
        };
        (name, options.as_object().cloned().unwrap_or_default())
    }

    pub(super) fn discriminator(&self) -> DiscriminatorBody {
        match self.architecture.body() {
            BodyName::Vanilla if self.architecture.is_conditional() => {
                DiscriminatorBody::Vanilla([512; 3].map(|size| self.scaled(size)).into())
            }
            BodyName::Vanilla => DiscriminatorBody::Vanilla([512, 256].map(|size| self.scaled(size)).into()),
            BodyName::Dcgan | BodyName::Upsample => DiscriminatorBody::Dcgan(self.scaled(64)),
            BodyName::Stylegan => DiscriminatorBody::StyleGan(self.channels()),
        }
    }

    /// Columns of the last hidden layer of fully connected networks.
    pub(super) fn last_hidden(&self) -> usize {
        self.scaled(1024)
    }

    fn scaled(&self, channels: usize) -> usize {
        scaled(channels, self.width)
    }

    fn channels(&self) -> StyleChannels {
        StyleChannels::DEFAULT.scaled(self.width)
    }

    /// What the model file holds about the training.
    pub(super) fn figures(&self) -> Map<String, Value> {
        let figures = json!({
            "loss": self.loss,
            "penalty": self.penalty,
            "lr_g": self.rates[0],
            "lr_d": self.rates[1],
            "betas": self.betas,
            "n_critic": self.critic,
            "norms": self.norms,
            "spectral_norm": self.spectral,
            "style_mixing": self.style.map(|style| style.mixing),
            "dropout": self.dropout,
            "conditioning": match self.architecture {
                Architecture::Conditional { conditioning, .. } => Some(conditioning),
                _ => None,
            },
        });
        figures.as_object().cloned().unwrap_or_default()
    }
}

fn scaled(channels: usize, width: f64) -> usize {
    ((channels as f64 * width).round() as usize).max(1)
}
