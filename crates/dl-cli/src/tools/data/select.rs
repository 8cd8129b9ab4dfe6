//! `dl-data select`: keeps the records that meet conditions.

use anyhow::{Result, bail};
use dl_record::{Record, Writer};

use super::condition::Condition;
use crate::common::{Common, Inputs, Io, Outcome, STRICT, counted, each_line, one_line, report_broken, report_failed};

/// Print the records that meet all conditions, unchanged
///
/// A condition of --where is FIELD (it exists), !FIELD (it does not), or FIELD OPERATOR VALUE with one of = != < <= > >=.
/// FIELD may name what is inside a field: predictions.0.score. Numbers are compared as numbers, and all else as text. The exit
/// status is 1 if no record is left.
#[derive(clap::Args, Debug)]
#[command(mut_arg("inputs", crate::common::only_records))]
#[command(after_help = "Examples:
  dl-data select --domain source both.jsonl
  dl-data select --label cat,dog --where 'width>=640' pets.jsonl
  dl-data select --where 'predictions.0.score<0.5' classified.jsonl")]
pub(super) struct Args {
    /// Domains to keep
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    domain: Vec<String>,

    /// Labels to keep
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    label: Vec<String>,

    /// Condition to meet; repeat for several
    #[arg(long = "where", value_name = "CONDITION", value_parser = str::parse::<Condition>)]
    conditions: Vec<Condition>,

    /// Print the other records instead
    #[arg(long)]
    invert: bool,

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
        if self.domain.is_empty() && self.label.is_empty() && self.conditions.is_empty() {
            bail!("no condition: give --domain, --label or --where");
        }
        let messages = io.messages.clone();
        let (mut read, mut kept, mut failed) = (0_usize, 0_usize, 0);
        each_line(io, &self.inputs, |mut line, output| {
            read += 1;
            let keep = if line.broken {
                report_broken(&messages, &line);
                None
            } else {
                self.keeps(&line.record)
                    .map_err(|error| {
                        let text = one_line(&error);
                        report_failed(&messages, &line.place, &text);
                        line.record.fail(messages.tool(), text);
                    })
                    .ok()
            };
            failed += usize::from(keep.is_none());
            // A record that cannot be judged is not lost.
            if keep.unwrap_or(true) {
                kept += 1;
                Writer::new(output).write(&line.record)?;
            }
            if keep.is_none() && self.common.strict {
                bail!(STRICT);
            }
            Ok(())
        })?;
        if read > 0 && kept == 0 {
            messages.error(format_args!("none of {} is selected", counted(read, "record")));
            failed = 1;
        }
        Ok(Outcome::of(failed))
    }

    fn keeps(&self, record: &Record) -> Result<bool> {
        let is_in = |names: &[String], value: Option<String>| {
            names.is_empty() || value.is_some_and(|value| names.contains(&value))
        };
        let mut meets = is_in(&self.domain, record.domain()?) && is_in(&self.label, record.label()?);
        for condition in &self.conditions {
            meets = meets && condition.holds(record)?;
        }
        Ok(meets != self.invert)
    }
}
