//! The pairs to train on and to validate with.

use anyhow::{Context, Result, bail};
use dl_train::gan::paired::{PairedImages, PairedValidation};
use dl_vision::picture::Loader;

use super::PairedArgs;
use super::recipe::{Body, Recipe};
use crate::common::{Inputs, Io, Job, Tally, each_record};
use crate::tools::gan_train::pictures::SizeName;

/// Largest side that is taken from the images.
const LARGEST: u32 = 256;

/// The pairs, and the size of the targets.
pub(super) struct Data {
    pub(super) images: PairedImages,
    /// [height, width]
    pub(super) size: [usize; 2],
    pub(super) validation: Option<PairedValidation>,
    pub(super) validation_digest: Option<String>,
    pub(super) tally: Tally,
}

impl Data {
    pub(super) fn read(args: &PairedArgs, recipe: &Recipe, io: &mut Io) -> Result<Self> {
        let (images, tally) = pairs(&args.training.inputs, args, recipe, io)?;
        match tally.good {
            0 if tally.failed > 0 => bail!("no record can be trained on"),
            0 => bail!("no records to train on; give records with `image`, for example of dl-data from folder"),
            1 => bail!("a GAN cannot be trained on one image; give several"),
            _ => {}
        }
        let size = size(args, recipe, &images)?;
        recipe.check_size(size)?;
        let [height, width] = size;
        let what = match (&recipe.body, images.has_targets()) {
            (Body::SuperResolution { .. }, _) => format!("images, as crops of {width} x {height} pixels"),
            (Body::Patches(_), true) => format!("pairs of images, as {width} x {height} pixels"),
            (Body::Patches(_), false) => format!("images, as {width} x {height} pixels"),
        };
        io.messages.note(format_args!("{} {what}", images.len()));
        let (mut validation, mut validation_digest) = (None, None);
        if let Some(path) = &args.val {
            let of_option = || format!("--val {}", path.display());
            let inputs = Inputs { inputs: vec![path.display().to_string()] };
            let (held_out, found) = pairs(&inputs, args, recipe, io)?;
            if found.failed > 0 {
                bail!("{}: {} records cannot be used", of_option(), found.failed);
            }
            let (bytes, seed) = (args.cache.saturating_mul(1_000_000), args.training.common.seed);
            validation = Some(PairedValidation::new(&held_out, recipe.kind, bytes, seed).with_context(of_option)?);
            validation_digest = Some(held_out.digest().to_string());
        }
        Ok(Self { images, size, validation, validation_digest, tally })
    }
}

fn pairs(inputs: &Inputs, args: &PairedArgs, recipe: &Recipe, io: &mut Io) -> Result<(PairedImages, Tally)> {
    let mut images = PairedImages::default();
    let job = Job { common: &args.training.common, inputs };
    let tally = each_record(io, job, |record, _| images.push(&record, recipe.target.as_deref()))?;
    Ok((images, tally))
}

/// [height, width] of the targets in training.
fn size(args: &PairedArgs, recipe: &Recipe, images: &PairedImages) -> Result<[usize; 2]> {
    let patch = match &recipe.body {
        Body::SuperResolution { crop, .. } => return Ok([*crop; 2]),
        Body::Patches(patch) => patch,
    };
    if let Some(SizeName(size)) = patch.size {
        return Ok(size);
    }
    let loader = Loader::new(args.image.truncated());
    let first = images.sources().iter().find_map(|source| loader.load(source).ok().map(|image| image.dimensions()));
    let (width, height) = first.context("no image can be decoded")?;
    Ok([height, width].map(|side| ((side.min(LARGEST) + 16) / 32 * 32).max(32) as usize))
}
