//! `dl-transfer`: aligns, weighs and groups the rows of several domains.

mod apply;
mod cluster;
mod complete;
mod components;
mod coral;
mod dictionary;
mod domain_classifier;
mod fit_domains;
mod jda;
mod kliep;
mod kmm;
mod label_clusters;
mod maps;
mod normalize;
mod pca;
mod rows;
mod sstca;
mod subspace;
mod tca;
mod weigh;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::common::{Common, Io, Outcome, Tool};
use maps::MapArgs;
use rows::NoInput;

/// Transfer between domains: map, weigh, group and complete the features of records
///
/// Reads records with `features` of one row each and, for most methods, a `domain`. Writes every record in input order.
/// Methods that need all rows before they can write the first read the records twice; what comes from stdin is kept in
/// a temporary file meanwhile.
///
/// Methods that compare two sides need the domain of every record: one without it gets an error, and is not mapped. A
/// record of a domain on neither side is mapped by tca, sstca and jda, which map all domains alike, and gets an error
/// from coral and subspace, which do not. apply needs a domain only for a map that differs by domain.
#[derive(Parser, Debug)]
#[command(
    name = "dl-transfer",
    version,
    after_help = "Examples:
  cat source.jsonl target.jsonl \\
    | dl-transfer coral --output map.safetensors > both.jsonl
  dl-transfer apply --model map.safetensors --domain target new.jsonl"
)]
pub struct Args {
    #[command(subcommand)]
    method: Method,
}

#[derive(Subcommand, Debug)]
enum Method {
    Normalize(normalize::Args),
    Pca(pca::Args),
    Subspace(subspace::Args),
    Coral(coral::Args),
    Tca(tca::Args),
    Sstca(sstca::Args),
    Jda(jda::Args),
    Kmm(kmm::Args),
    Kliep(kliep::Args),
    DomainClassifier(domain_classifier::Args),
    Dictionary(dictionary::Args),
    Cluster(cluster::Args),
    LabelClusters(label_clusters::Args),
    Complete(complete::Args),
    Apply(apply::Args),
}

impl Tool for Args {
    const NAME: &'static str = "dl-transfer";

    fn common(&self) -> &Common {
        match &self.method {
            Method::Normalize(args) => &args.map.rows.common,
            Method::Pca(args) => &args.map.rows.common,
            Method::Subspace(args) => &args.map.rows.common,
            Method::Coral(args) => &args.map.rows.common,
            Method::Tca(args) => &args.components.map.rows.common,
            Method::Sstca(args) => &args.components.map.rows.common,
            Method::Jda(args) => &args.components.map.rows.common,
            Method::Kmm(args) => &args.weigh.rows.common,
            Method::Kliep(args) => &args.weigh.rows.common,
            Method::DomainClassifier(args) => &args.weigh.rows.common,
            Method::Dictionary(args) => &args.map.rows.common,
            Method::Cluster(args) => args.common(),
            Method::LabelClusters(args) => &args.common,
            Method::Complete(args) => &args.rows.common,
            Method::Apply(args) => &args.common,
        }
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        match self.method.run(io) {
            // Empty input gives empty output, unless a model file was asked for.
            Err(error) if error.is::<NoInput>() && !self.method.map().is_some_and(MapArgs::writes_model) => {
                Ok(Outcome::AllWell)
            }
            result => result,
        }
    }
}

impl Method {
    /// The options of a method that fits a map.
    fn map(&self) -> Option<&MapArgs> {
        match self {
            Self::Normalize(args) => Some(&args.map),
            Self::Pca(args) => Some(&args.map),
            Self::Subspace(args) => Some(&args.map),
            Self::Coral(args) => Some(&args.map),
            Self::Tca(args) => Some(&args.components.map),
            Self::Sstca(args) => Some(&args.components.map),
            Self::Jda(args) => Some(&args.components.map),
            Self::Dictionary(args) => Some(&args.map),
            Self::Kmm(_)
            | Self::Kliep(_)
            | Self::DomainClassifier(_)
            | Self::Cluster(_)
            | Self::LabelClusters(_)
            | Self::Complete(_)
            | Self::Apply(_) => None,
        }
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        match self {
            Self::Normalize(args) => args.run(io),
            Self::Pca(args) => args.run(io),
            Self::Subspace(args) => args.run(io),
            Self::Coral(args) => args.run(io),
            Self::Tca(args) => args.run(io),
            Self::Sstca(args) => args.run(io),
            Self::Jda(args) => args.run(io),
            Self::Kmm(args) => args.run(io),
            Self::Kliep(args) => args.run(io),
            Self::DomainClassifier(args) => args.run(io),
            Self::Dictionary(args) => args.run(io),
            Self::Cluster(args) => args.run(io),
            Self::LabelClusters(args) => args.run(io),
            Self::Complete(args) => args.run(io),
            Self::Apply(args) => args.run(io),
        }
    }
}
