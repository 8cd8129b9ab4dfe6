//! `dl-model`: inspect, convert, export and fetch model files; list, summarize and benchmark networks.

mod bench;
mod convert;
mod export;
mod fetch;
mod summary;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand, ValueEnum};
use dl_models::checkpoint::{excerpt, printable};
use dl_models::detection::DETECTORS;
use dl_models::text::TEXT_ARCHITECTURES;
use dl_models::{ARCHITECTURES, Checkpoint};
use serde::Serialize;
use serde_json::{Map, Value, json};

use self::fetch::catalog;
use crate::common::{Common, Io, Outcome, Tool, digest, one_line};

/// Inspect, convert, export and fetch model files; list, summarize and benchmark networks
#[derive(Parser, Debug)]
#[command(
    name = "dl-model",
    version,
    after_help = "\
Examples:
  dl-model list
  dl-model fetch squeezenet1_1 --output squeezenet.safetensors
  dl-model info squeezenet.safetensors
  dl-model info --format json testdata/models/*.safetensors \\
    | jq -r '[.file, .architecture] | @tsv'
  dl-model summary --arch resnet18
  dl-model convert resnet18.pth resnet18.safetensors --arch resnet18
  dl-model export squeezenet.safetensors --onnx squeezenet.onnx
  dl-model bench --arch resnet50 --batch 8"
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Describe model files: format, config, number of tensors and weights, types, license, SHA-256
    #[command(after_help = "Examples:\n  dl-model info testdata/models/signs.safetensors")]
    Info {
        /// Model files of any format, or model folders
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,

        /// List the tensors and their shapes
        #[arg(long)]
        tensors: bool,

        /// Output format [default: table on a terminal, otherwise json]
        #[arg(long, value_enum)]
        format: Option<Format>,

        #[command(flatten)]
        common: Common,
    },
    /// List the networks that dl-tools supports, and the names of weights to fetch
    ///
    /// The names under `weights` can be given to dl-model fetch. NAME@v1 is an older version of NAME.
    #[command(after_help = "Examples:\n  dl-model list --format table\n  dl-model list | jq -r '.weights[]?'")]
    List {
        /// Output format [default: table on a terminal, otherwise json]
        #[arg(long, value_enum)]
        format: Option<Format>,

        #[command(flatten)]
        common: Common,
    },
    Summary(summary::SummaryArgs),
    Convert(convert::ConvertArgs),
    Export(export::ExportArgs),
    Fetch(fetch::FetchArgs),
    Bench(bench::BenchArgs),
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq)]
enum Format {
    /// Human-readable text
    Table,
    /// One JSON object per line
    Json,
}

impl Tool for Args {
    const NAME: &'static str = "dl-model";

    fn common(&self) -> &Common {
        match &self.command {
            Command::Info { common, .. } | Command::List { common, .. } => common,
            Command::Summary(summary) => &summary.common,
            Command::Convert(convert) => &convert.common,
            Command::Export(export) => &export.common,
            Command::Fetch(fetch) => &fetch.common,
            Command::Bench(bench) => &bench.common,
        }
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        let default = if io.output_is_terminal { Format::Table } else { Format::Json };
        match &self.command {
            Command::Bench(bench) => bench.run(io),
            Command::Summary(summary) => summary.run(io, summary.format.unwrap_or(default)),
            Command::Convert(convert) => convert.run(io),
            Command::Export(export) => export.run(io),
            Command::Fetch(fetch) => fetch.run(io, fetch.format.unwrap_or(default)),
            Command::List { format, .. } => list(io, format.unwrap_or(default)),
            Command::Info { files, tensors, format, .. } => self.info(io, files, *tensors, format.unwrap_or(default)),
        }
    }
}

impl Args {
    /// Describes all files. One that cannot be read is reported and skipped; alone, or with `--strict`, it ends the
    /// run.
    fn info(&self, io: &mut Io, files: &[PathBuf], tensors: bool, format: Format) -> Result<Outcome> {
        let mut failed = 0;
        for path in files {
            match Info::of(path, tensors) {
                Ok(info) => write(io, &info, format)?,
                Err(error) if files.len() == 1 || self.common().strict => return Err(error),
                Err(error) => {
                    io.messages.error(one_line(error));
                    failed += 1;
                }
            }
        }
        Ok(Outcome::of(failed))
    }
}

/// What is printed about a model file.
#[derive(Serialize)]
struct Info {
    file: String,
    /// The format of the file.
    format: String,
    bytes: u64,
    /// None for a model in many files: each part has its own.
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<Vec<Part>>,
    architecture: Option<String>,
    /// The prefix that was removed from the names of the tensors.
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    /// Number of tensors.
    tensor_count: usize,
    /// Number of weights in all of them.
    parameters: usize,
    /// Types of the weights.
    dtypes: Vec<String>,
    license: Option<String>,
    /// The config in the file.
    config: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tensors: Option<Map<String, Value>>,
}

/// A file of a model in many files.
#[derive(Serialize)]
struct Part {
    file: String,
    bytes: u64,
    sha256: String,
}

impl Part {
    fn of(path: &Path) -> Result<Self> {
        let (bytes, sha256) = digest(path).with_context(|| format!("model {}: cannot be read", path.display()))?;
        Ok(Self { file: path.display().to_string(), bytes, sha256 })
    }
}

impl Info {
    fn of(path: &Path, with_tensors: bool) -> Result<Self> {
        let mut checkpoint = Checkpoint::open(path)?;
        let config: Option<Map<String, Value>> = checkpoint.config()?;
        checkpoint.strip_prefix();
        let text = |key: &str| Some(config.as_ref()?.get(key)?.as_str()?.to_owned());
        let tensors = checkpoint.tensors();
        let mut dtypes: Vec<String> = tensors.iter().map(|tensor| tensor.dtype.clone()).collect();
        dtypes.sort();
        dtypes.dedup();
        let shape = |tensor: &dl_models::checkpoint::TensorInfo| json!({"dtype": tensor.dtype, "shape": tensor.shape});
        let parts: Vec<Part> = checkpoint.files().iter().map(|path| Part::of(path)).collect::<Result<_>>()?;
        Ok(Self {
            file: path.display().to_string(),
            format: checkpoint.format().to_string(),
            bytes: parts.iter().map(|part| part.bytes).sum(),
            sha256: <&[Part; 1]>::try_from(parts.as_slice()).ok().map(|[part]| part.sha256.clone()),
            parts: Some(parts).filter(|parts| parts.len() != 1),
            architecture: text("architecture"),
            prefix: Some(checkpoint.prefix().to_owned()).filter(|prefix| !prefix.is_empty()),
            tensor_count: tensors.len(),
            parameters: tensors.iter().map(|tensor| tensor.shape.iter().product::<usize>()).sum(),
            dtypes,
            // Older files call it `licence`.
            license: text("license").or_else(|| text("licence")),
            config,
            tensors: with_tensors.then(|| tensors.iter().map(|tensor| (tensor.name.clone(), shape(tensor))).collect()),
        })
    }
}

fn list(io: &mut Io, format: Format) -> Result<Outcome> {
    let reads_texts = |name: &str| TEXT_ARCHITECTURES.iter().any(|architecture| architecture.name == name);
    let reads_images = |name: &str| ARCHITECTURES.iter().any(|architecture| architecture.name == name);
    let weights = catalog::all()?;
    let weights = |name: &str| -> Option<Vec<&str>> {
        let names = weights.iter().filter(|weights| weights.architecture() == name);
        Some(names.map(|weights| weights.name.as_str()).collect()).filter(|names: &Vec<_>| !names.is_empty())
    };
    for architecture in ARCHITECTURES {
        let reads = if reads_texts(architecture.name) { "images and texts" } else { "images" };
        let row = json!({
            "architecture": architecture.name, "reads": reads, "layer": architecture.layer,
            "weights": weights(architecture.name), "paper": architecture.paper,
        });
        write(io, &row, format)?;
    }
    for architecture in TEXT_ARCHITECTURES.iter().filter(|architecture| !reads_images(architecture.name)) {
        let row = json!({
            "architecture": architecture.name, "reads": "texts", "layer": architecture.layer,
            "weights": weights(architecture.name), "paper": architecture.paper,
        });
        write(io, &row, format)?;
    }
    for detector in DETECTORS {
        let row = json!({
            "architecture": detector.name, "reads": "images", "finds": "objects",
            "weights": weights(detector.name), "paper": detector.paper,
        });
        write(io, &row, format)?;
    }
    Ok(Outcome::AllWell)
}

/// Writes one object: a line of JSON, or a block of `key  value` lines.
fn write(io: &mut Io, object: &impl Serialize, format: Format) -> Result<()> {
    if format == Format::Json {
        serde_json::to_writer(&mut io.output, object)?;
        writeln!(io.output)?;
        return Ok(());
    }
    write_block(&mut io.output, &serde_json::to_value(object)?, 0)?;
    writeln!(io.output)?;
    Ok(())
}

/// The deepest level of a config that a table shows.
const MAX_DEPTH: usize = 8;

fn write_block(output: &mut dyn Write, object: &Value, depth: usize) -> Result<()> {
    let Value::Object(fields) = object else { return Ok(()) };
    let indent = "  ".repeat(depth);
    let names: Vec<String> = fields.keys().map(|key| printable(key)).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    for (key, value) in names.iter().zip(fields.values()) {
        match value {
            Value::Null => {}
            Value::Object(inner) if !inner.is_empty() && depth < MAX_DEPTH => {
                writeln!(output, "{indent}{key}")?;
                write_block(output, value, depth + 1)?;
            }
            Value::String(text) => writeln!(output, "{indent}{key:width$}  {}", cell(text))?,
            Value::Array(items) if items.len() > 12 => {
                let first: Vec<String> = items.iter().take(6).map(|item| cell(&item.to_string())).collect();
                writeln!(output, "{indent}{key:width$}  [{}, ... {} in all]", first.join(", "), items.len())?;
            }
            Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_string) => {
                let texts: Vec<String> = items.iter().filter_map(Value::as_str).map(cell).collect();
                writeln!(output, "{indent}{key:width$}  {}", texts.join(", "))?;
            }
            other => writeln!(output, "{indent}{key:width$}  {}", cell(&other.to_string()))?,
        }
    }
    Ok(())
}

/// Untrusted text in a table.
fn cell(text: &str) -> String {
    excerpt(text, 400)
}
