//! `dl-gan-train table`: CTGAN.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use candle_core::Device;
use clap::Arg;
use dl_models::gan::table::{
    ColumnKind, Request, TableConfig, TableCritic, TableCriticConfig, TableGenerator, TableLayout, TableSchema,
};
use dl_models::{Parameters, Precision};
use dl_train::fit::{Progress, TrainedModel};
use dl_train::gan::table::{TableBatches, TablePlayers, TableTask};
use dl_train::table::{ColumnOptions, schema};
use serde_json::json;

use super::Training;
use super::help::{self, stated};
use super::training::TrainingArgs;
use crate::common::{Io, Messages, Outcome, counted, numbers, only_tables, read_tables};
use crate::tools::gan_sample::write_csv;

/// The paper's: rows of a batch, epochs, and Adam's rate.
const BATCH: usize = 500;
const EPOCHS: f64 = 300.0;
const RATE: f64 = 2e-4;
/// Adam's decay rates in the paper.
const BETAS: [f64; 2] = [0.5, 0.9];
/// Rows of the tables of --samples-every.
const SAMPLES: usize = 64;
/// Fields of records that have a form of their own, so that no column may be named so.
const FIELDS: [&str; 10] =
    ["objects", "proposals", "features", "predictions", "detections", "cells", "error", "labels", "width", "height"];

/// Train a GAN on a table, to make rows like its own (CTGAN, Xu et al. 2019)
///
/// Reads CSV or TSV with a header, or records whose fields are numbers and texts. Columns of numbers and of categories are
/// told apart, and what was assumed is printed. Numbers keep their range and their digits after the decimal point; empty
/// cells occur as often as in the data. Rare categories are shown more often than they occur, and can be asked for:
/// dl-gan-sample --label COLUMN=VALUE.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-gan-train table --label default --output rows.safetensors Default.csv
  dl-gan-sample rows.safetensors --count 1000 --csv made.csv > made.jsonl
  dl-gan-sample rows.safetensors --label default=Yes --count 100 \\
    > yes.jsonl
  dl-gan-train table --ignore ID --minutes 10 --output credit.safetensors \\
    UCI_Credit_Card.csv.gz")]
#[command(
    mut_arg("inputs", only_tables),
    mut_arg("weight_decay", |arg: Arg| arg.default_value("0.000001")),
    mut_arg("batch", |arg: Arg| arg.help("Rows per batch")),
    mut_args(|arg| stated(arg, &help::defaults(format!("{BATCH}, or all"), EPOCHS, RATE, BETAS[0]))),
    mut_arg("samples_every", |arg: Arg| {
        arg.help("Write 64 samples every N batches, as STEM.samples-BATCH.csv beside --output; 0: never")
    })
)]
pub(super) struct Table {
    /// Column with the class of a row, which dl-gan-sample --label VALUE then means
    #[arg(long, value_name = "COLUMN", help_heading = "Columns")]
    label: Option<String>,

    /// Columns of categories, also if they look like numbers
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',', help_heading = "Columns")]
    categorical: Vec<String>,

    /// Columns of numbers, also if they have few values
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',', help_heading = "Columns")]
    numeric: Vec<String>,

    /// Columns to leave out, such as a number of the row
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',', help_heading = "Columns")]
    ignore: Vec<String>,

    /// Largest number of modes per column of numbers
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=100), help_heading = "Columns")]
    modes: u16,

    /// Rows that the discriminator sees at once (PacGAN)
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000), help_heading = "Network")]
    pac: u16,

    /// Numbers of a random vector
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = clap::value_parser!(u16).range(1..=4096), help_heading = "Network")]
    latent: u16,

    /// Factor on the 256 columns of the hidden layers
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = numbers::positive, help_heading = "Network")]
    width: f64,

    /// Weight of the gradient penalty
    #[arg(long, value_name = "X", default_value_t = 10.0, value_parser = numbers::positive, help_heading = "Losses")]
    gamma: f64,

    /// Batches for the discriminator per batch for the generator
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = numbers::count, help_heading = "Training")]
    n_critic: usize,

    #[command(flatten)]
    training: TrainingArgs,
}

