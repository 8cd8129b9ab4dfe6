//! `dl-embed`.

use anyhow::{Result, bail};
use clap::Parser;

use crate::common::{Common, Inputs, Io, Outcome, Tool};

/// (to be written)
#[derive(Parser, Debug)]
#[command(name = "dl-embed", version)]
pub struct Args {
    #[command(flatten)]
    inputs: Inputs,

    #[command(flatten)]
    common: Common,
}

impl Tool for Args {
    const NAME: &'static str = "dl-embed";

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(&self, _io: &mut Io) -> Result<Outcome> {
        bail!("not written yet")
    }
}
