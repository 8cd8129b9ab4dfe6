//! `dl-finetune attributes`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::ValueEnum;
use dl_transfer::MatRef;
use dl_transfer::attributes::{ChoiceConfig, Dap, DapConfig, Eszsl, EszslConfig, Signatures, choose};
use dl_transfer::feature_head::HeadMethod;
use serde_json::json;

use super::table::HeadArgs;
use crate::common::{Io, Outcome, numbers, read_signatures};

/// Relate features to attributes of the classes, to recognize classes that were never seen (zero-shot)
///
/// ESZSL finds a bilinear map of features and attributes in closed form (Romera-Paredes and Torr 2015); DAP trains a
/// classifier of each attribute (Lampert et al. 2009). dl-classify --classes names the classes to choose from.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dl-finetune attributes --classes animals.csv \\
    --output attributes.safetensors features.jsonl
  dl-classify --model attributes.safetensors --classes unseen.csv \\
    new.jsonl")]
pub(super) struct Args {
    /// Attributes of the classes: CSV with the names of the attributes in the first line and a class in each other, or
    /// JSON {class: {attribute: value}}; it may have more classes than the records
    #[arg(long, value_name = "FILE")]
    classes: PathBuf,

    /// How to relate them
    #[arg(long, value_enum, default_value_t = MethodName::Eszsl)]
    method: MethodName,

    /// ESZSL's penalty on the side of the features [default: by holding out classes]
    #[arg(long, value_name = "X", value_parser = numbers::positive)]
    gamma: Option<f64>,

    /// ESZSL's penalty on the side of the attributes [default: by holding out classes]
    #[arg(long, value_name = "X", value_parser = numbers::positive)]
    lambda: Option<f64>,

    /// DAP's C, the inverse of the regularization strength
    #[arg(long, value_name = "X", default_value_t = DapConfig::default().cost, value_parser = numbers::positive)]
    cost: f64,

    #[command(flatten)]
    pub(super) head: HeadArgs,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let known = read_signatures(&self.classes).context("--classes")?;
        let (table, tally) = self.head.read(io)?;
        let (labels, classes) = table.known_classes();
        let signatures = known.select(&labels).context("--classes")?;
        let x = table.matrix();
        let method = match self.method {
            MethodName::Eszsl => {
                let config = self.penalties(io, x.as_ref(), &classes, &signatures)?;
                HeadMethod::Eszsl(Eszsl::new(x.as_ref(), &classes, &signatures, config)?, signatures)
            }
            MethodName::Dap => {
                let config = DapConfig { cost: self.cost, ..DapConfig::default() };
                let signatures = signatures.binary()?;
                let dap = Dap::new(x.as_ref(), &classes, &signatures, config)?;
                let ignored = dap.attributes.len() - dap.used.len();
                if ignored > 0 {
                    io.messages.note(format_args!(
                        "{ignored} attributes are the same for all classes of the records and are ignored"
                    ));
                }
                HeadMethod::Dap(dap, signatures)
            }
        };
        self.head.write(io, table, tally, labels, method, json!({}))
    }

    /// ESZSL's penalties: those stated, the others by holding out classes.
    fn penalties(&self, io: &Io, x: MatRef<f64>, classes: &[usize], signatures: &Signatures) -> Result<EszslConfig> {
        if let (Some(gamma), Some(lambda)) = (self.gamma, self.lambda) {
            return Ok(EszslConfig { gamma, lambda });
        }
        let mut config = ChoiceConfig { seed: self.head.common.seed, ..ChoiceConfig::default() };
        if let Some(gamma) = self.gamma {
            config.gammas = vec![gamma];
        }
        if let Some(lambda) = self.lambda {
            config.lambdas = vec![lambda];
        }
        let choice = choose(x, classes, signatures, &config)?;
        io.messages.note(format_args!(
            "gamma {} and lambda {}: held-out classes are recognized with accuracy {:.3}",
            choice.config.gamma, choice.config.lambda, choice.accuracy
        ));
        Ok(choice.config)
    }
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum MethodName {
    /// A bilinear map, in closed form
    Eszsl,
    /// A classifier of each attribute, which must be 0 or 1; others are cut at their mean
    Dap,
}
