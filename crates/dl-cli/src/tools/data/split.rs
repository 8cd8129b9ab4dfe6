//! `dl-data split`: splits records into parts at random.
//!
//! The part of a sample depends only on its id and the seed, so it does not change when the dataset grows, is reordered
//! or cut into shards; the fractions are then only approximate. `--stratify` makes them exact, per label and in total:
//! the samples, sorted by label and then by a random number, are dealt one by one to the part that lacks most.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use dl_record::file::{Spool, write_inside};
use dl_record::{Line, Reader, Record, Writer};
use rand::Rng;

use super::to::plain_name;
use crate::common::{Common, Inputs, Io, Messages, Outcome, STRICT, each_line, not_an_input, one_line, report_broken};

/// Split records at random, reproducibly for the same --seed and ids
///
/// Each record gets a field `split` with the name of its part. With --output-dir, the records are instead written
/// unchanged to DIR/PART.jsonl, one file per part, and nothing is written to stdout.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-data from folder flowers \\
    | dl-data split --fractions 0.8,0.2 --stratify --output-dir splits
  dl-data split --fractions 0.7,0.1,0.2 < all.jsonl \\
    | jq -c 'select(.split == \"val\")'")]
pub(super) struct Args {
    /// Fraction of each part; the sum must be 1
    #[arg(long, value_name = "F,...", value_delimiter = ',', default_value = "0.8,0.2")]
    fractions: Vec<f64>,

    /// Names of the parts [default: train,test for two, train,val,test for three]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    parts: Vec<String>,

    /// Give each part its exact fraction of every label (`label`, or the set of labels of `objects`); needs a temporary
    /// file for all records
    #[arg(long)]
    stratify: bool,

    /// Write each part to DIR/PART.jsonl instead of stdout
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,

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
        let names = self.part_names()?;
        if let Some(folder) = &self.output_dir {
            names.iter().try_for_each(|name| not_an_input(&part_file(folder, name), &self.inputs))?;
        }
        let mut sink = match &self.output_dir {
            Some(_) => Sink::files(names.len())?,
            None => Sink::Stream,
        };
        let mut dealer = Dealer::new(&self.fractions, self.common.seed, self.stratify)?;
        let messages = io.messages.clone();
        let mut failed = 0;
        each_line(io, &self.inputs, |mut line, output| {
            let is_valid = check_line(&mut line, self.stratify, &messages);
            failed += usize::from(!is_valid);
            match dealer.deal(&line.record)? {
                Some(part) => sink.put(line.record, part, &names, output)?,
                None => dealer.keep(&line.record)?,
            }
            if !is_valid && self.common.strict {
                bail!(STRICT);
            }
            Ok(())
        })?;
        dealer.finish(|record, part| sink.put(record, part, &names, &mut io.output))?;
        if let Some(folder) = &self.output_dir {
            for line in sink.close(folder, &names)? {
                io.messages.note(line);
            }
        }
        Ok(Outcome::of(failed))
    }

    fn part_names(&self) -> Result<Vec<String>> {
        let sum: f64 = self.fractions.iter().sum();
        if (sum - 1.0).abs() > 1e-6 || self.fractions.iter().any(|fraction| !(0.0..=1.0).contains(fraction)) {
            bail!("--fractions: each must be from 0 to 1, and their sum must be 1, not {sum}");
        }
        let default: &[&str] = match self.fractions.len() {
            2 => &["train", "test"],
            3 => &["train", "val", "test"],
            _ => &[],
        };
        let names = if self.parts.is_empty() {
            default.iter().map(|name| (*name).to_owned()).collect()
        } else {
            self.parts.clone()
        };
        if self.parts.is_empty() && names.is_empty() {
            bail!("--fractions: without --parts, give two or three");
        }
        if names.len() != self.fractions.len() {
            bail!("--parts: expected {} names, one for each of --fractions", self.fractions.len());
        }
        if names.iter().collect::<BTreeSet<_>>().len() != names.len() {
            bail!("--parts: two parts have the same name");
        }
        names.iter().try_for_each(|name| plain_name(name).map(drop))?;
        Ok(names)
    }
}

/// Reports a line that cannot be read, and fails a record without a readable id or, if they count, readable labels.
fn check_line(line: &mut Line, stratify: bool, messages: &Messages) -> bool {
    if line.broken {
        report_broken(messages, line);
        return false;
    }
    let text = match line.record.id() {
        Ok(Some(_)) if stratify => labels(&line.record).err().map(one_line),
        Ok(Some(_)) => None,
        Ok(None) => Some("the record has no \"id\", which decides its part".to_owned()),
        Err(error) => Some(one_line(error)),
    };
    let Some(text) = text else { return true };
    messages.error(format_args!("{}: {text}", line.place));
    line.record.fail(messages.tool(), text);
    false
}

/// Assigns records to parts: at once, or, with `--stratify`, after all have been read.
struct Dealer<'a> {
    fractions: &'a [f64],
    seed: u64,
    waiting: Option<Waiting>,
}

