//! `dl-data shard`: selects every N-th record.

use anyhow::{Result, bail};
use dl_record::{Shard, Writer};

use crate::common::{Common, Inputs, Io, Outcome, STRICT, each_line, report_broken};

/// Print part I of N: every N-th record, starting at the I-th
///
/// The sizes of the parts differ by at most one record.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-data from voc VOC2007 | dl-data shard 1/8 \\
    | dl-propose selective-search")]
pub(super) struct Args {
    /// Part to print: I from 1 to N
    #[arg(value_name = "I/N")]
    shard: Shard,

    #[command(flatten)]
    inputs: Inputs,

    #[command(flatten)]
    common: Common,
}

impl Args {
    pub(super) fn common(&self) -> &Common {
        &self.common
    }

    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let messages = io.messages.clone();
        let (mut position, mut failed) = (0, 0);
        each_line(io, &self.inputs, |line, output| {
            let is_ours = self.shard.holds(position);
            position += 1;
            if !is_ours {
                return Ok(());
            }
            Writer::new(output).write(&line.record)?;
            if line.broken {
                report_broken(&messages, &line);
                failed += 1;
                if self.common.strict {
                    bail!(STRICT);
                }
            }
            Ok(())
        })?;
        Ok(Outcome::of(failed))
    }
}
