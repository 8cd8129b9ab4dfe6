//! `dl-transfer tca`.

use anyhow::Result;
use dl_transfer::components::{TcaConfig, tca};
use serde_json::json;

use super::components::ComponentArgs;
use crate::common::{Io, Outcome};

/// Find components in which the two sides are alike (TCA; Pan et al. 2011)
///
/// Keeps the variance of the rows while the means of the two sides come together, in the space of a kernel. Labels are
/// not used. The model file of the exact kernel holds all rows of the fit; --landmarks and --random-features make it
/// small and the work linear in the number of rows.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  cat source.jsonl target.jsonl \\
    | dl-transfer normalize --rows l2 \\
    | dl-transfer tca --kernel primal --lambda 0.1 --components 3 \\
    > both.jsonl
  dl-transfer tca --kernel rbf --landmarks 20 --components 3 \\
    --output tca.safetensors both.jsonl > aligned.jsonl")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) components: ComponentArgs,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let args = &self.components;
        let problem = args.read(io)?;
        let config = TcaConfig {
            components: problem.components,
            regularization: problem.regularization,
            form: problem.form,
            approximation: problem.approximation,
            seed: problem.seed,
        };
        let fit = tca(problem.source.as_ref(), problem.target.as_ref(), &config)?;
        args.write(io, "tca", problem, fit.map, json!({ "eigenvalues": fit.eigenvalues }))
    }
}