/// Records in a temporary file, and a sort key for each: a number drawn from its labels, and one from its id.
struct Waiting {
    records: Spool,
    order: Vec<(u64, u64)>,
}

impl<'a> Dealer<'a> {
    fn new(fractions: &'a [f64], seed: u64, stratify: bool) -> Result<Self> {
        let waiting =
            stratify.then(|| -> Result<Waiting> { Ok(Waiting { records: Spool::new()?, order: Vec::new() }) });
        Ok(Self { fractions, seed, waiting: waiting.transpose()? })
    }

    fn draw(&self, what: &str, text: &str) -> u64 {
        dl_record::rng(self.seed, &format!("split/{what}/{text}")).next_u64()
    }

    /// The part, unless the record has to wait. An id that cannot be read counts as empty.
    fn deal(&self, record: &Record) -> Result<Option<usize>> {
        if self.waiting.is_some() {
            return Ok(None);
        }
        // The upper 53 bits as a number in [0, 1).
        let draw = (self.draw("id", &id(record)) >> 11) as f64 / (1_u64 << 53) as f64;
        let mut edge = 0.0;
        let part = self.fractions.iter().position(|fraction| {
            edge += fraction;
            draw < edge
        });
        Ok(Some(part.unwrap_or(self.fractions.len() - 1)))
    }

    fn keep(&mut self, record: &Record) -> Result<()> {
        let key = (self.draw("label", &labels(record)?), self.draw("id", &id(record)));
        if let Some(waiting) = &mut self.waiting {
            Writer::new(&mut waiting.records).write(record)?;
            waiting.order.push(key);
        }
        Ok(())
    }

    /// Assigns the waiting records, in the order in which they were read.
    fn finish(self, mut put: impl FnMut(Record, usize) -> Result<()>) -> Result<()> {
        let Some(Waiting { records, order }) = self.waiting else { return Ok(()) };
        let parts = dealt(&order, self.fractions);
        for (line, part) in Reader::new(records.into_reader()?, "temporary file", "dl-data").zip(parts) {
            put(line?.record, part)?;
        }
        Ok(())
    }
}

/// The part of each sample. In the order of their keys, each goes to the part that is furthest below its fraction, so
/// that the counts in every run of samples are exact to within one.
fn dealt(order: &[(u64, u64)], fractions: &[f64]) -> Vec<usize> {
    let mut sorted: Vec<usize> = (0..order.len()).collect();
    sorted.sort_by_key(|index| (order[*index], *index));
    let mut counts = vec![0_usize; fractions.len()];
    let mut parts = vec![0; order.len()];
    for (done, index) in sorted.into_iter().enumerate() {
        let lack = |part: usize| fractions[part] * (done + 1) as f64 - counts[part] as f64;
        let part = (0..fractions.len()).reduce(|best, part| if lack(part) > lack(best) { part } else { best });
        let part = part.unwrap_or(0);
        counts[part] += 1;
        parts[index] = part;
    }
    parts
}

fn part_file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.jsonl"))
}

fn id(record: &Record) -> String {
    record.id().ok().flatten().unwrap_or_default()
}

/// The sample's label, or the set of the labels of its objects.
fn labels(record: &Record) -> Result<String> {
    if record.has("error") {
        return Ok(String::new());
    }
    if let Some(label) = record.label()? {
        return Ok(label);
    }
    let objects = record.objects()?.unwrap_or_default();
    let labels: BTreeSet<String> = objects.into_iter().map(|object| object.label).collect();
    Ok(labels.into_iter().collect::<Vec<_>>().join("\n"))
}

/// Where the parts are written.
enum Sink {
    /// All to the output, with the field `split`.
    Stream,
    /// Each to its own temporary file, with a count.
    Files(Vec<(Spool, usize)>),
}

impl Sink {
    fn files(count: usize) -> Result<Self> {
        Ok(Self::Files((0..count).map(|_| Ok((Spool::new()?, 0))).collect::<Result<_>>()?))
    }

    fn put(&mut self, mut record: Record, part: usize, names: &[String], output: &mut dyn Write) -> Result<()> {
        match self {
            Self::Stream => {
                if !record.has("error") {
                    record.set("split", &names[part])?;
                }
                Ok(Writer::new(output).write(&record)?)
            }
            Self::Files(files) => {
                let (records, count) = &mut files[part];
                *count += 1;
                Ok(Writer::new(records).write(&record)?)
            }
        }
    }

    /// Moves the files into place; returns how many records are in each.
    fn close(self, folder: &Path, names: &[String]) -> Result<Vec<String>> {
        let Self::Files(files) = self else { return Ok(Vec::new()) };
        let mut lines = Vec::new();
        for ((records, count), name) in files.into_iter().zip(names) {
            let mut records = records.into_reader()?;
            let path = part_file(folder, name);
            let file = path.strip_prefix(folder).unwrap_or(&path);
            write_inside(folder, file, |output| Ok(io::copy(&mut records, output).map(drop)?))?;
            lines.push(format!("{}: {count} records", path.display()));
        }
        Ok(lines)
    }
}
