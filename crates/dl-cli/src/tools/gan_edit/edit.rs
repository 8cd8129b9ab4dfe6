//! One result per record: decode, run the network, write the result.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use candle_core::Device;
use dl_models::gan::{Task, Tiling, Translator};
use dl_record::Record;
use image::imageops::{FilterType, resize};
use image::{DynamicImage, GrayImage, RgbImage, RgbaImage};

use super::boxes::scale_boxes;
use super::mask::{CompleteArgs, Masks};
use super::result::{Format, Results};
use crate::common::{Common, ImageArgs, Images, Inputs, Io, Job, Outcome, is_gray, map_batches, numbers};

#[derive(clap::Args, Debug)]
pub(super) struct EditArgs {
    #[command(flatten)]
    inputs: Inputs,

    /// Model file of a generator: safetensors, or a PyTorch file whose tensors show the architecture
    #[arg(long, value_name = "FILE")]
    model: PathBuf,

    /// Folder for the results; created if it does not exist. The result of the record with the id `street/7` is
    /// DIR/street/7.png; a file that dl-gan-edit has not written is never replaced [default: each result is a `data:` URI
    /// in its record]
    #[arg(long, value_name = "DIR", alias = "out-dir")]
    output_dir: Option<PathBuf>,

    /// Format of the results
    #[arg(long, value_enum, default_value_t = Format::Png)]
    format: Format,

    /// Side of the tiles that a large image is cut into, in pixels; less takes less memory [default: by the network]
    #[arg(long, value_name = "PIXELS", value_parser = numbers::side)]
    tile: Option<usize>,

    #[command(flatten)]
    images: ImageArgs,

    #[command(flatten)]
    pub(super) common: Common,
}

impl EditArgs {
    /// `complete`: says what is missing, for a network that completes images.
    pub(super) fn run(&self, task: Task, complete: Option<&CompleteArgs>, io: &mut Io) -> Result<Outcome> {
        let translator = Translator::open(&self.model, &Device::Cpu)?;
        if translator.task != task {
            let (name, does) = (translator.architecture.name, translator.task.description());
            bail!("model {}: {name} {does}", self.model.display());
        }
        let tiling = match self.tile {
            Some(side) => translator.tiling(side).context("--tile")?,
            None => translator.default_tiling(),
        };
        let mut results = Results::new(self.output_dir.as_deref(), self.format, &self.inputs)?;
        let images = self.images.images_with_alpha(&io.messages);
        let masks = complete.map(|complete| complete.masks(&images)).transpose()?;
        let editor = Editor { translator, tiling, task, images, masks };
        let job = Job { common: &self.common, inputs: &self.inputs };
        // One image at a time, whose network runs on all threads: so memory does not grow with their number.
        let outcome = map_batches(
            io,
            job,
            1,
            |_| Ok(()),
            |records, _| records.iter_mut().map(|record| editor.edit(record, &mut results)).collect(),
        )?;
        results.report(&io.messages);
        Ok(outcome)
    }
}

struct Editor {
    translator: Translator,
    tiling: Tiling,
    task: Task,
    images: Images,
    masks: Option<Masks>,
}

impl Editor {
    /// Replaces the record's image. A record that fails stays as it is.
    fn edit(&self, record: &mut Record, results: &mut Results) -> Result<()> {
        let mut edited = record.clone();
        self.edit_in_place(&mut edited, results)?;
        *record = edited;
        Ok(())
    }

    fn edit_in_place(&self, record: &mut Record, results: &mut Results) -> Result<()> {
        let mut loaded = self.images.open(record)?;
        let alpha = loaded.take_alpha();
        let scale = self.translator.geometry.scale;
        if scale > 1 {
            scale_boxes(record, scale)?;
        }
        let (edited, alpha) = match &self.masks {
            // Transparent pixels are filled, too.
            Some(masks) => {
                let mask = masks.of(record, &loaded, alpha.as_ref(), &self.images)?;
                (self.translator.complete(&loaded, &mask, &self.tiling)?, None)
            }
            None => (self.translator.translate(&loaded, &self.tiling)?, alpha),
        };
        let is_gray = matches!(self.task, Task::SuperResolution | Task::Completion) && is_gray(&loaded);
        drop(loaded);
        let (width, height) = edited.dimensions();
        // Bicubic, which leaves the alpha of an image that keeps its size as it is.
        let alpha = alpha.map(|alpha| match alpha.dimensions() == (width, height) {
            true => alpha,
            false => resize(&alpha, width, height, FilterType::CatmullRom),
        });
        results.write(record, joined(edited, alpha, is_gray))?;
        record.set_width(&width)?;
        record.set_height(&height)
    }
}

fn joined(image: RgbImage, alpha: Option<GrayImage>, is_gray: bool) -> DynamicImage {
    let image = DynamicImage::ImageRgb8(image);
    let Some(alpha) = alpha else {
        return if is_gray { DynamicImage::ImageLuma8(image.into_luma8()) } else { image };
    };
    let mut both: RgbaImage =
        if is_gray { DynamicImage::from(image.into_luma8()).into_rgba8() } else { image.into_rgba8() };
    both.pixels_mut().zip(alpha.pixels()).for_each(|(pixel, alpha)| pixel.0[3] = alpha.0[0]);
    let both = DynamicImage::ImageRgba8(both);
    if is_gray { DynamicImage::ImageLumaA8(both.into_luma_alpha8()) } else { both }
}
