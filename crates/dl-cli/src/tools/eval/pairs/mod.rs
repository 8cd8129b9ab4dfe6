//! Metrics of pairs of images.

mod figures;
pub(super) mod lpips;
pub(super) mod ms_ssim;
mod protocol;
pub(super) mod psnr;
pub(super) mod ssim;

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use dl_metrics::planes::Planes;
use dl_record::{Record, Writer, write_atomically};
use dl_vision::picture::Loaded;
use image::RgbImage;

use self::figures::Figures;
use super::report::Format;
use super::source::carrying;
use crate::common::{Common, ImageArgs, Inputs, Io, Job, Outcome, Tally, each_record, not_an_input};

/// Options of every metric of pairs.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct PairArgs {
    #[command(flatten)]
    inputs: Inputs,

    /// Compare with the image in this field of the same record: a path or a data: URI
    #[arg(long, value_name = "FIELD", required_unless_present = "against")]
    field: Option<String>,

    /// Compare with the image of the record of the same `id` in a file of records (.jsonl), or with the image of the
    /// same path in a folder
    #[arg(long, value_name = "FILE|DIR", conflicts_with = "field")]
    against: Option<String>,

    /// Also write the records to this file, each with its figure
    #[arg(long, value_name = "FILE")]
    records: Option<PathBuf>,

    /// Output format [default: table on a terminal, otherwise json]
    #[arg(long, value_enum)]
    format: Option<Format>,

    #[command(flatten)]
    image: ImageArgs,

    #[command(flatten)]
    pub(super) common: Common,
}

/// A metric of two images.
trait Metric {
    /// The field of its figure, and the name of the figure in the report.
    const NAME: &'static str;

    /// The figure of a pair; infinite for equal images where the metric says so.
    fn measure(&mut self, image: &RgbImage, reference: &RgbImage) -> Result<f64>;

    /// What is reported beside the mean: names and JSON values.
    fn details(&self) -> Vec<(&'static str, serde_json::Value)>;
}

/// Where the other image of a pair is.
enum Reference {
    Field(String),
    /// By id: the image; `None` where the record carries `error` or failed.
    Records {
        path: String,
        images: HashMap<String, Option<String>>,
    },
}

impl PairArgs {
    /// Measures all pairs, and writes the report.
    fn run<M: Metric>(&self, io: &mut Io, metric: &mut M) -> Result<Outcome> {
        let mut errors = Tally::default();
        let reference = self.reference(io, &mut errors)?;
        let (figures, tally) = match &self.records {
            None => self.measure(io, metric, &reference, None)?,
            Some(path) => {
                not_an_input(path, &self.inputs)?;
                self.inputs.check_terminal(io)?;
                let mut measured = None;
                write_atomically(path, |output| {
                    measured = Some(self.measure(io, metric, &reference, Some(output))?);
                    Ok(())
                })?;
                measured.context("the file was not written")?
            }
        };
        errors.failed += tally.failed;
        errors.carried += tally.carried;
        if errors.carried > 0 {
            io.messages.note(format_args!("{} \"error\"; left out of the figures", carrying(errors.carried)));
        }
        if tally.good == 0 {
            io.messages.error("nothing to measure: no pair of images");
            return Ok(Outcome::SomeFailed);
        }
        figures.report(errors.failed + errors.carried, &*metric).write(io, self.format)?;
        Ok(Outcome::of(errors.failed))
    }

    fn reference(&self, io: &mut Io, errors: &mut Tally) -> Result<Reference> {
        let Some(path) = &self.against else {
            return Ok(Reference::Field(self.field.clone().context("--field or --against is needed")?));
        };
        let is_stdin = self.inputs.inputs.is_empty() || self.inputs.inputs.iter().any(|input| input == "-");
        if path == "-" && is_stdin {
            bail!("--against -: stdin is also the images to measure; name a file for one of the two");
        }
        let inputs = Inputs { inputs: vec![path.clone()] };
        let mut images: HashMap<String, Option<String>> = HashMap::new();
        let job = Job { common: &self.common, inputs: &inputs };
        let folder = format!("{}/", path.trim_end_matches('/'));
        let tally = each_record(io, job, |record, _| {
            let id: String = record.require("id", "which joins the images of both streams")?;
            // A folder's images are named by their paths below it.
            let id = id.strip_prefix(&folder).map(str::to_owned).unwrap_or(id);
            if images.insert(id.clone(), None).is_some() {
                bail!("duplicate id \"{id}\"");
            }
            let image = record.require("image", "it is the path of the image, or a data: URI")?;
            images.insert(id, Some(image));
            Ok(())
        })?;
        errors.failed += tally.failed;
        errors.carried += tally.carried;
        Ok(Reference::Records { path: path.clone(), images })
    }

    fn measure<M: Metric>(
        &self,
        io: &mut Io,
        metric: &mut M,
        reference: &Reference,
        output: Option<&mut dyn Write>,
    ) -> Result<(Figures, Tally)> {
        let mut output = output.map(|output| Writer::new(output as &mut dyn Write));
        let mut figures = Figures::default();
        let images = self.image.images(&io.messages);
        let mut fatal = None;
        let job = Job { common: &self.common, inputs: &self.inputs };
        let tally = each_record(io, job, |mut record, _| {
            let other = reference.of(&record, &self.inputs)?;
            let image: Loaded = images.open(&mut record)?;
            let other = images.load(&other)?;
            let figure = metric.measure(&image, &other)?;
            figures.add(figure);
            if let Some(output) = &mut output
                && fatal.is_none()
            {
                record.set(M::NAME, &figure.is_finite().then_some(figure))?;
                fatal = output.write(&record).err();
            }
            Ok(())
        })?;
        if let Some(error) = fatal {
            return Err(error.into());
        }
        if let Some(mut output) = output {
            output.flush()?;
        }
        Ok((figures, tally))
    }
}

impl Reference {
    /// The other image of a record.
    fn of(&self, record: &Record, inputs: &Inputs) -> Result<String> {
        match self {
            Self::Field(field) => record.require(field, "--field names the field of the other image"),
            Self::Records { path, images } => {
                let id: String = record.require("id", "which joins the images of both streams")?;
                // Of a folder in the inputs, too.
                let folders = inputs.inputs.iter().filter_map(|input| id.strip_prefix(input.trim_end_matches('/')));
                let short = folders.filter_map(|rest| rest.strip_prefix('/')).find(|rest| images.contains_key(*rest));
                match images.get(&id).or_else(|| images.get(short?)) {
                    Some(Some(image)) => Ok(image.clone()),
                    Some(None) => bail!("the record \"{id}\" of {path} failed"),
                    None => bail!("{path} has no record with the id \"{id}\"; images are joined by equal ids"),
                }
            }
        }
    }
}

/// The planes of an 8-bit image.
fn planes(image: &RgbImage) -> Result<Planes> {
    Planes::of_rgb(image.as_raw(), image.width() as usize, image.height() as usize)
}
