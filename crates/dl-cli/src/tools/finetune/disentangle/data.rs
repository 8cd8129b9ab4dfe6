//! The images, and the classes of their codes.

use anyhow::{Result, bail, ensure};
use dl_models::gan::Canvas;
use dl_train::data::Images;
use dl_train::disentangle::{CodeBatchConfig, CodeBatches, CodeImages};

use super::Args;
use crate::common::{Io, Job, Tally, each_record};
use crate::tools::gan_train::pictures::check_batch;

pub(super) struct Data {
    pub(super) images: CodeImages,
    pub(super) canvas: Canvas,
    pub(super) tally: Tally,
}

impl Data {
    /// Reads all records, and decodes the first images if the options do not say what they look like.
    pub(super) fn read(args: &Args, io: &mut Io) -> Result<Self> {
        let (mut images, tasks) = (CodeImages::default(), args.tasks());
        let job = Job { common: &args.training.common, inputs: &args.training.inputs };
        let tally = each_record(io, job, |record, _| images.push(&record, &tasks))?;
        match tally.good {
            0 if tally.failed > 0 => bail!("no record can be trained on"),
            0 => bail!("no records to train on; give records with `image`, and `domain` or `labels`"),
            1 => bail!("a single image has no style to swap; give several"),
            _ => {}
        }
        images.finish(&tasks)?;
        let canvas = args.pictures.canvas(images.sources())?;
        let contents =
            if tasks.content.is_some() { format!(", {} contents", images.contents().len()) } else { String::new() };
        io.messages.note(format_args!(
            "{} images of {} styles{contents}, as {} x {} pixels, {}",
            images.sources().len(),
            images.styles().len(),
            canvas.width,
            canvas.height,
            if canvas.channels == 1 { "gray" } else { "RGB" }
        ));
        Ok(Self { images, canvas, tally })
    }

    /// Batches of `size` images; `broken` is told about images that cannot be decoded.
    pub(super) fn batches<'a>(
        &'a self,
        args: &Args,
        size: usize,
        broken: &'a (dyn Fn(&str) + Sync),
    ) -> Result<CodeBatches<'a>> {
        ensure!(size > 1, "--batch {size}: an image gets the style of another one of its batch; give at least 2");
        let pictures = &args.pictures;
        let images = Images::new(self.images.sources(), pictures.truncated(), pictures.cache_bytes(), broken);
        let (seed, flip) = (args.training.common.seed, pictures.flip);
        let config = CodeBatchConfig { canvas: self.canvas, size, flip, seed };
        check_batch(2 * size, config.canvas.numbers(), "--size")?;
        Ok(CodeBatches::new(&self.images, images, config))
    }
}
