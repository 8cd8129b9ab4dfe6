//! Options that mean the same in every program.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use anyhow::{Context, Result, bail};
use candle_core::Device;
use clap::builder::{RangedU64ValueParser, TypedValueParser};
use clap::{Args, ValueEnum};
use dl_models::detection::Preset;
use dl_models::{ModelConfig, plain};
use dl_vision::picture::warp::Warp;
use serde::Serialize;

/// Options of every program.
#[derive(Args, Serialize, Clone, Debug, Default)]
#[command(next_help_heading = "Common options")]
pub struct Common {
    /// Print only errors on stderr, and no progress display
    #[arg(short, long)]
    #[serde(skip)]
    pub quiet: bool,

    /// Print details on stderr, and every repeated message
    #[arg(short, long, action = clap::ArgAction::Count)]
    #[serde(skip)]
    pub verbose: u8,

    /// Number of threads, at most 1024; does not affect the results [default: one per core]
    #[arg(long, value_name = "N", value_parser = threads_parser())]
    #[serde(skip)]
    pub threads: Option<NonZeroUsize>,

    /// Seed of all random numbers
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// Stop at the first record that fails
    #[arg(long)]
    #[serde(skip)]
    pub strict: bool,
}

fn threads_parser() -> impl TypedValueParser<Value = NonZeroUsize> {
    RangedU64ValueParser::<usize>::new().range(1..=1024).try_map(NonZeroUsize::try_from)
}

impl Common {
    /// `--threads`, or the number of cores.
    pub fn thread_count(&self) -> usize {
        self.threads.or_else(|| available_parallelism().ok()).map_or(1, NonZeroUsize::get)
    }
}

/// Option of every program that runs a network.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Common options")]
pub struct DeviceArgs {
    /// Device to compute on: cpu, cuda:N or metal
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub device: String,
}

impl DeviceArgs {
    /// Opens the device.
    /// # Errors
    /// When the name is unknown, this build does not support the device, or the machine does not have it.
    pub fn open(&self) -> Result<Device> {
        let name = &self.device;
        let (kind, ordinal) = name.split_once(':').unwrap_or((name, "0"));
        let Ok(ordinal) = ordinal.parse() else { bail!("--device {name}: expected a number after ':'") };
        let open = match (kind, ordinal) {
            ("cpu", 0) => return Ok(Device::Cpu),
            ("cuda", _) if cfg!(feature = "cuda") => Device::new_cuda,
            ("metal", _) if cfg!(feature = "metal") => Device::new_metal,
            ("cuda" | "metal", _) => bail!(
                "--device {name}: this build supports the CPU only; build one for {kind} with \
                 cargo build --release --workspace --features dl-cli/{kind}"
            ),
            _ => bail!("--device {name}: expected cpu, cuda:N or metal"),
        };
        open(ordinal).map_err(plain).with_context(|| format!("--device {name}: cannot be used on this machine"))
    }
}

/// Options of every program that passes regions to a network. They must be the same in training and in use, so the
/// defaults are those recorded in the model file.
#[derive(Args, Clone, Debug, Default)]
pub struct WarpArgs {
    /// How to warp a region to the network's input size [default: as the network was trained, or context]
    #[arg(long, value_enum)]
    warp: Option<WarpRule>,

    /// Context around a region, in pixels of the network's input [default: as the network was trained, or 16; for
    /// inputs of at most 32 pixels, an eighth of the side]
    #[arg(long, value_name = "PIXELS")]
    pad: Option<usize>,
}

/// `--recipe`.
#[derive(ValueEnum, Serialize, Clone, Copy, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum RecipeName {
    /// torchvision: R-CNNs, SSD, SSDlite
    Torchvision,
    /// detectron2: R-CNNs
    Detectron2,
    /// The papers' programs in Caffe: R-CNNs, SSD
    Caffe,
    /// darknet: YOLO
    Darknet,
}

impl From<RecipeName> for Preset {
    fn from(name: RecipeName) -> Self {
        match name {
            RecipeName::Torchvision => Self::Torchvision,
            RecipeName::Detectron2 => Self::Detectron2,
            RecipeName::Caffe => Self::Caffe,
            RecipeName::Darknet => Self::Darknet,
        }
    }
}

/// The name of an option's value on the command line.
pub(crate) fn value_name(value: &impl ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum WarpRule {
    /// Stretch it, with --pad pixels of context on every side
    Context,
    /// Stretch it, without context
    Tight,
    /// Take the tightest square around it, with context
    Square,
}

impl WarpArgs {
    /// The rule and the context for the network of `config`: from the options, else as in training, else as in R-CNN.
    /// # Errors
    /// When the context leaves no room for the region.
    pub fn resolve(&self, config: &ModelConfig) -> Result<RegionWarp> {
        let trained = |key: &str| config.provenance.training.get(key);
        let rule = self.warp.or_else(|| WarpRule::from_str(trained("warp")?.as_str()?, true).ok());
        let size = config.preprocessing.size;
        let shorter = size[0].min(size[1]);
        let default = if shorter > 32 { 16 } else { shorter / 8 };
        let stated = self.pad.or_else(|| usize::try_from(trained("pad")?.as_u64()?).ok());
        let pad = stated.unwrap_or(default);
        if size.iter().any(|side| pad.saturating_mul(2) >= *side) {
            let whose = if self.pad.is_some() { "--pad" } else { "the model's config: training.pad" };
            bail!("{whose} {pad}: too large for an input of {} x {} pixels", size[1], size[0]);
        }
        let rule = match rule.unwrap_or(WarpRule::Context) {
            WarpRule::Context => Warp::Context,
            WarpRule::Tight => Warp::Tight,
            WarpRule::Square => Warp::Square,
        };
        Ok(RegionWarp { rule, pad })
    }
}

/// How regions are warped for a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionWarp {
    /// Which part of the image is stretched.
    pub rule: Warp,
    /// Context, in pixels of the network's input.
    pub pad: usize,
}
