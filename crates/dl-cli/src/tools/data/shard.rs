//! `dl-data shard`: every N-th record.

use anyhow::{Result, bail};
use dl_record::{Shard, Writer};

use crate::common::{Common, Inputs, Io, Outcome, STRICT, say_broken};

/// Passes part I of N of the records on: every N-th, so that the parts differ by one record at most
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  dl-data from voc VOC2007 | dl-data shard 1/8 | dl-propose selective-search")]
pub(super) struct Args {
    /// The part, I from 1 to N
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
        let lines = self.inputs.lines(&mut *io.input, &io.messages)?;
        let mut writer = Writer::new(&mut io.output);
        let mut failed = 0;
        for (position, line) in (0..).zip(lines) {
            let line = line?;
            io.messages.bar().inc(1);
            if !self.shard.holds(position) {
                continue;
            }
            writer.write(&line.record)?;
            if line.broken {
                say_broken(&io.messages, &line);
                failed += 1;
                if self.common.strict {
                    writer.flush()?;
                    bail!(STRICT);
                }
            }
        }
        Ok(Outcome::of(failed))
    }
}
