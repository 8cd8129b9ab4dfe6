//! Options that mean the same in every program.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use anyhow::{Context, Result, bail};
use candle_core::Device;
use clap::Args;

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
