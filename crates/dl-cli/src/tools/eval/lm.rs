//! `dl-eval lm`: likelihood of texts under a language model.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use dl_models::ModelFile;
use dl_models::text::{TextModel, loss};
use dl_record::{Record, Writer, write_atomically};
use serde_json::json;

use super::Found;
use super::report::{Cell, Format, Report};
use super::source::carrying;
use crate::common::{Common, DeviceArgs, Inputs, Io, Job, Outcome, Tally, each_record, not_an_input};

/// Compute the negative log-likelihood and the perplexity of texts under a language model
///
/// Every token of each record's `text`, and the end of the text, is predicted from the tokens before it. nll is the
/// mean negative log-likelihood of a token in nats, perplexity is e^nll, and per_text is the mean negative
/// log-likelihood of a whole text. A text that exceeds the model's context is split into parts; each begins with the
/// last token of the part before.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-eval lm --model names_gpt.safetensors < held-out.jsonl | jq .nll
  dl-eval lm --model gpt2/ --records scored.jsonl --format table \\
    texts.jsonl")]
#[command(mut_arg("inputs", crate::common::only_records))]
pub(super) struct Args {
    #[command(flatten)]
    inputs: Inputs,

    /// Model file of a GPT-2, or a Hugging Face model folder
    #[arg(long, value_name = "FILE|DIR")]
    model: PathBuf,

    /// Also write the records to this file, each with its `nll` (mean over its tokens) and its number of `tokens`
    #[arg(long, value_name = "FILE")]
    records: Option<PathBuf>,

    /// Output format [default: table on a terminal, otherwise json]
    #[arg(long, value_enum)]
    format: Option<Format>,

    #[command(flatten)]
    device: DeviceArgs,

    #[command(flatten)]
    pub(super) common: Common,
}

/// Tokens per batch, unless one text has more.
const TOKENS: usize = 4096;

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let model = ModelFile::open_text(&self.model, &self.device.open()?)?;
        model.gpt2().with_context(|| format!("model {}", self.model.display()))?;
        let (total, tally) = match &self.records {
            None => self.measure(io, &model, None)?,
            Some(path) => {
                not_an_input(path, &self.inputs)?;
                self.inputs.check_terminal(io)?;
                let mut measured = None;
                write_atomically(path, |output| {
                    measured = Some(self.measure(io, &model, Some(output))?);
                    Ok(())
                })?;
                measured.context("the file was not written")?
            }
        };
        if tally.carried > 0 {
            io.messages.note(format_args!("{} \"error\"; left out of the figures", carrying(tally.carried)));
        }
        let errors = tally.failed + tally.carried;
        let all = Found { label: "", truth: total.texts, found: total.texts };
        let empty = super::why_empty(tally, "text", &[all]);
        if let Some(why) = &empty {
            io.messages.error(why);
        }
        if tally.good + errors > 0 {
            total.report(errors).write(io, self.format)?;
        }
        Ok(Outcome::of(tally.failed + usize::from(empty.is_some())))
    }

    /// Measures the records and writes them with their figures to `output`.
    fn measure(&self, io: &mut Io, model: &TextModel, output: Option<&mut dyn Write>) -> Result<(Total, Tally)> {
        let output = output.map(|output| Writer::new(output as &mut dyn Write));
        let mut scores = Scores { model, waiting: Vec::new(), tokens: 0, total: Total::default(), output };
        let job = Job { common: &self.common, inputs: &self.inputs };
        let mut fatal = None;
        let tally = each_record(io, job, |record, _| {
            if fatal.is_none() {
                let text: String = record.require("text", "the model predicts it")?;
                let parts = loss::language_model_parts(model, &text)?;
                ensure!(!parts.is_empty(), "the text has no tokens to predict");
                fatal = scores.push(record, parts).err();
            }
            Ok(())
        })?;
        match fatal {
            Some(error) => Err(error),
            None => Ok((scores.finish()?, tally)),
        }
    }
}

/// Sums over all texts.
#[derive(Clone, Copy, Debug, Default)]
struct Total {
    texts: usize,
    tokens: usize,
    nats: f64,
}

impl Total {
    fn report(&self, errors: usize) -> Report {
        let mean = |of: usize| (of > 0).then(|| self.nats / of as f64);
        let (nll, per_text) = (mean(self.tokens), mean(self.texts));
        let perplexity = nll.map(f64::exp);
        let json = json!({
            "texts": self.texts,
            "tokens": self.tokens,
            "errors": errors,
            "nll": nll,
            "perplexity": perplexity,
            "per_text": per_text,
        });
        let header = ["texts", "tokens", "nll", "perplexity", "per_text"].map(str::to_owned).to_vec();
        let counts = [self.texts, self.tokens].map(Cell::Count);
        let row = counts.into_iter().chain([nll, perplexity, per_text].map(Cell::Figure)).collect();
        Report { json, header, rows: vec![row] }
    }
}

/// Texts waiting for a batch to fill up.
struct Scores<'a> {
    model: &'a TextModel,
    waiting: Vec<(Record, Vec<Vec<u32>>)>,
    tokens: usize,
    total: Total,
    output: Option<Writer<&'a mut dyn Write>>,
}

impl Scores<'_> {
    fn push(&mut self, record: Record, parts: Vec<Vec<u32>>) -> Result<()> {
        self.tokens += predicted(&parts);
        self.waiting.push((record, parts));
        if self.tokens >= TOKENS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        self.tokens = 0;
        let gpt2 = self.model.gpt2()?;
        let all: Vec<&[u32]> = self.waiting.iter().flat_map(|(_, parts)| parts.iter().map(Vec::as_slice)).collect();
        let mut nats = Vec::with_capacity(all.len());
        let mut first = 0;
        while first < all.len() {
            let mut tokens = 0;
            let fits = all[first..].iter().take_while(|part| {
                tokens += part.len();
                tokens <= 2 * TOKENS
            });
            let count = fits.count().max(1);
            nats.extend(loss::negative_log_likelihoods(gpt2, &all[first..first + count])?);
            first += count;
        }
        let mut nats = nats.into_iter();
        for (mut record, parts) in self.waiting.drain(..) {
            let of_text: f64 = nats.by_ref().take(parts.len()).sum();
            let tokens = predicted(&parts);
            self.total.texts += 1;
            self.total.tokens += tokens;
            self.total.nats += of_text;
            if let Some(output) = &mut self.output {
                record.set("nll", &(of_text / tokens as f64))?;
                record.set("tokens", &tokens)?;
                output.write(&record)?;
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Total> {
        self.flush()?;
        if let Some(mut output) = self.output {
            output.flush()?;
        }
        Ok(self.total)
    }
}

fn predicted(parts: &[Vec<u32>]) -> usize {
    parts.iter().map(|part| part.len() - 1).sum()
}
