//! `dl-model summary`: list the layers of a network.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::ArgGroup;
use dl_models::checkpoint::printable;
use dl_models::text::{TEXT_ARCHITECTURES, TextConfig};
use dl_models::{Checkpoint, Fit, Kind, ModelConfig, ModelFile, Summary};

use super::Format;
use crate::common::{Common, Io, Outcome};

/// List the layers of a network: output shape, parameters, multiply-adds, memory
///
/// Sizes and counts are for one image or one text in single precision. Multiply-adds count convolutions, fully
/// connected layers and the two products of each attention layer (queries with keys, probabilities with values), masked
/// positions included. A tensor that two layers share is counted once. The running means and variances of batch norms
/// count as buffers, not as parameters. No weights are read. A row without a kind passes its input through, as dropout
/// does. For CLIP, the text network comes first, then the image network. For a detector with two stages, the rows of
/// roi_heads count one region.
#[derive(clap::Args, Debug)]
#[command(group(ArgGroup::new("network").args(["file", "arch"]).required(true).multiple(true)))]
#[command(after_help = "\
Examples:
  dl-model summary --arch resnet18 --format table
  dl-model summary --arch vgg16 --size 64 \\
    | jq -c '.layers[] | [.name, .parameters]'
  dl-model summary --arch bert --tokens 128 | jq .multiply_adds
  dl-model summary --arch fasterrcnn_resnet50_fpn --size 800
  dl-model summary testdata/models/signs.safetensors")]
pub(super) struct SummaryArgs {
    /// Model file with a config, a detector, or a Hugging Face model folder
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// Architecture; see dl-model list. Needed without FILE, and for a file of bare weights
    #[arg(long, value_name = "NAME")]
    arch: Option<String>,

    /// Side of the image in pixels [default: the network's input size]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u16).range(1..))]
    size: Option<u16>,

    /// Number of tokens in the text [default: the maximum that the network reads]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    tokens: Option<u32>,

    /// Output format [default: table on a terminal, otherwise json]
    #[arg(long, value_enum)]
    pub(super) format: Option<Format>,

    #[command(flatten)]
    pub(super) common: Common,
}

impl SummaryArgs {
    pub(super) fn run(&self, io: &mut Io, format: Format) -> Result<Outcome> {
        if let Some(path) = &self.file {
            let file = ModelFile::open(path, self.arch.as_deref().filter(|arch| !is_for_texts(arch)))?;
            match file.kind() {
                Kind::ImageNetwork | Kind::TextNetwork | Kind::Clip | Kind::Detector => {}
                _ => return Err(file.unfit(path, "a network that can be summarized")),
            }
        }
        let mut file = self.file.as_deref().map(Checkpoint::open).transpose()?;
        let summary = match self.of_detector(file.as_ref())? {
            Some(summary) => summary,
            None => match self.text_config(file.as_mut())? {
                Some(config) => self.of_texts(io, &config, file.as_ref())?,
                None => self.of_images(io, file.as_mut())?,
            },
        };
        match format {
            Format::Json => {
                serde_json::to_writer(&mut io.output, &summary)?;
                writeln!(io.output)?;
            }
            Format::Table => table(&mut io.output, &summary)?,
        }
        Ok(Outcome::AllWell)
    }

    /// `None` if it is something else.
    fn of_detector(&self, file: Option<&Checkpoint>) -> Result<Option<Summary>> {
        let summary = Summary::of_detector(file, self.arch.as_deref(), self.size.map(usize::from));
        let summary = match file {
            Some(file) => summary.with_context(|| format!("model {}", file.path().display()))?,
            None => summary?,
        };
        if let (Some(summary), Some(_)) = (&summary, self.tokens) {
            bail!("--tokens: {} reads images, not texts", summary.architecture);
        }
        Ok(summary)
    }

    /// The config of a network that reads texts; `None` for one that reads only images.
    fn text_config(&self, file: Option<&mut Checkpoint>) -> Result<Option<TextConfig>> {
        let stated = match &file {
            Some(file) => TextConfig::text_architecture(file)?,
            None => None,
        };
        let requested = self.arch.as_deref().filter(|name| is_for_texts(name));
        match (file, stated, &self.arch) {
            // A CLIP that was fine-tuned on image classes has no text network.
            (Some(file), Some(clip), _) if clip == "clip" && !file.contains("text_projection.weight") => Ok(None),
            (Some(file), Some(stated), arch) if arch.as_ref().is_none_or(|arch| *arch == stated) => {
                TextConfig::read(file).map(Some)
            }
            _ => Ok(requested.map(|name| TextConfig::new(name, serde_json::Map::new()))),
        }
    }

