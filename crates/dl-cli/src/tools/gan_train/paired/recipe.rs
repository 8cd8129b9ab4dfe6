//! The recipes of the papers, with what the options change.

use anyhow::{Result, bail, ensure};
use dl_models::gan::Task;
use dl_models::gan::TranslatorConfig;
use dl_models::gan::cyclegan::ResNetConfig;
use dl_models::gan::norm::NormKind;
use dl_models::gan::patch_gan::PatchGanConfig;
use dl_models::gan::sr_discriminator::SrDiscriminatorConfig;
use dl_models::gan::srgan::SrganConfig;
use dl_models::gan::srresnet::SrResNetConfig;
use dl_models::gan::unet::UnetConfig;
use dl_train::gan::GanLoss;
use dl_train::gan::paired::{Distance, PairKind, input_channels};
use serde_json::{Map, Value, json};

use super::PairedArgs;
use super::options::{PatchArgs, PatchName, SrName};
use crate::common::given;
use crate::tools::gan_train::help::{self, OptionDefault};

/// Steps down of the smallest and the largest U-Net.
const UNET_STEPS: [u32; 2] = [5, 8];
/// Images of at least this side have residual networks of 9 blocks, smaller ones of 6.
const LARGE: usize = 256;

/// What the papers say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Base {
    batch: usize,
    rate: f64,
    betas: [f64; 2],
    epochs: f64,
    pixel: Distance,
    pixel_weight: f64,
    adversarial: f64,
    critic_weight: f64,
    dropout: bool,
}

impl Base {
    /// Ledig et al. 2017, section 3.2; the game's weight is of equation 3.
    pub(super) const SRGAN: Self = Self {
        batch: 16,
        rate: 1e-4,
        betas: [0.9, 0.999],
        epochs: 100.0,
        pixel: Distance::L2,
        pixel_weight: 1.0,
        adversarial: 1e-3,
        critic_weight: 1.0,
        dropout: false,
    };
    /// Isola et al. 2017, section 3.3 and appendix 6.2.
    pub(super) const PIX2PIX: Self = Self {
        batch: 1,
        rate: 2e-4,
        betas: [0.5, 0.999],
        epochs: 200.0,
        pixel: Distance::L1,
        pixel_weight: 100.0,
        adversarial: 1.0,
        critic_weight: 0.5,
        dropout: true,
    };
    /// Pathak et al. 2016, section 4, with the network and the rate of pix2pix.
    pub(super) const COMPLETE: Self = Self {
        batch: 16,
        epochs: 100.0,
        pixel: Distance::L2,
        pixel_weight: 0.999,
        adversarial: 0.001,
        dropout: false,
        ..Self::PIX2PIX
    };
    /// Isola et al. 2017, appendix 6.2.
    pub(super) const COLORIZE: Self = Self { batch: 4, ..Self::PIX2PIX };

    /// As the help states them.
    pub(super) fn defaults(&self) -> Vec<OptionDefault> {
        let mut defaults = help::defaults(self.batch, self.epochs, self.rate, self.betas[0]);
        let pixel = match self.pixel {
            Distance::L1 => "l1",
            Distance::L2 => "l2",
        };
        defaults.extend([
            ("adversarial", self.adversarial.to_string()),
            ("pixel_loss", pixel.to_owned()),
            ("pixel_weight", self.pixel_weight.to_string()),
        ]);
        defaults
    }
}

/// The networks of a recipe.
#[derive(Clone, Debug)]
pub(super) enum Body {
    SuperResolution { generator: SrName, blocks: usize, crop: usize },
    Patches(PatchArgs),
}

/// A training, with everything decided but what depends on the images.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    pub(super) kind: PairKind,
    pub(super) body: Body,
    /// The field with the target.
    pub(super) target: Option<String>,
    pub(super) batch: usize,
    pub(super) rates: [f64; 2],
    pub(super) betas: [f64; 2],
    pub(super) epochs: f64,
    pub(super) pixel: Distance,
    pub(super) pixel_weight: f64,
    pub(super) loss: GanLoss,
    pub(super) adversarial: f64,
    pub(super) critic_weight: f64,
    pub(super) jitter: f64,
    dropout: bool,
}

/// Both networks' options.
pub(super) struct Networks {
    pub(super) generator: TranslatorConfig,
    pub(super) critic: Option<CriticConfig>,
}

/// The discriminator's options.
pub(super) enum CriticConfig {
    SuperResolution(SrDiscriminatorConfig),
    Patches(PatchGanConfig),
}

impl Recipe {
    /// # Errors
    /// When nothing would be trained.
    pub(super) fn new(kind: PairKind, body: Body, target: Option<&str>, base: Base, args: &PairedArgs) -> Result<Self> {
        let training = &args.training;
        let pixel_weight = args.pixel_weight.unwrap_or(base.pixel_weight);
        let adversarial = args.adversarial.unwrap_or(base.adversarial);
        let perceptual = args.perceptual.is_some() && args.perceptual_weight > 0.0;
        ensure!(
            pixel_weight > 0.0 || adversarial > 0.0 || perceptual,
            "--pixel-weight 0 and --adversarial 0 leave nothing to train by"
        );
        if adversarial == 0.0 && (args.label_smoothing > 0.0 || args.instance_noise > 0.0 || args.loss.is_some()) {
            bail!("--loss, --label-smoothing and --instance-noise need a discriminator; leave out --adversarial 0");
        }
        let jitter = match &body {
            Body::SuperResolution { .. } => 1.0,
            Body::Patches(patch) => patch.jitter,
        };
        let beta1 = training.beta1.unwrap_or(base.betas[0]);
        Ok(Self {
            kind,
            body,
            target: target.map(str::to_owned),
            batch: training.batch.unwrap_or(base.batch),
            rates: [training.lr_g, training.lr_d].map(|rate| rate.unwrap_or(base.rate)),
            betas: [beta1, base.betas[1]],
            epochs: base.epochs,
            pixel: args.pixel_loss.map_or(base.pixel, Into::into),
            pixel_weight,
            loss: args.loss.map_or(GanLoss::NonSaturating, Into::into),
            adversarial,
            critic_weight: base.critic_weight,
            jitter,
            dropout: base.dropout,
        })
    }

