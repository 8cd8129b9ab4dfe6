//! `dl-draw html`: records as one page to look at in a browser.
//!
//! The page is a single file and makes no network request. Its data is one JSON block, written record by record, from
//! which its script draws only the cards in view.

mod card;
mod page;

use std::ffi::OsStr;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Result, bail};
use dl_metrics::voc::{VocConfig, VocEvaluator};
use dl_record::{Line, Writer, write_atomically};
use rayon::prelude::*;

use super::pass::pass_on;
use super::threshold::Threshold;
use crate::common::{
    Common, ImageArgs, Images, Inputs, Io, Messages, Outcome, STRICT, counted, each_line, is_image_of, main::guarded,
    not_an_input, numbers, one_line, report_broken, report_failed,
};
use card::{Card, Limits};
use page::Page;

/// Write an HTML page to view records in a browser
///
/// The page is a single file with thumbnails, boxes, masks, labels and scores; it works offline. Filter it by class,
/// score, kind of error and id, compare detections with the ground truth, and see a precision-recall curve per class.
/// Press ? in the page to see the keyboard shortcuts. Records pass through to stdout, unless it is a terminal or gets the
/// page.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-draw html --output found.html found.jsonl
  dl-data from voc testdata/signs --split test \\
    | dl-propose selective-search --mode fast \\
    | dl-draw html --output signs.html > proposed.jsonl")]
pub(super) struct Args {
    #[command(flatten)]
    inputs: Inputs,

    /// File to write: .html
    #[arg(long, value_name = "FILE")]
    output: PathBuf,

    /// Title of the page [default: the name of the file]
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,

    /// Show at most N records; further records pass through
    #[arg(long, value_name = "N", default_value_t = 5000, value_parser = numbers::count)]
    records: usize,

    /// Longer side of the images in the page, in pixels; more makes the enlarged view sharper and the file larger
    #[arg(long, value_name = "PIXELS", default_value_t = 256, value_parser = clap::value_parser!(u32).range(32..=2048))]
    thumbnail: u32,

    /// Hide detections with a lower score, until the slider in the page is moved [default: 0.5 for probabilities; 0 for
    /// margins, that is, if any score is outside 0 to 1]
    #[arg(long, value_name = "SCORE", value_parser = numbers::finite, allow_negative_numbers = true)]
    score: Option<f64>,

    /// Include at most N detections and N proposals per image, the best ones
    #[arg(long, value_name = "N", default_value_t = 100)]
    max: usize,

    /// Minimum overlap (IoU) with an object of its class for a detection to be correct
    #[arg(long, value_name = "IOU", default_value_t = 0.5, value_parser = numbers::overlap)]
    iou: f64,

    #[command(flatten)]
    image: ImageArgs,

    #[command(flatten)]
    pub(super) common: Common,
}

/// The most bytes of lines that are drawn at once.
const MOST_BYTES_AT_ONCE: usize = 256 << 20;

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let is_page = |ending: &OsStr| ["html", "htm"].iter().any(|known| ending.eq_ignore_ascii_case(known));
        if self.output.extension().is_some_and(|ending| !is_page(ending)) {
            bail!("{}: a page is an .html file", self.output.display());
        }
        not_an_input(&self.output, &self.inputs)?;
        self.inputs.check_terminal(io)?;
        pass_on(io, Some(&self.output));
        let mut failed = 0;
        write_atomically(&self.output, |file| {
            failed = self.write(io, file)?;
            Ok(())
        })?;
        Ok(Outcome::of(failed))
    }

    /// Writes the page; returns how many records failed.
    fn write(&self, io: &mut Io, file: &mut dyn Write) -> Result<usize> {
        let messages = io.messages.clone();
        let mut run = Run {
            args: self,
            images: self.image.images(&messages),
            messages,
            page: Page::start(file, &self.title())?,
            evaluator: VocEvaluator::new(VocConfig { iou: self.iou, plus_one: false }),
            threshold: Threshold::new(self.score, self.max),
            cut: [0; 4],
            shown: 0,
            left_out: 0,
            failed: 0,
        };
        let (mut lines, mut bytes) = (Vec::new(), 0);
        let at_once = 4 * self.common.thread_count();
        each_line(io, &self.inputs, |line, stdout| {
            bytes += line.record.size();
            lines.push(line);
            if lines.len() >= at_once || bytes >= MOST_BYTES_AT_ONCE {
                bytes = 0;
                run.take(std::mem::take(&mut lines), stdout)?;
            }
            Ok(())
        })?;
        run.take(lines, &mut io.output)?;
        run.finish()
    }

    fn title(&self) -> String {
        let name = || self.output.file_stem().map(|name| name.to_string_lossy().into_owned());
        self.title.clone().or_else(name).unwrap_or_default()
    }
}

