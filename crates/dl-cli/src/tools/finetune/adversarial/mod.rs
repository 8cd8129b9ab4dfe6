//! `dl-finetune adversarial`: a classifier of labeled source records that also holds for an unlabeled target.

mod features;
mod images;

use anyhow::{Result, bail, ensure};
use clap::ValueEnum;
use dl_record::Record;
use dl_train::adversarial::{Alignment, GameConfig};
use dl_train::classifier::Truth;
use dl_transfer::rows::{Row, RowIntake};
use serde::Serialize;

use super::pictures::PictureArgs;
use super::validation::ValidationArgs;
use crate::common::{Common, Domains, Io, Outcome, SideArgs, Sided, Tally, numbers};

/// Train a classifier on a labeled source domain so that it holds for an unlabeled target domain
///
/// Records of both domains have a `domain`. dann (Ganin et al. 2016): the network learns features from which a classifier
/// of the domain cannot tell the two apart. cdan (Long et al. 2018): the same for features joined with the predicted
/// classes. coral (Sun and Saenko 2016): the features of both domains get the same covariances.
///
/// Records with an `image` train a network of images; records with `features` train a small network of the --hidden
/// widths on them, which becomes a head for dl-classify. Labels of the target are not read. The model file is the last
/// network: --val is for the log alone, because labels of the target must not choose the network; see dl-eval adapt.
#[derive(clap::Args, Serialize, Debug)]
#[command(mut_arg("inputs", crate::common::only_records))]
#[command(mut_arg("schedule", |arg| arg.default_value("inverse").help("Learning-rate schedule")))]
#[command(mut_arg("val", |arg| arg.help("File of labeled records, for the log alone")))]
#[command(mut_arg("val_fraction", |arg| arg.hide(true)))]
#[command(after_help = "\
Examples:
  dl-data from folder photos --domain source > both.jsonl
  dl-data from folder drawings --domain target >> both.jsonl
  dl-finetune adversarial --method dann --init-from imagenet.safetensors \\
    --output drawings.safetensors both.jsonl
  dl-embed --model imagenet.safetensors --layer avgpool both.jsonl \\
    | dl-finetune adversarial --method coral --output head.safetensors")]
pub(super) struct Args {
    #[command(flatten)]
    #[serde(flatten)]
    pub(super) pictures: PictureArgs,

    #[command(flatten)]
    #[serde(flatten)]
    validation: ValidationArgs,

    #[command(flatten)]
    #[serde(flatten)]
    sides: SideArgs,

    /// How the domains are made alike
    #[arg(long, value_enum, default_value_t = MethodName::Dann, help_heading = "Adaptation")]
    method: MethodName,

    /// Factor on the domain's part of the loss
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = numbers::not_negative, help_heading = "Adaptation")]
    trade_off: f64,

    /// Hidden widths of the domain classifier
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_value = "100", value_parser = numbers::count, help_heading = "Adaptation")]
    domain_hidden: Vec<usize>,

    /// For cdan: let rows count more whose predicted class is certain
    #[arg(long, help_heading = "Adaptation")]
    entropy: bool,

    /// For features: widths of the layers before the class scores, at most 3
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_value = "100", value_parser = numbers::count, help_heading = "Network")]
    hidden: Vec<usize>,

    /// For features: the layer to train on [default: the only one in the records]
    #[arg(long, value_name = "LAYER", help_heading = "Network")]
    layer: Option<String>,

    /// For features: do not standardize them
    #[arg(long, help_heading = "Network")]
    raw: bool,

    /// Examples of each domain per batch, at most 4096 [default: a quarter of the smaller domain, at least 8 and at most 32]
    #[arg(long, value_name = "N", value_parser = numbers::batch, help_heading = "Training")]
    batch: Option<usize>,
}

#[derive(ValueEnum, Serialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum MethodName {
    /// A domain classifier on the features
    Dann,
    /// A domain classifier on features and predicted classes
    Cdan,
    /// Equal covariances
    Coral,
}

/// What the records are trained by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Images,
    Features,
}

/// The records of a domain.
#[derive(Default)]
struct Gathered {
    records: Vec<Record>,
    rows: Vec<Row>,
}

/// The records of both sides.
struct Both {
    kind: Kind,
    sided: Sided<Gathered>,
    intake: RowIntake,
    tally: Tally,
}

impl Args {
    pub(super) fn common(&self) -> &Common {
        &self.pictures.common
    }

    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        ensure!(self.validation.fraction().is_none(), "--val-fraction would hold out source records; give --val");
        ensure!(!self.entropy || self.method == MethodName::Cdan, "--entropy is for --method cdan");
        ensure!(self.hidden.len() <= 3, "--hidden: at most 3 layers");
        self.pictures.check(self.validation.file(), self.validation.is_given(), &[])?;
        let both = self.read(io)?;
        match both.kind {
            Kind::Images => self.of_images(both, io),
            Kind::Features => self.of_features(both, io),
        }
    }

    fn read(&self, io: &mut Io) -> Result<Both> {
        let mut intake = RowIntake::new(self.layer.clone());
        let mut checked = PictureArgs::examples(Truth::Own);
        let mut domains = Domains::new();
        let mut kind = None;
        let tally = self.pictures.read(io, |record| {
            let own = match (record.has("features"), record.has("image")) {
                (true, _) => Kind::Features,
                (false, true) => Kind::Images,
                (false, false) => bail!("the record has neither an \"image\" nor \"features\" to train on"),
            };
            let first = *kind.get_or_insert(own);
            ensure!(first == own, "the first record has {}; all records need the same", first.words());
            let row = match own {
                Kind::Features => intake.take(record)?,
                Kind::Images => {
                    checked.push(record)?;
                    bare_row(record)?
                }
            };
            domains.push(&self.sides, row, Gathered::default, |gathered, row| match own {
                Kind::Features => gathered.rows.push(row),
                Kind::Images => gathered.records.push(record.clone()),
            })
        })?;
        let sided = domains.sided(&self.sides, |all, more| {
            all.records.extend(more.records);
            all.rows.extend(more.rows);
        })?;
        Ok(Both { kind: kind.unwrap_or(Kind::Images), sided, intake, tally })
    }

    fn game(&self, steps: usize) -> GameConfig {
        let alignment = match self.method {
            MethodName::Dann => Alignment::Dann,
            MethodName::Cdan => Alignment::Cdan { entropy: self.entropy },
            MethodName::Coral => Alignment::Coral,
        };
        let (weight, hidden) = (self.trade_off, self.domain_hidden.clone());
        GameConfig { alignment, weight, hidden, steps, seed: self.pictures.common.seed }
    }

    /// The default of --batch.
    fn batch(&self, sides: [usize; 2]) -> usize {
        self.batch.unwrap_or_else(|| super::training::default_batch(sides[0].min(sides[1]), 32))
    }
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Self::Images => "an \"image\" and no \"features\"",
            Self::Features => "\"features\"",
        }
    }
}

/// What is known of an image, for its side.
fn bare_row(record: &Record) -> Result<Row> {
    Ok(Row {
        id: record.id()?.unwrap_or_default(),
        label: record.label()?.filter(|label| !label.is_empty()),
        domain: record.domain()?.filter(|domain| !domain.is_empty()),
        weight: record.weight()?.unwrap_or(1.0),
        features: Vec::new(),
    })
}
