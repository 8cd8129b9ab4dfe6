//! `dl-transfer jda`.

use anyhow::Result;
use dl_transfer::components::{JdaConfig, jda};
use serde_json::json;

use super::components::ComponentArgs;
use crate::common::{Io, Outcome, numbers};

/// Find components in which the two sides, and their classes one by one, are alike (JDA; Long et al. 2013)
///
/// As tca, but the classes come together as well: in every round, the class of each target row is guessed from its
/// nearest source row. Records of the source need a `label`; labels of the target are not used. For nearest neighbors,
/// scale the rows to length 1 before and after, as the authors do.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dl-transfer normalize --rows l2 both.jsonl \\
    | dl-transfer jda --kernel primal --lambda 0.1 --components 3 \\
    | dl-transfer normalize --rows l2 > aligned.jsonl")]
pub(super) struct Args {
    /// Maximum number of rounds; fewer when the guesses no longer change
    #[arg(long, value_name = "N", default_value_t = JdaConfig::default().rounds, value_parser = numbers::rounds)]
    rounds: usize,

    #[command(flatten)]
    pub(super) components: ComponentArgs,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let args = &self.components;
        let problem = args.read(io)?;
        let (_, classes) = problem.classes()?;
        let config = JdaConfig {
            components: problem.components,
            regularization: problem.regularization,
            form: problem.form,
            approximation: problem.approximation,
            rounds: self.rounds,
            seed: problem.seed,
        };
        let found = jda(problem.source.as_ref(), &classes, problem.target.as_ref(), &config)?;
        let more = json!({ "eigenvalues": found.fit.eigenvalues, "rounds": found.rounds });
        args.write(io, "jda", problem, found.fit.map, more)
    }
}
