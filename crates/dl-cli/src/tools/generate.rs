//! `dl-generate`: generate texts with a language model.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use dl_models::ModelFile;
use dl_models::text::TextModel;
use dl_models::text::generate::{Prompt, Sampling, generate};
use dl_record::{Record, Writer};

use crate::common::{
    Common, DeviceArgs, Inputs, Io, Messages, Outcome, STRICT, Tool, each_arrival, numbers, one_line, report_broken,
};

/// Generate texts with a language model
///
/// Continues the `text` of each record, or each --prompt, until the model ends it. Writes one record per sample, whose
/// `text` is the prompt and its continuation. A sample depends only on --seed and its id, not on other samples.
///
/// Prompts are tokenized as in transformers: without a beginning-of-text token, unless the model's
/// tokenizer_config.json has add_bos_token. An empty prompt always gets the token. Use --bos if the model was trained
/// on texts that begin with it.
#[derive(Parser, Debug)]
#[command(
    name = "dl-generate",
    version,
    after_help = "\
Examples:
  dl-generate --model names_gpt.safetensors --prompt '' --count 20 \\
    | jq -r .text
  dl-generate --model gpt2/ --prompt 'A stop sign is' --temperature 0.8 \\
    --top-p 0.9 --max-tokens 40 --stop .
  dl-generate --model gpt2/ --temperature 0 beginnings.jsonl
  dl-generate --model SmolLM2-135M.Q8_0.gguf --prompt 'Once upon'"
)]
#[command(mut_arg("inputs", crate::common::only_records))]
pub struct Args {
    #[command(flatten)]
    inputs: Inputs,

    /// Model file of a GPT-2, Hugging Face model folder (gpt2, llama), or GGUF file of a Llama
    #[arg(long, value_name = "FILE|DIR")]
    model: PathBuf,

    /// Text to continue, instead of records; may be empty, may be repeated
    #[arg(long, value_name = "TEXT", conflicts_with = "inputs")]
    prompt: Vec<String>,

    /// Samples per prompt or record; with more than one, their ids end in /1, /2, ...
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,

    /// Put the beginning-of-text token (GPT-2's <|endoftext|>, Llama's <s>) before every prompt
    #[arg(long)]
    bos: bool,

    /// Generate at most N tokens after the prompt
    #[arg(long, value_name = "N", default_value_t = 100)]
    max_tokens: usize,

    /// Randomness: the logits are divided by X, so lower is more deterministic; 0 always takes the most likely token
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = numbers::not_negative)]
    temperature: f64,

    /// Sample from the K most likely tokens [default: all]
    #[arg(long, value_name = "K")]
    top_k: Option<usize>,

    /// Sample from the smallest set of most likely tokens whose probabilities sum to P
    #[arg(long, value_name = "P", default_value_t = 1.0, value_parser = numbers::share)]
    top_p: f64,

    /// End the text before the first TEXT that the model generates; may be repeated
    #[arg(long, value_name = "TEXT")]
    stop: Vec<String>,

    /// Texts per batch; does not affect the results
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = numbers::batch)]
    batch: usize,

    #[command(flatten)]
    device: DeviceArgs,

    #[command(flatten)]
    common: Common,
}

impl Tool for Args {
    const NAME: &'static str = "dl-generate";

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        let sampling = Sampling {
            temperature: self.temperature,
            top_k: self.top_k,
            top_p: self.top_p,
            max_tokens: self.max_tokens,
            bos: self.bos,
            stop: self.stop.clone(),
        };
        sampling.check()?;
        let model = ModelFile::open_text(&self.model, &self.device.open()?)?;
        if let Some(note) = &model.note {
            io.messages.note(format_args!("model {}: {note}", self.model.display()));
        }
        let network = model.language_model().with_context(|| format!("model {}", self.model.display()))?;
        let has_bos = network.start().is_some();
        ensure!(!self.bos || has_bos, "--bos: the model has no beginning-of-text token (bos_token_id)");
        let mut queue = Queue {
            model: &model,
            sampling,
            batch: self.batch,
            strict: self.common.strict,
            messages: io.messages.clone(),
            waiting: Vec::new(),
            samples: 0,
            failed: 0,
        };
        if !self.prompt.is_empty() {
            let mut writer = Writer::new(&mut io.output);
            for (index, text) in self.prompt.iter().enumerate() {
                let mut record = Record::default();
                record.set_id(&format!("prompt{}", index + 1))?;
                record.set_text(text)?;
                self.expand(&record, "--prompt", &mut queue, &mut writer)?;
            }
        } else {
            let messages = io.messages.clone();
            each_arrival(io, &self.inputs, |line, output| {
                let mut writer = Writer::new(output);
                let Some(line) = line else { return queue.flush(&mut writer) };
                if line.broken {
                    report_broken(&messages, &line);
                    queue.failed += 1;
                    queue.push(Waiting { place: line.place, record: line.record, prompt: None }, &mut writer)
                } else if line.record.has("error") {
                    queue.push(Waiting { place: line.place, record: line.record, prompt: None }, &mut writer)
                } else {
                    self.expand(&line.record, &line.place, &mut queue, &mut writer)
                }
            })?;
        }
        let mut writer = Writer::new(&mut io.output);
        queue.flush(&mut writer)?;
        writer.flush()?;
        Ok(Outcome::of(queue.failed))
    }
}