    /// Checks [height, width] of the images in training.
    pub(super) fn check_size(&self, [height, width]: [usize; 2]) -> Result<()> {
        let (option, multiple, least) = match &self.body {
            Body::SuperResolution { .. } => ("--crop", self.kind.scale(), 2 * self.kind.scale()),
            Body::Patches(PatchArgs { generator: PatchName::Unet, .. }) => ("--size", 1 << UNET_STEPS[0], 32),
            Body::Patches(PatchArgs { generator: PatchName::Resnet, .. }) => ("--size", 4, 8),
        };
        for side in [height, width] {
            ensure!(
                side.is_multiple_of(multiple) && side >= least,
                "{option}: a side of {side} pixels does not suit the network; choose a multiple of {multiple} from {least} on"
            );
        }
        Ok(())
    }

    /// The networks for images of [height, width] in training.
    pub(super) fn networks(&self, args: &PairedArgs, size: [usize; 2]) -> Result<Networks> {
        let channels = |count: usize| ((count as f64 * args.width).round() as usize).max(1);
        let inputs = input_channels(self.kind.task());
        let (mut generator, critic) = match &self.body {
            Body::SuperResolution { generator, blocks, .. } => {
                let (scale, blocks, width) = (self.kind.scale(), *blocks, channels(64));
                let generator = match generator {
                    SrName::Srgan => {
                        let options = SrganConfig { scale, blocks, channels: width, ..SrganConfig::default() };
                        TranslatorConfig::new("srgan", &options)?
                    }
                    SrName::Srresnet => {
                        TranslatorConfig::new("srresnet", &SrResNetConfig { scale, blocks, channels: width })?
                    }
                };
                let critic = SrDiscriminatorConfig { channels: width, hidden: channels(1024), size };
                (generator, CriticConfig::SuperResolution(critic))
            }
            Body::Patches(patch) => {
                let norm =
                    patch.norm.map_or(if self.batch == 1 { NormKind::Instance } else { NormKind::Batch }, Into::into);
                let generator = match patch.generator {
                    PatchName::Unet => {
                        let steps = (size[0] | size[1]).trailing_zeros().clamp(UNET_STEPS[0], UNET_STEPS[1]) as usize;
                        let (channels, dropout) = (channels(64), self.dropout);
                        let options = UnetConfig { steps, channels, inputs, outputs: 3, norm, dropout };
                        TranslatorConfig::new("unet", &options)?
                    }
                    PatchName::Resnet => {
                        let blocks = if size[0].min(size[1]) < LARGE { 6 } else { 9 };
                        let (channels, dropout) = (channels(64), self.dropout);
                        let options =
                            ResNetConfig { blocks, channels, inputs, outputs: 3, norm, dropout, residual: false };
                        TranslatorConfig::new("cyclegan", &options)?
                    }
                };
                // The scores of small images have at least 2 x 2 places.
                let fitting = (size[0].min(size[1]) / 4).max(2).ilog2() as usize;
                let layers = patch.patch_layers.unwrap_or(fitting.min(3));
                ensure!(layers <= fitting, "--patch-layers {layers}: at most {fitting} suit images of this size");
                let critic = PatchGanConfig { inputs: inputs + 3, channels: channels(64), layers, norm };
                (generator, CriticConfig::Patches(critic))
            }
        };
        let task = self.kind.task();
        generator.task = [Task::Completion, Task::Colorization].contains(&task).then_some(task);
        Ok(Networks { generator, critic: (self.adversarial > 0.0).then_some(critic) })
    }

    /// Everything that shapes the training, for the model file and to compare with a run that is resumed.
    pub(super) fn figures(&self, args: &PairedArgs) -> Map<String, Value> {
        let figures = json!({
            "pairs": self.kind,
            "target": self.target,
            "lr_g": self.rates[0],
            "lr_d": self.rates[1],
            "betas": self.betas,
            "pixel_loss": self.pixel,
            "pixel_weight": self.pixel_weight,
            "loss": self.loss,
            "adversarial": self.adversarial,
            "critic_weight": self.critic_weight,
            "perceptual_layer": args.perceptual.as_ref().map(|_| &args.perceptual_layer),
            "perceptual_loss": args.perceptual.as_ref().map(|_| Distance::from(args.perceptual_loss)),
            "perceptual_weight": args.perceptual.as_ref().map(|_| args.perceptual_weight),
            "variation": args.variation,
            "label_smoothing": args.label_smoothing,
            "instance_noise": args.instance_noise,
            "jitter": self.jitter,
            "flip": !args.no_flip,
            "width": args.width,
        });
        given(figures)
    }
}
