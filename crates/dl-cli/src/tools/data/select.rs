//! `dl-data select`: keeps the records that meet conditions.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use anyhow::{Result, bail, ensure};
use clap::ValueEnum;
use dl_record::{Record, Writer, rng};
use dl_transfer::FeatureTable;
use dl_transfer::summary::{Centrality, SummaryConfig, central};
use rand::RngExt;

use super::condition::Condition;
use crate::common::{
    Common, FirstPass, Inputs, Io, Job, Outcome, STRICT, counted, each_line, first_pass, numbers, one_line,
    report_broken, report_failed, second_pass, text_of,
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
  dl-data select --sample 5 --group label pets.jsonl > few.jsonl
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

    /// Of the records that meet the conditions, keep N of each --group at random; which ones depends on --seed and their
    /// ids, not on their order
    #[arg(long, value_name = "N", value_parser = numbers::count, conflicts_with_all = ["invert", "central"])]
    sample: Option<usize>,

    /// Field whose values are the groups of --central or --sample [default: all records are one]
    #[arg(long, value_name = "FIELD")]
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
        if let Some(count) = self.sample {
            return self.drawn(io, count);
        }
        ensure!(self.group.is_none(), "--group is that of --central or --sample; add one of them");
        if self.domain.is_empty() && self.label.is_empty() && self.conditions.is_empty() {
            bail!("no condition: give --domain, --label, --where, --central or --sample");
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
        let mut table = FeatureTable::new(self.layer.clone());
        let mut groups: Vec<String> = Vec::new();
        let mut met = Vec::new();
        let first = first_pass(io, self.job(), |record| {
            let keep = self.keeps(record)?;
            if keep {
                let group = self.group_of(record)?;
                table.push(record)?;
                groups.push(group);
            }
            met.push(keep);
            Ok(())
        })?;
        self.check_groups(groups.iter())?;
        let config = SummaryConfig {
            count,
            centrality: self.centrality.into(),
            repeat: self.repeat,
            ..SummaryConfig::default()
        };
        let chosen = central(table.matrix().as_ref(), &groups, &config)?;
        let why = |record: &Record| {
            table.intake.clone().take(record)?;
            self.group_of(record).map(drop)
        };
        self.write(io, &first, &met, chosen.into_iter().collect(), why)
    }

    /// Keeps records of each group drawn at random, in their order. Only the numbers of those that may be kept are in
    /// memory: the ones with the smallest of random keys.
    fn drawn(&self, io: &mut Io, count: usize) -> Result<Outcome> {
        let seed = self.common.seed;
        let mut groups: BTreeMap<String, BinaryHeap<(u64, usize)>> = BTreeMap::new();
        let (mut met, mut place) = (Vec::new(), 0);
        let first = first_pass(io, self.job(), |record| {
            let keep = self.keeps(record)?;
            if keep {
                let group = groups.entry(self.group_of(record)?).or_default();
                // Records without an id are told apart by their places.
                let id = record.id()?.unwrap_or_else(|| format!("\0{place}"));
                group.push((rng(seed, &id).random(), place));
                if group.len() > count {
                    group.pop();
                }
                place += 1;
            }
            met.push(keep);
            Ok(())
        })?;
        self.check_groups(groups.keys())?;
        let chosen = groups.into_values().flatten().map(|(_, place)| place).collect();
        self.write(io, &first, &met, chosen, |record| self.group_of(record).map(drop))
    }

    /// Writes the chosen ones of those records that met the conditions.
    fn write(
        &self,
        io: &mut Io,
        first: &FirstPass,
        met: &[bool],
        chosen: BTreeSet<usize>,
        why: impl Fn(&Record) -> Result<()>,
    ) -> Result<Outcome> {
        let (mut met, mut place) = (met.iter(), 0);
        let outcome = second_pass(io, self.job(), first, why, |_| {
            let keep = met.next() == Some(&true);
            place += usize::from(keep);
            Ok(keep && chosen.contains(&(place - 1)))
        })?;
        let read = first.accepted.len();
        if read > 0 && chosen.is_empty() && outcome == Outcome::AllWell {
            io.messages.error(format_args!("none of {} is selected", counted(read, "record")));
            return Ok(Outcome::SomeFailed);
        }
        Ok(outcome)
    }

    fn job(&self) -> Job<'_> {
        Job { common: &self.common, inputs: &self.inputs }
    }

    fn group_of(&self, record: &Record) -> Result<String> {
        match &self.group {
            Some(field) => text_of(record, field, "--group"),
            None => Ok(String::new()),
        }
    }

    /// Fails when the field of the groups is in no record.
    fn check_groups<'a>(&self, mut found: impl ExactSizeIterator<Item = &'a String>) -> Result<()> {
        match &self.group {
            Some(field) if found.len() > 0 && found.all(String::is_empty) => {
                bail!("--group {field}: no record has this field")
            }
            _ => Ok(()),
        }
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
