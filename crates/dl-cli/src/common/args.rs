//! Options that mean the same in every program.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use anyhow::{Context, Result, bail};
use candle_core::Device;
use clap::{Args, ValueEnum};
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

    /// Threads to compute with; the result does not depend on it [default: one a core]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,

    /// Seed of every random draw
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// Stop at the first record that fails
    #[arg(long)]
    pub strict: bool,
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
    /// When the name is unknown, or this build or machine has no such device.
    pub fn open(&self) -> Result<Device> {
        let unusable = || format!("--device {}: not usable in this build or on this machine", self.device);
        match self.device.split_once(':').unwrap_or((&self.device, "0")) {
            ("cpu", "0") => Ok(Device::Cpu),
            ("cuda", ordinal) => Device::new_cuda(ordinal.parse().with_context(unusable)?).with_context(unusable),
            ("metal", ordinal) => Device::new_metal(ordinal.parse().with_context(unusable)?).with_context(unusable),
            _ => bail!("--device {}: want cpu, cuda:N or metal", self.device),
        }
    }
}

/// The options of every program that shows regions to a network. Training and use must agree in them.
#[derive(Args, Clone, Debug)]
pub struct WarpArgs {
    /// How a region becomes the network's input
    #[arg(long, value_enum, default_value_t = WarpRule::Context)]
    warp: WarpRule,

    /// Context around a region, in pixels of the network's input
    #[arg(long, value_name = "PIXELS", default_value_t = 16)]
    pub pad: usize,
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
    /// `--warp`.
    pub fn rule(&self) -> Warp {
        match self.warp {
            WarpRule::Context => Warp::Context,
            WarpRule::Tight => Warp::Tight,
            WarpRule::Square => Warp::Square,
        }
    }

    /// Fails when `--pad` leaves nothing of an input of `size` [height, width].
    /// # Errors
    /// When it does.
    pub fn check(&self, size: [usize; 2]) -> Result<()> {
        if size.iter().any(|side| 2 * self.pad >= *side) {
            bail!("--pad {}: nothing is left of an input of {} x {} pixels", self.pad, size[1], size[0]);
        }
        Ok(())
    }
}