impl Training for Table {
    fn training(&self) -> &TrainingArgs {
        &self.training
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        let training = &self.training;
        training.check_files(&[], &[])?;
        let device = training.device.open()?;
        let mut read = read_tables(io, &training.inputs, &training.common)?;
        let messages = &io.messages;
        read.table.drop_columns(&self.ignore, "--ignore")?;
        let table = read.table;
        if let Some(name) = table.names.iter().find(|name| FIELDS.contains(&name.as_str())) {
            bail!(
                "column {name}: records have a field of this name with a form of its own; rename it, or use --ignore {name}"
            );
        }
        let options = ColumnOptions {
            categorical: self.categorical.clone(),
            numeric: self.numeric.clone(),
            label: self.label.clone(),
        };
        let assumed = schema(&table, &options, usize::from(self.modes)).with_context(|| training.inputs.shown())?;
        assumed.notes.iter().for_each(|note| messages.note(note));
        describe(&assumed.schema, table.rows, messages);
        let pac = usize::from(self.pac);
        ensure!(
            table.rows >= pac,
            "{} cannot be shown in groups of {pac}; use a smaller --pac",
            counted(table.rows, "row")
        );
        let batch = training.batch.unwrap_or(BATCH).min(table.rows) / pac * pac;
        ensure!(batch > 0, "--batch: a batch has at least the {pac} rows of --pac");

        let hidden = ((256.0 * self.width).round() as usize).max(1);
        let latent = usize::from(self.latent);
        let config = TableConfig { latent, hidden: vec![hidden; 2], ..TableConfig::new(assumed.schema.clone()) };
        let players = self.players(&config, hidden, &device)?;
        let seed = training.common.seed;
        let batches = TableBatches::new(&assumed.schema, &assumed.columns, [latent, batch, pac], seed);
        let steps = training.steps(batches.epoch(), EPOCHS);
        let rates = [training.lr_g.unwrap_or(RATE), training.lr_d.unwrap_or(RATE)];
        let betas = [training.beta1.unwrap_or(BETAS[0]), BETAS[1]];
        let recipe = json!({
            "pac": pac,
            "gamma": self.gamma,
            "n_critic": self.n_critic,
            "lr_g": rates[0],
            "lr_d": rates[1],
            "betas": betas,
            "batch": batch,
        });
        let digest = table.digest().to_string();
        let settings = json!({
            "data": digest,
            "architecture": config.architecture,
            "latent": latent,
            "hidden": config.hidden,
            "columns": config.table.columns,
            "recipe": recipe,
        });
        let fitted = training.fit_config(TrainingArgs::players(rates, betas, steps), steps, batches.epoch(), &settings);
        let file = |progress: &Progress| {
            let mut config = config.clone();
            config.provenance.seed = Some(seed);
            config.provenance.data_digest = Some(digest.clone());
            config.provenance.training = recipe.as_object().cloned().unwrap_or_default();
            config.provenance.training.insert("rows".into(), json!(table.rows));
            config.provenance.training.insert("iterations".into(), json!(progress.step));
            Ok(TrainedModel {
                config: serde_json::to_value(&config)?,
                tensors: players.generator_weights.tensors(),
                texts: Vec::new(),
                precision: Precision::F32,
            })
        };
        let make = |step| Ok(batches.make(step));
        let task = TableTask {
            players: &players,
            batches: &make,
            penalty: self.gamma,
            critic: self.n_critic,
            weight_decay: training.weight_decay,
            seed,
            device: &device,
            file: &file,
        };
        let outcome = training.train(&task, &fitted, &|done| self.samples(&config, &players, done), messages)?;
        Ok(outcome.unwrap_or_else(|| Outcome::of(read.failed)))
    }
}

impl Table {
    fn players(&self, config: &TableConfig, hidden: usize, device: &Device) -> Result<TablePlayers> {
        let seed = self.training.common.seed;
        let generator_weights = Parameters::fresh(seed);
        // Another seed, so that no layer of one player starts as one of the other.
        let critic_weights = Parameters::fresh(seed.wrapping_add(1));
        let generator =
            TableGenerator::new(config.clone(), &generator_weights.builder(device)).context("the generator")?;
        let layout = generator.layout();
        let of_critic = TableCriticConfig {
            columns: layout.width + layout.condition_width,
            pac: usize::from(self.pac),
            hidden: vec![hidden; 2],
            dropout: 0.5,
        };
        let critic =
            TableCritic::new(of_critic.clone(), &critic_weights.builder(device)).context("the discriminator")?;
        let judge = TableCritic::new(of_critic, &critic_weights.following(device)).context("the discriminator")?;
        Ok(TablePlayers { generator, generator_weights, critic, judge, critic_weights })
    }

    /// Writes the same samples as they are now, and returns the file.
    fn samples(&self, config: &TableConfig, players: &TablePlayers, batches: usize) -> Result<PathBuf> {
        // A generator of its own: its plans hold copies of the weights.
        let generator = TableGenerator::new(config.clone(), &players.generator_weights.fixed(&Device::Cpu))?;
        let requests: Vec<Request> = (0..SAMPLES).map(|number| Request { number, category: None }).collect();
        let rows = generator.rows(&requests, self.training.common.seed)?;
        let output = &self.training.output;
        let name = output.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let stem = name.strip_suffix(".safetensors").unwrap_or(&name);
        let path = output.with_file_name(format!("{stem}.samples-{batches:06}.csv"));
        write_csv(&path, &config.table, rows.iter().map(|row| &row.cells[..]))?;
        Ok(path)
    }
}

/// Says what the columns were taken for.
fn describe(schema: &TableSchema, rows: usize, messages: &Messages) {
    let names = |is: &dyn Fn(&ColumnKind) -> bool| {
        let names: Vec<&str> =
            schema.columns.iter().filter(|column| is(&column.kind)).map(|column| column.name.as_str()).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    messages.note(format_args!(
        "{}; numbers: {}; categories: {}",
        counted(rows, "row"),
        names(&|kind| matches!(kind, ColumnKind::Numeric { .. })),
        names(&|kind| matches!(kind, ColumnKind::Categorical { .. })),
    ));
    let layout = TableLayout::new(schema);
    messages.detail(format_args!("{} numbers per row, {} of a condition", layout.width, layout.condition_width));
}