/// A page in the making.
struct Run<'a> {
    args: &'a Args,
    images: Images,
    messages: Messages,
    page: Page<'a>,
    evaluator: VocEvaluator,
    threshold: Threshold,
    /// See [`Card::cut`].
    cut: [usize; 4],
    shown: usize,
    left_out: usize,
    failed: usize,
}

impl Run<'_> {
    /// Adds cards of the lines to the page, made on all threads, and passes the records on.
    fn take(&mut self, mut lines: Vec<Line>, output: &mut dyn Write) -> Result<()> {
        let replaced = |line: &Line| is_image_of(&self.args.output, &line.record).unwrap_or(false);
        if lines.iter().any(replaced) {
            let output = self.args.output.display();
            bail!("{output}: is an image of the records, which the page would replace; name another --output");
        }
        let room = self.args.records - self.shown;
        let beyond = lines.split_off(room.min(lines.len()));
        let limits = Limits { thumbnail: self.args.thumbnail, boxes: self.args.max, iou: self.args.iou };
        let images = &self.images;
        let card = |line: &mut Line| {
            let result = guarded(|| Ok(Card::of(&mut line.record, images, limits)));
            result.unwrap_or_else(|error| Card::failed(&line.record, error))
        };
        let cards: Vec<Card> = lines.par_iter_mut().map(card).collect();
        self.shown += cards.len();
        self.left_out += beyond.len();
        let mut writer = Writer::new(output);
        for (mut line, card) in lines.into_iter().zip(cards) {
            self.add(&mut line, card)?;
            writer.write(&line.record)?;
            if self.failed > 0 && self.args.common.strict {
                bail!(STRICT);
            }
        }
        for line in beyond {
            if line.broken {
                report_broken(&self.messages, &line);
                self.failed += 1;
            }
            writer.write(&line.record)?;
        }
        Ok(())
    }

    fn add(&mut self, line: &mut Line, card: Card) -> Result<()> {
        if line.broken {
            report_broken(&self.messages, line);
            self.failed += 1;
        } else if let Some(error) = &card.failure {
            let text = one_line(error);
            report_failed(&self.messages, &line.place, &text);
            line.record.fail(self.messages.tool(), text);
            self.failed += 1;
        }
        self.cut.iter_mut().zip(card.cut).for_each(|(sum, count)| *sum += count);
        let (detections, objects) = card.all();
        self.threshold.next(detections.iter().map(|detection| detection.score), card.proposal_count());
        if card.has_truth() {
            self.evaluator.add(objects, detections);
        }
        self.page.add(&card)
    }

    fn finish(self) -> Result<usize> {
        let score = self.threshold.current();
        self.threshold.report_proposals(&self.messages);
        let max = format!("not drawn: --max {} per image", self.args.max);
        let whys = [
            max.as_str(),
            "not drawn: at most 2000 per image",
            "left out: at most 10 per record",
            "cut to 4000 characters",
        ];
        let kinds = ["detection", "object", "prediction", "text"].into_iter().zip(whys);
        for (count, (what, why)) in self.cut.into_iter().zip(kinds).filter(|(count, _)| *count > 0) {
            self.messages.note(format_args!("{} {why}", counted(count, what)));
        }
        if self.shown == 0 {
            self.messages.note("no records; the page is empty");
        }
        if self.left_out > 0 {
            let left_out = counted(self.left_out, "record");
            self.messages.note(format_args!("{left_out} beyond --records {} not in the page", self.args.records));
        }
        let classes = self.evaluator.finish().classes;
        self.page.finish(&classes, score, self.args.iou, self.left_out)?;
        Ok(self.failed)
    }
}