    fn of_texts(&self, io: &mut Io, config: &TextConfig, file: Option<&Checkpoint>) -> Result<Summary> {
        if let Some(file) = file {
            Self::report_misfits(io, file, &Fit::of_texts(config, file)?);
        }
        let (tokens, side) = (self.tokens.map(|tokens| tokens as usize), self.size.map(usize::from));
        Summary::of_texts(config, file, tokens, side).with_context(|| match (tokens, side) {
            (Some(tokens), None) => format!("{} for {tokens} tokens", config.architecture),
            (None, Some(side)) => format!("{} for images of {side} x {side}", config.architecture),
            _ => config.architecture.clone(),
        })
    }

    fn of_images(&self, io: &mut Io, file: Option<&mut Checkpoint>) -> Result<Summary> {
        let config = match (file, &self.arch) {
            (Some(file), arch) => {
                let config = ModelConfig::read(file, arch.as_deref())?;
                Self::report_misfits(io, file, &Fit::of(&config, file, |_| false)?);
                config
            }
            (None, arch) => ModelConfig::new(arch.as_deref().context("give --arch or a file")?, 1000),
        };
        ensure!(self.tokens.is_none(), "--tokens: {} reads images, not texts", config.architecture);
        let [height, width] = self.size.map_or(config.preprocessing.size, |size| [size.into(); 2]);
        Summary::of(&config, [3, height, width])
            .with_context(|| format!("{} for images of {height} x {width}", config.architecture))
    }

    fn report_misfits(io: &mut Io, file: &Checkpoint, fit: &Fit) {
        if let Some(note) = file.prefix_note() {
            io.messages.note(format_args!("{}: {note}", file.path().display()));
        }
        if !fit.is_whole() {
            io.messages.note(format_args!("{}: does not fit: {}", file.path().display(), fit.report()));
        }
    }
}

fn is_for_texts(name: &str) -> bool {
    TEXT_ARCHITECTURES.iter().any(|architecture| architecture.name == name)
}

fn table(output: &mut dyn Write, summary: &Summary) -> Result<()> {
    let header = ["layer", "kind", "output", "parameters", "multiply-adds", "memory"].map(str::to_owned);
    let number = |number: u64| if number == 0 { "-".to_owned() } else { grouped(number) };
    let rows = summary.layers.iter().map(|layer| {
        [
            printable(&layer.name),
            layer.kind.clone(),
            shape(&layer.output),
            number(layer.parameters as u64),
            number(layer.multiply_adds),
            if layer.output_bytes == 0 { "-".to_owned() } else { megabytes(layer.output_bytes) },
        ]
    });
    let rows: Vec<[String; 6]> = [header].into_iter().chain(rows).collect();
    let widths: Vec<usize> = (0..6).map(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or(0)).collect();
    for (index, [name, kind, out, parameters, adds, memory]) in rows.iter().enumerate() {
        let [a, b, c, d, e, f] = [0, 1, 2, 3, 4, 5].map(|column| widths[column]);
        writeln!(output, "{name:a$}  {kind:b$}  {out:c$}  {parameters:>d$}  {adds:>e$}  {memory:>f$}")?;
        if index == 0 {
            writeln!(output, "{}", "-".repeat(widths.iter().sum::<usize>() + 10))?;
        }
    }
    writeln!(output, "{}", "-".repeat(widths.iter().sum::<usize>() + 10))?;
    let total = summary.input_bytes + summary.parameter_bytes + summary.output_bytes;
    let totals = [
        ("architecture", Some(summary.architecture.clone())),
        ("input", summary.input.map(|image| shape(&image))),
        ("tokens", summary.tokens.map(|tokens| grouped(tokens as u64))),
        ("parameters", Some(grouped(summary.parameters as u64))),
        ("buffers", Some(grouped(summary.buffers as u64))),
        ("multiply-adds", Some(grouped(summary.multiply_adds))),
        ("input memory", Some(megabytes(summary.input_bytes))),
        ("weight memory", Some(megabytes(summary.parameter_bytes))),
        ("output memory", Some(megabytes(summary.output_bytes))),
        ("total memory", Some(megabytes(total))),
    ];
    for (key, value) in totals.into_iter().filter_map(|(key, value)| Some((key, value?))) {
        writeln!(output, "{key:13}  {value}")?;
    }
    Ok(())
}

fn shape(sides: &[usize]) -> String {
    sides.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ")
}

fn megabytes(bytes: usize) -> String {
    format!("{:.2} MB", bytes as f64 / 1e6)
}

/// 1234567 as 1,234,567.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(",")
}
