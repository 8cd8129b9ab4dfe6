//! The options of the network that training starts from.

use std::path::{Path, PathBuf};

use anyhow::Result;
use dl_train::classifier::{Freeze, StartConfig, StartingPoint};
use serde::Serialize;

use super::texts::start_digest;
use crate::common::{Messages, digest, numbers};

/// Which network to train.
#[derive(clap::Args, Serialize, Debug)]
#[command(next_help_heading = "Network")]
pub(super) struct NetworkArgs {
    /// Pretrained model to start from. The classification layer is reinitialized unless the labels are the same
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub(super) init_from: Option<PathBuf>,

    /// Architecture to train from scratch, or of a file of bare weights; see dl-model list
    #[arg(long, value_name = "NAME")]
    pub(super) arch: Option<String>,

    /// Factor on the number of channels, if the architecture supports it
    #[arg(long, value_name = "X", value_parser = numbers::positive)]
    pub(super) width_mult: Option<f64>,

    /// Side of the network's input in pixels [default: that of --init-from, or 224]
    #[arg(long, value_name = "PIXELS", value_parser = numbers::side)]
    pub(super) size: Option<usize>,
}

impl NetworkArgs {
    /// The pretrained model.
    pub(super) fn file(&self) -> Option<&Path> {
        self.init_from.as_deref()
    }

    /// What to start from, with the layers of `freeze` frozen. With `from_scratch`, the file only describes the network.
    pub(super) fn start(&self, freeze: Freeze, from_scratch: bool, seed: u64) -> StartConfig {
        StartConfig {
            init_from: self.init_from.clone(),
            architecture: self.arch.clone(),
            width: self.width_mult,
            size: self.size,
            freeze,
            from_scratch,
            seed,
        }
    }

    /// The digest of the pretrained model.
    pub(super) fn digest(&self) -> Result<Option<String>> {
        // A folder stands for the files of its weights.
        let of_path = |path: &Path| match path.is_dir() {
            true => Ok(start_digest(path)?.join(" ")),
            false => Ok(digest(path)?.1),
        };
        self.file().map(of_path).transpose()
    }

    /// What a user should know about the network that training starts from.
    pub(super) fn report(&self, start: &StartingPoint, messages: &Messages) {
        if let (Some(note), Some(path)) = (&start.model.note, self.file()) {
            messages.note(format_args!("model {}: {note}", path.display()));
        }
        if let Some(fit) = start.fit.as_ref().filter(|fit| !fit.is_whole()) {
            messages.note(fit.report());
        }
        report_frozen(start.frozen, start.parameters.tensors().len(), messages);
    }
}

/// Says how many tensors are frozen, if any are.
pub(super) fn report_frozen(frozen: usize, all: usize, messages: &Messages) {
    if frozen > 0 {
        messages.note(format_args!("{frozen} of {all} tensors are frozen"));
    }
}
