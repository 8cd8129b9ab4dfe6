//! `dl-draw`: look at results.

mod annotate;
mod axis;
mod boxes;
mod canvas;
mod cells;
mod chart;
mod classified;
mod confusion;
mod curves;
mod fonts;
mod grid;
mod html;
mod lines;
mod panels;
mod pass;
mod rows;
mod save;
mod thin;
mod threshold;
mod trace;
mod training;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::common::{Common, Io, Outcome, Tool};

/// Draw records as annotated images, grids and pages, and results as charts
#[derive(Parser, Debug)]
#[command(
    name = "dl-draw",
    version,
    after_help = "Examples:
  dl-draw html --output found.html found.jsonl
  dl-nms --iou 0.3 < detected.jsonl \\
    | dl-draw boxes --output-dir drawn > drawn.jsonl
  dl-draw grid --columns 4 --output grid.png found.jsonl > drawn.jsonl
  dl-draw pr curves.json --output pr.svg
  dl-draw confusion confusion.json --output confusion.png
  dl-draw curves train.jsonl --output train.png
  dl-draw lines accuracy.jsonl --x images --y accuracy --by method \\
    --output accuracy.png"
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Boxes(boxes::Args),
    Grid(grid::Args),
    Html(html::Args),
    Pr(curves::Args),
    Confusion(confusion::Args),
    Curves(training::Args),
    Lines(lines::Args),
}

impl Tool for Args {
    const NAME: &'static str = "dl-draw";

    fn common(&self) -> &Common {
        match &self.command {
            Command::Boxes(args) => &args.common,
            Command::Grid(args) => &args.common,
            Command::Html(args) => &args.common,
            Command::Pr(args) => &args.common,
            Command::Confusion(args) => &args.common,
            Command::Curves(args) => &args.common,
            Command::Lines(args) => &args.common,
        }
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        match &self.command {
            Command::Boxes(args) => args.run(io),
            Command::Grid(args) => args.run(io),
            Command::Html(args) => args.run(io),
            Command::Pr(args) => args.run(io),
            Command::Confusion(args) => args.run(io),
            Command::Curves(args) => args.run(io),
            Command::Lines(args) => args.run(io),
        }
    }
}
