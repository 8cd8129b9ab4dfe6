//! Options that mean the same in every program.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use anyhow::{Context, Result, bail};
use candle_core::Device;
use clap::builder::{RangedU64ValueParser, TypedValueParser};
use clap::{Args, ValueEnum};
use dl_models::{ModelConfig, plain};
use dl_vision::picture::warp::Warp;

/// Options of every program.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Common options")]
pub struct Common {
    /// Say nothing on stderr but errors, and draw no progress bar
    #[arg(short, long)]
    pub quiet: bool,

    /// Say more on stderr; twice for still more
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,

    /// Threads to compute with, at most 1024; the result does not depend on it [default: one a core]
    #[arg(long, value_name = "N", value_parser = threads_parser())]
    pub threads: Option<NonZeroUsize>,

    /// Seed of every random draw
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// Stop at the first record that fails
    #[arg(long)]
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

/// The option of every program that runs a network.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Common options")]
pub struct DeviceArgs {
    /// Where to compute: cpu, cuda:N or metal
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub device: String,
}

impl DeviceArgs {
    /// Opens the device.
    /// # Errors
    /// When the name is unknown, this build knows no such device, or the machine has none.
    pub fn open(&self) -> Result<Device> {
        let name = &self.device;
        let (kind, ordinal) = name.split_once(':').unwrap_or((name, "0"));
        let Ok(ordinal) = ordinal.parse() else { bail!("--device {name}: after the colon a number is wanted") };
        let open = match (kind, ordinal) {
            ("cpu", 0) => return Ok(Device::Cpu),
            ("cuda", _) if cfg!(feature = "cuda") => Device::new_cuda,
            ("metal", _) if cfg!(feature = "metal") => Device::new_metal,
            ("cuda" | "metal", _) => bail!(
                "--device {name}: this build computes on the CPU alone; \
                 cargo build --release --workspace --features dl-cli/{kind} makes one that can"
            ),
            _ => bail!("--device {name}: want cpu, cuda:N or metal"),
        };
        open(ordinal).map_err(plain).with_context(|| format!("--device {name}: cannot be used on this machine"))
    }
}

/// The options of every program that shows regions to a network. Training and use must agree in them, so what the model
/// file says of its training is the default.
#[derive(Args, Clone, Debug, Default)]
pub struct WarpArgs {
    /// How a region becomes the network's input [default: as the network was trained, or context]
    #[arg(long, value_enum)]
    warp: Option<WarpRule>,

    /// Context around a region, in pixels of the network's input [default: as the network was trained, or 16; an
    /// eighth of an input of 32 pixels or less]
    #[arg(long, value_name = "PIXELS")]
    pad: Option<usize>,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum WarpRule {
    /// Stretched, with --pad pixels of context on every side
    Context,
    /// Stretched, without context
    Tight,
    /// The tightest square around it, with context
    Square,
}

impl WarpArgs {
    /// The rule and the context for the network of `config`: as the options say, else as it was trained, else as R-CNN
    /// has it.
    /// # Errors
    /// When the context leaves nothing of the network's input.
    pub fn resolve(&self, config: &ModelConfig) -> Result<RegionWarp> {
        let trained = |key: &str| config.training.get(key);
        let rule = self.warp.or_else(|| WarpRule::from_str(trained("warp")?.as_str()?, true).ok());
        let size = config.preprocessing.size;
        let shorter = size[0].min(size[1]);
        let usual = if shorter > 32 { 16 } else { shorter / 8 };
        let stated = self.pad.or_else(|| usize::try_from(trained("pad")?.as_u64()?).ok());
        let pad = stated.unwrap_or(usual);
        if size.iter().any(|side| pad.saturating_mul(2) >= *side) {
            let whose = if self.pad.is_some() { "--pad" } else { "the model's config: training.pad" };
            bail!("{whose} {pad}: nothing is left of an input of {} x {} pixels", size[1], size[0]);
        }
        let rule = match rule.unwrap_or(WarpRule::Context) {
            WarpRule::Context => Warp::Context,
            WarpRule::Tight => Warp::Tight,
            WarpRule::Square => Warp::Square,
        };
        Ok(RegionWarp { rule, pad })
    }
}

/// How regions are shown to a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionWarp {
    /// What is stretched.
    pub rule: Warp,
    /// Context, in pixels of the network's input.
    pub pad: usize,
}
