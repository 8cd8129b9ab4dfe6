//! The images of both domains.

use anyhow::{Result, bail};
use dl_models::gan::Canvas;
use dl_train::data::Images;
use dl_train::gan::{UnpairedBatchConfig, UnpairedBatches, UnpairedImages};

use super::options::UnpairedArgs;
use crate::common::{Io, Job, Tally, each_record};
use crate::tools::gan_train::pictures::check_batch;

/// The images, and what they look like.
pub(super) struct Data {
    pub(super) images: UnpairedImages,
    pub(super) canvas: Canvas,
    pub(super) tally: Tally,
    pub(super) seed: u64,
}

impl Data {
    /// Reads all records, and decodes the first images if the options do not say what they look like.
    pub(super) fn read(args: &UnpairedArgs, io: &mut Io) -> Result<Self> {
        let mut images = UnpairedImages::default();
        let job = Job { common: &args.training.common, inputs: &args.training.inputs };
        let tally = each_record(io, job, |record, _| images.push(&record))?;
        match tally.good {
            0 if tally.failed > 0 => bail!("no record can be trained on"),
            0 => bail!("no records to train on; give records with `image`, and `domain` or `label`"),
            _ => {}
        }
        let left_out = images.finish(args.domains())?;
        if left_out > 0 {
            io.messages.note(format_args!("{left_out} images of other domains are left out"));
        }
        let [a, b] = images.sources();
        // Some of both decide whether all are gray.
        let first: Vec<String> = a.iter().zip(b).take(8).flat_map(|(a, b)| [a.clone(), b.clone()]).collect();
        let canvas = args.pictures.canvas(&first)?;
        let [of_a, of_b] = images.names();
        let colors = if canvas.channels == 1 { "gray" } else { "RGB" };
        io.messages.note(format_args!(
            "{} images of {of_a}, {} of {of_b}, as {} x {} pixels, {colors}",
            a.len(),
            b.len(),
            canvas.width,
            canvas.height
        ));
        Ok(Self { images, canvas, tally, seed: args.training.common.seed })
    }

    /// Batches of `size` images of each domain; `broken` is told about images that cannot be decoded.
    pub(super) fn batches<'a>(
        &'a self,
        args: &UnpairedArgs,
        size: usize,
        broken: &'a (dyn Fn(&str) + Sync),
    ) -> Result<UnpairedBatches<'a>> {
        let sources = self.images.sources();
        let most = sources.iter().map(Vec::len).min().unwrap_or(1);
        let bytes = args.pictures.cache_bytes() / 2;
        let caches = sources.each_ref().map(|own| Images::new(own, args.pictures.truncated(), bytes, broken));
        let config = UnpairedBatchConfig {
            canvas: self.canvas,
            enlarge: args.random_crop,
            size: size.min(most.max(1)),
            flip: args.pictures.flip,
            seed: self.seed,
        };
        check_batch(2 * config.size, config.canvas.numbers(), "--size")?;
        Ok(UnpairedBatches::new(&self.images, caches, config))
    }
}
