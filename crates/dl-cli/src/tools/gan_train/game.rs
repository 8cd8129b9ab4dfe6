//! The game: losses, penalties and what the discriminator sees.

use clap::ValueEnum;
use dl_train::gan::{GanLoss, Penalty, PenaltyKind};

use crate::common::numbers;

/// Options of the game between the players.
#[derive(clap::Args, Debug)]
pub(super) struct GameArgs {
    /// Loss of both players
    #[arg(long, value_enum, value_name = "NAME", help_heading = "Losses")]
    pub(super) loss: Option<LossName>,

    /// Penalty on the discriminator's gradient with respect to images; its batch norms are then left out
    #[arg(long, value_enum, value_name = "NAME", help_heading = "Losses")]
    pub(super) penalty: Option<PenaltyName>,

    /// Weight of the penalty
    #[arg(long, value_name = "X", value_parser = numbers::positive, help_heading = "Losses")]
    pub(super) gamma: Option<f64>,

    /// Compute the penalty on every Nth batch, and multiply it by N
    #[arg(long, value_name = "N", value_parser = numbers::count, help_heading = "Losses")]
    pub(super) lazy: Option<usize>,

    /// Batches for the discriminator per batch for the generator [default: 5 for --loss wgan, otherwise 1]
    #[arg(long, value_name = "N", value_parser = numbers::count, help_heading = "Training")]
    pub(super) n_critic: Option<usize>,

    /// Train the discriminator on 1 - X as the probability of real images, for example 0.1
    #[arg(long, value_name = "X", default_value_t = 0.0, value_parser = numbers::share, help_heading = "Losses")]
    pub(super) label_smoothing: f64,

    /// Standard deviation of noise on all images that the discriminator sees; falls to 0 during training
    #[arg(long, value_name = "X", default_value_t = 0.0, value_parser = numbers::not_negative, help_heading = "Losses")]
    pub(super) instance_noise: f64,

    /// Augmentation of all images that the discriminator sees, for small sets of images
    #[arg(long, value_enum, value_name = "NAME", default_value_t = AugmentName::None, help_heading = "Losses")]
    pub(super) augment: AugmentName,
}

/// `--loss`.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LossName {
    /// The zero-sum game of Goodfellow et al. 2014
    Minimax,
    /// The same, but the generator maximizes the log of the probability
    NonSaturating,
    /// Least squares (Mao et al. 2017)
    Lsgan,
    /// Hinge (Lim and Ye 2017)
    Hinge,
    /// The critic's difference (Arjovsky et al. 2017)
    Wgan,
    /// Each generated image against a real one (R3GAN)
    Relativistic,
}

impl From<LossName> for GanLoss {
    fn from(name: LossName) -> Self {
        match name {
            LossName::Minimax => Self::Minimax,
            LossName::NonSaturating => Self::NonSaturating,
            LossName::Lsgan => Self::Lsgan,
            LossName::Hinge => Self::Hinge,
            LossName::Wgan => Self::Wgan,
            LossName::Relativistic => Self::Relativistic,
        }
    }
}

/// `--penalty`.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PenaltyName {
    /// No penalty
    None,
    /// On real images, toward 0 (Mescheder et al. 2018)
    R1,
    /// On real and on generated images, toward 0 (R3GAN)
    #[value(name = "r1+r2")]
    R1R2,
    /// Between real and generated images, toward a norm of 1 (Gulrajani et al. 2017)
    WganGp,
}

impl PenaltyName {
    /// Which penalty it is, and its default weight.
    fn kind(self) -> Option<(PenaltyKind, f64)> {
        match self {
            Self::None => None,
            Self::R1 => Some((PenaltyKind::R1, 10.0)),
            Self::R1R2 => Some((PenaltyKind::R1R2, 0.05)),
            Self::WganGp => Some((PenaltyKind::WganGp, 10.0)),
        }
    }
}

/// `--augment`.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AugmentName {
    /// No augmentation
    None,
    /// DiffAugment (Zhao et al. 2020): colors, shifts and cut-out squares, through which the generator is trained
    Diff,
    /// Adaptive (Karras et al. 2020a): flips, turns, shifts, scales and colors, as often as the discriminator overfits
    Ada,
}

impl GameArgs {
    /// The penalty, if there is one; `loss` is the one that is trained with.
    pub(super) fn penalty(&self, loss: GanLoss) -> Option<Penalty> {
        let chosen = match self.penalty {
            None if loss == GanLoss::Wgan => PenaltyName::WganGp,
            chosen => chosen.unwrap_or(PenaltyName::None),
        };
        let (kind, gamma) = chosen.kind()?;
        Some(Penalty { kind, gamma: self.gamma.unwrap_or(gamma), lazy: self.lazy.unwrap_or(1) })
    }

    /// The discriminator's batches per batch of the generator.
    pub(super) fn critic(&self, loss: GanLoss) -> usize {
        self.n_critic.unwrap_or(if loss == GanLoss::Wgan { 5 } else { 1 })
    }
}
