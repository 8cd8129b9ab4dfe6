//! `dl-data`: converts datasets to records and back, selects and splits them, and checks them.

mod check;
mod condition;
mod from;
mod select;
mod shard;
mod split;
mod to;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::common::{Common, Io, Labels, Outcome, Tool};

/// Read, write, select, split and check datasets
#[derive(Parser, Debug)]
#[command(
    name = "dl-data",
    version,
    after_help = "Examples:
  dl-data from voc VOC2007 --split test > test.jsonl
  dl-data from coco instances_val.json --images val2014 \\
    | dl-data to yolo signs --split val
  dl-data from voc VOC2007 | dl-data check > /dev/null"
)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    From(from::Args),
    To(to::Args),
    Split(split::Args),
    Select(select::Args),
    Shard(shard::Args),
    Check(check::Args),
}

/// The names given by `--labels`; empty if the option is absent.
fn names(labels: Option<&Labels>) -> &[String] {
    labels.map_or(&[], Labels::names)
}

impl Tool for Args {
    const NAME: &'static str = "dl-data";

    fn common(&self) -> &Common {
        match &self.action {
            Action::From(args) => args.common(),
            Action::To(args) => args.common(),
            Action::Split(args) => args.common(),
            Action::Select(args) => args.common(),
            Action::Shard(args) => args.common(),
            Action::Check(args) => args.common(),
        }
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        match &self.action {
            Action::From(args) => args.run(io),
            Action::To(args) => args.run(io),
            Action::Split(args) => args.run(io),
            Action::Select(args) => args.run(io),
            Action::Shard(args) => args.run(io),
            Action::Check(args) => args.run(io),
        }
    }
}
