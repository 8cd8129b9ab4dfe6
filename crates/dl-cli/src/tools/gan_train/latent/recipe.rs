//! What each architecture is trained with by default, and what the options change.

use dl_models::gan::{Conditioning, DiscriminatorBody};
use dl_train::gan::{GanLoss, Penalty};
use serde_json::{Map, Value, json};

use super::options::{BodyName, LatentArgs};

/// Adam's learning rate in all papers on these networks.
const RATE: f64 = 2e-4;

/// The subcommand with its own options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Architecture {
    Vanilla,
    Dcgan,
    Conditional { body: BodyName, conditioning: Conditioning, columns: usize },
}

impl Architecture {
    pub(super) fn is_conditional(self) -> bool {
        matches!(self, Self::Conditional { .. })
    }

    fn body(self) -> BodyName {
        match self {
            Self::Vanilla => BodyName::Vanilla,
            Self::Dcgan => BodyName::Dcgan,
            Self::Conditional { body, .. } => body,
        }
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
    pub(super) dropout: f64,
}

impl Recipe {
    /// PyTorch-GAN's `gan.py` and `cgan.py`, pytorch/examples' `dcgan`: Adam with a rate of 0.0002 and a beta1 of 0.5.
    pub(super) fn new(architecture: Architecture, args: &LatentArgs) -> Self {
        let plain = architecture.body() == BodyName::Vanilla;
        let conditional = architecture.is_conditional();
        let loss = match args.game.loss {
            Some(loss) => loss.into(),
            None if plain && conditional => GanLoss::Lsgan,
            None => GanLoss::NonSaturating,
        };
        let penalty = args.game.penalty(loss);
        Self {
            architecture,
            latent: args.latent.unwrap_or(100),
            batch: args.training.batch.unwrap_or(64),
            epochs: 25.0,
            loss,
            penalty,
            critic: args.game.critic(loss),
            rates: [args.training.lr_g.unwrap_or(RATE), args.training.lr_d.unwrap_or(RATE)],
            betas: [args.training.beta1.unwrap_or(0.5), 0.999],
            width: args.width,
            // A penalty is on the gradient of one image, which a batch norm mixes with the others.
            norms: !args.no_batch_norm && penalty.is_none(),
            dropout: if plain && conditional { 0.4 } else { 0.0 },
        }
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
        }
    }

    fn scaled(&self, channels: usize) -> usize {
        ((channels as f64 * self.width).round() as usize).max(1)
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
            "dropout": self.dropout,
            "conditioning": match self.architecture {
                Architecture::Conditional { conditioning, .. } => Some(conditioning),
                _ => None,
            },
        });
        figures.as_object().cloned().unwrap_or_default()
    }
}