impl Args {
    /// Queues one record per sample of `record`.
    fn expand<W: Write>(&self, record: &Record, place: &str, queue: &mut Queue, writer: &mut Writer<W>) -> Result<()> {
        for sample in 1..=self.count {
            let mut record = record.clone();
            let prompt = self.prompt_of(&mut record, sample);
            queue.push(Waiting { place: place.to_owned(), record, prompt: Some(prompt) }, writer)?;
        }
        Ok(())
    }

    fn prompt_of(&self, record: &mut Record, sample: u32) -> Result<Prompt> {
        let text: String = record.require("text", "the model continues it; use \"\" to start from scratch")?;
        let mut id: String = record.require("id", "the seed of its samples")?;
        if self.count > 1 {
            id = format!("{id}/{sample}");
            record.set_id(&id)?;
        }
        Ok(Prompt { text, rng: dl_record::rng(self.common.seed, &format!("generate/{id}")) })
    }
}

/// A record in the queue; one without a prompt passes through.
struct Waiting {
    place: String,
    record: Record,
    prompt: Option<Result<Prompt>>,
}

/// Records waiting for a batch to fill up, in order.
struct Queue<'a> {
    model: &'a TextModel,
    sampling: Sampling,
    batch: usize,
    strict: bool,
    messages: Messages,
    waiting: Vec<Waiting>,
    samples: usize,
    failed: usize,
}

impl Queue<'_> {
    fn push<W: Write>(&mut self, waiting: Waiting, writer: &mut Writer<W>) -> Result<()> {
        self.samples += usize::from(waiting.prompt.is_some());
        self.waiting.push(waiting);
        if self.samples >= self.batch || (self.strict && self.failed > 0) {
            self.flush(writer)?;
        }
        Ok(())
    }

    fn flush<W: Write>(&mut self, writer: &mut Writer<W>) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        self.samples = 0;
        let (mut prompts, mut lines) = (Vec::new(), Vec::new());
        for Waiting { place, record, prompt } in self.waiting.drain(..) {
            let state = match prompt {
                None => State::Passing,
                Some(Err(error)) => State::Failed(error),
                Some(Ok(prompt)) => {
                    prompts.push(prompt);
                    State::Generated
                }
            };
            lines.push((place, record, state));
        }
        let mut texts = generate(self.model, prompts, &self.sampling)?.into_iter();
        for (place, mut record, state) in lines {
            let text = match state {
                State::Passing => None,
                State::Failed(error) => Some(Err(error)),
                State::Generated => Some(texts.next().context("no text was generated")?),
            };
            match text {
                None => {}
                Some(Ok(text)) => record.set_text(&text)?,
                Some(Err(error)) => {
                    let text = one_line(error);
                    self.messages.error(format_args!("{place}: {text}"));
                    record.fail(self.messages.tool(), text);
                    self.failed += 1;
                }
            }
            writer.write(&record)?;
            self.messages.bar().inc(1);
            if self.strict && self.failed > 0 {
                writer.flush()?;
                bail!(STRICT);
            }
        }
        Ok(writer.flush()?)
    }
}

/// The state of a record in a batch.
enum State {
    /// It arrived with an error and passes through.
    Passing,
    /// It has no usable prompt.
    Failed(anyhow::Error),
    /// It gets the next generated text.
    Generated,
}
