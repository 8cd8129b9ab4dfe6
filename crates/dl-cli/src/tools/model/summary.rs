//! `dl-model summary`: the layers of a network.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use dl_models::{Checkpoint, Fit, ModelConfig, Summary};

use super::Format;
use crate::common::{Common, Io, Outcome};

/// The layers of a network: output shape, parameters, multiply-adds, memory
///
/// For one picture, in single precision. Multiply-adds are those of convolutions and fully connected layers. A tensor is
/// counted in one row; running means and variances of batch norms are counted as buffers, not as parameters. No weights
/// are read. A row without a kind hands on what came in, as dropout does.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dl-model summary --arch resnet18 --format table
  dl-model summary --arch vgg16 --size 64 | jq '.layers[] | [.name, .parameters]' -c
  dl-model summary squeezenet.safetensors")]
pub(super) struct SummaryArgs {
    /// A model file, whose config says what it is
    #[arg(value_name = "FILE", required_unless_present = "arch")]
    file: Option<PathBuf>,

    /// A network of the table (see dl-model list); with a file of bare weights, what it is
    #[arg(long, value_name = "NAME")]
    arch: Option<String>,

    /// Side of the picture in pixels [default: the network's own]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u16).range(1..))]
    size: Option<u16>,

    /// table for people, json: one object [default: table on a terminal, json otherwise]
    #[arg(long, value_enum)]
    pub(super) format: Option<Format>,

    #[command(flatten)]
    pub(super) common: Common,
}

impl SummaryArgs {
    pub(super) fn run(&self, io: &mut Io, format: Format) -> Result<Outcome> {
        let config = match (&self.file, &self.arch) {
            (Some(path), arch) => {
                let file = Checkpoint::open(path)?;
                let config = ModelConfig::read(&file, arch.as_deref())?;
                let fit = Fit::of(&config, &file, |_| false)?;
                if !fit.is_whole() {
                    io.messages.note(format_args!("{}: does not fit: {}", path.display(), fit.report()));
                }
                config
            }
            (None, arch) => ModelConfig::new(arch.as_deref().context("--arch or a file is wanted")?, 1000),
        };
        let [height, width] = self.size.map_or(config.preprocessing.size, |size| [size.into(); 2]);
        let summary = Summary::of(&config, [3, height, width])
            .with_context(|| format!("{} for pictures of {height} x {width}", config.architecture))?;
        match format {
            Format::Json => {
                serde_json::to_writer(&mut io.output, &summary)?;
                writeln!(io.output)?;
            }
            Format::Table => table(&mut io.output, &summary)?,
        }
        Ok(Outcome::AllWell)
    }
}

fn table(output: &mut dyn Write, summary: &Summary) -> Result<()> {
    let heads = ["layer", "kind", "output", "parameters", "multiply-adds", "memory"].map(str::to_owned);
    let number = |number: u64| if number == 0 { "-".to_owned() } else { grouped(number) };
    let rows = summary.layers.iter().map(|layer| {
        [
            layer.name.clone(),
            layer.kind.clone(),
            shape(&layer.output),
            number(layer.parameters as u64),
            number(layer.multiply_adds),
            if layer.output_bytes == 0 { "-".to_owned() } else { megabytes(layer.output_bytes) },
        ]
    });
    let rows: Vec<[String; 6]> = [heads].into_iter().chain(rows).collect();
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
    let sums = [
        ("architecture", summary.architecture.clone()),
        ("input", shape(&summary.input)),
        ("parameters", grouped(summary.parameters as u64)),
        ("buffers", grouped(summary.buffers as u64)),
        ("multiply-adds", grouped(summary.multiply_adds)),
        ("input memory", megabytes(summary.input_bytes)),
        ("weight memory", megabytes(summary.parameter_bytes)),
        ("output memory", megabytes(summary.output_bytes)),
        ("all memory", megabytes(total)),
    ];
    for (key, value) in sums {
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
