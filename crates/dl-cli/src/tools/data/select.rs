//! `dl-data select`: keeps the records that meet conditions.

use anyhow::{Result, bail};
use clap::ValueEnum;
use dl_record::{Record, Writer};
use dl_transfer::FeatureTable;
use dl_transfer::summary::{Centrality, SummaryConfig, central};

use super::condition::Condition;
use crate::common::{
    Common, Inputs, Io, Job, Outcome, STRICT, counted, each_line, first_pass, numbers, one_line, report_broken,
    report_failed, second_pass, text_of,
};

/// Print the records that meet all conditions, unchanged
///
/// A condition of --where is FIELD (it exists), !FIELD (it does not), or FIELD OPERATOR VALUE. The operators are
/// = != < <= > and >=. FIELD may name what is inside a field: predictions.0.score. Numbers are compared as numbers,
/// and all else as text. The exit status is 1 if no record is left.
#[derive(clap::Args, Debug)]
#[command(mut_arg("inputs", crate::common::only_records))]
#[command(after_help = "Examples:
  dl-data select --domain source both.jsonl
  dl-data select --label cat,dog --where 'width>=300' pets.jsonl
  dl-data select --where 'predictions.0.score<0.5' predicted.jsonl
  dl-embed --model bert --layer encoder.layer.11 --pool mean \\
    sentences.jsonl | dl-data select --central 3 --group document")]
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

    /// Of the records that meet the conditions, keep the N most central of each --group by their features, for example
    /// to summarize documents by their sentences
    #[arg(long, value_name = "N", value_parser = numbers::count, conflicts_with = "invert")]
    central: Option<usize>,

    /// Field whose values are the groups of --central [default: all records are one]
    #[arg(long, value_name = "FIELD", requires = "central")]
    group: Option<String>,

    /// Layer of --central [default: the only one in the records]
    #[arg(long, value_name = "LAYER", requires = "central")]
    layer: Option<String>,

    /// How central a record is, for --central
    #[arg(long, value_enum, default_value_t = CentralityName::LexRank, requires = "central")]
    centrality: CentralityName,

    /// Skip a record whose features have a cosine above this with one that is kept, for --central
    #[arg(long, value_name = "X", default_value_t = SummaryConfig::default().repeat, value_parser = numbers::share, requires = "central")]
    repeat: f64,

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
        if let Some(count) = self.central {
            return self.most_central(io, count);
        }
        if self.domain.is_empty() && self.label.is_empty() && self.conditions.is_empty() {
            bail!("no condition: give --domain, --label, --where or --central");
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

    /// Keeps the most central records of each group, in their order.
    fn most_central(&self, io: &mut Io, count: usize) -> Result<Outcome> {
        let job = Job { common: &self.common, inputs: &self.inputs };
        let mut table = FeatureTable::new(self.layer.clone());
        let mut groups: Vec<String> = Vec::new();
        let mut met = Vec::new();
        let group = |record: &Record| match &self.group {
            Some(field) => text_of(record, field, "--group"),
            None => Ok(String::new()),
        };
        let first = first_pass(io, job, |record| {
            let keep = self.keeps(record)?;
            if keep {
                let group = group(record)?;
                table.push(record)?;
                groups.push(group);
            }
            met.push(keep);
            Ok(())
        })?;
        if let Some(field) = &self.group
            && !groups.is_empty()
            && groups.iter().all(String::is_empty)
        {
            bail!("--group {field}: no record has this field");
        }
        let config = SummaryConfig {
            count,
            centrality: self.centrality.into(),
            repeat: self.repeat,
            ..SummaryConfig::default()
        };
        let chosen = central(table.matrix().as_ref(), &groups, &config)?;
        let mut is_chosen = vec![false; table.len()];
        chosen.iter().for_each(|row| is_chosen[*row] = true);
        let (mut met, mut is_chosen) = (met.into_iter(), is_chosen.into_iter());
        let read = first.accepted.len();
        let why = |record: &Record| table.intake.clone().take(record).map(drop).and_then(|()| group(record).map(drop));
        let outcome = second_pass(io, job, &first, why, |_| {
            Ok(met.next().unwrap_or_default() && is_chosen.next().unwrap_or_default())
        })?;
        if read > 0 && chosen.is_empty() && outcome == Outcome::AllWell {
            io.messages.error(format_args!("none of {} is selected", counted(read, "record")));
            return Ok(Outcome::SomeFailed);
        }
        Ok(outcome)
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

#[derive(ValueEnum, Clone, Copy, Debug)]
enum CentralityName {
    /// Visits of a random walk between similar records (LexRank; Erkan and Radev 2004)
    #[value(name = "lexrank")]
    LexRank,
    /// Cosine to the mean
    Centroid,
}

impl From<CentralityName> for Centrality {
    fn from(name: CentralityName) -> Self {
        match name {
            CentralityName::LexRank => Self::LexRank,
            CentralityName::Centroid => Self::Centroid,
        }
    }
}
