//! `dl-transfer sstca`.

use anyhow::Result;
use dl_transfer::components::{SstcaConfig, sstca};
use serde_json::json;

use super::components::ComponentArgs;
use crate::common::{Io, Outcome, numbers};

/// Find components in which the two sides are alike and the source's labels are kept (semi-supervised TCA; Pan et al.
/// 2011)
///
/// As tca, but rows with the same label, and rows that are neighbors on either side, are drawn together. Records of the
/// source need a `label`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dl-transfer sstca --kernel rbf --components 3 both.jsonl > aligned.jsonl")]
pub(super) struct Args {
    /// Weight of the labels, from 0 to 1 (gamma in the paper)
    #[arg(long, value_name = "X", default_value_t = SstcaConfig::default().class_weight, value_parser = numbers::share)]
    class_weight: f64,

    /// Weight of the neighbors (lambda in the paper)
    #[arg(long, value_name = "X", default_value_t = SstcaConfig::default().graph_weight, value_parser = numbers::not_negative)]
    graph_weight: f64,

    /// Number of neighbors of each row
    #[arg(long, value_name = "K", default_value_t = SstcaConfig::default().neighbors, value_parser = numbers::count)]
    neighbors: usize,

    #[command(flatten)]
    pub(super) components: ComponentArgs,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let args = &self.components;
        let problem = args.read(io)?;
        let (_, classes) = problem.classes()?;
        let config = SstcaConfig {
            components: problem.components,
            regularization: problem.regularization,
            form: problem.form,
            approximation: problem.approximation,
            class_weight: self.class_weight,
            graph_weight: self.graph_weight,
            neighbors: self.neighbors,
            seed: problem.seed,
        };
        let fit = sstca(problem.source.as_ref(), &classes, problem.target.as_ref(), &config)?;
        args.write(io, "sstca", problem, fit.map, json!({ "eigenvalues": fit.eigenvalues }))
    }
}
