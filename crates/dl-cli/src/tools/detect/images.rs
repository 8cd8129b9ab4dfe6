//! Detectors of whole images: batches of views of the images, and one result per image.

use anyhow::{Context, Result, bail, ensure};
use dl_models::detection::{Detector, Found, Placed, Rules};
use dl_record::Record;
use image::RgbImage;
use rayon::prelude::*;

use super::views::{Seen, View, views};
use super::{Args, merge, regions};
use crate::common::{Io, Job, Outcome, RecipeName, map_weighed_batches, numbers};

/// Options of detectors of whole images.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Detectors")]
pub(super) struct DetectorArgs {
    /// Report only these classes
    #[arg(long, value_name = "LABEL,...", value_delimiter = ',')]
    classes: Vec<String>,

    /// Use the thresholds, the suppression and the numbers of boxes of this program, instead of those in the model
    #[arg(long, value_enum, value_name = "PROGRAM")]
    pub(super) recipe: Option<RecipeName>,

    /// Skip non-maximum suppression: dl-nms can follow
    #[arg(long)]
    raw: bool,

    /// Also detect in the mirrored image, and merge (test-time augmentation)
    #[arg(long)]
    tta: bool,

    /// Also detect in square tiles of PIXELS, for small objects in large images, and merge
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(32..=16384))]
    tile: Option<u32>,

    /// Fraction of a tile that overlaps the next one
    #[arg(long, value_name = "FRACTION", default_value_t = 0.2, value_parser = numbers::tile_overlap)]
    overlap: f64,

    /// Also write `cells`: what each cell of YOLOv1's grid predicts; dl-draw grid draws it
    #[arg(long, conflicts_with_all = ["tta", "tile"])]
    cells: bool,

    /// Images that are computed together; does not affect the results
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = numbers::batch)]
    batch: usize,
}

impl DetectorArgs {
    /// The name of an option that is given, if any.
    pub(super) fn given(&self) -> Option<&'static str> {
        [
            (!self.classes.is_empty(), "--classes"),
            (self.recipe.is_some(), "--recipe"),
            (self.raw, "--raw"),
            (self.tta, "--tta"),
            (self.tile.is_some(), "--tile"),
            (self.cells, "--cells"),
        ]
        .into_iter()
        .find_map(|(is_given, name)| is_given.then_some(name))
    }
}

/// An image of more bytes fills a batch, so that few of them are in memory at once.
const LARGE: usize = 100_000_000;

/// Detects objects in the images of the records.
pub(super) fn run(args: &Args, detector: &dyn Detector, io: &mut Io) -> Result<Outcome> {
    let rules = rules(args, detector)?;
    if let Some(note) = detector.note() {
        io.messages.note(note);
    }
    if let Some(fast) = detector.two_stage().filter(|detector| !detector.has_proposals()) {
        ensure!(
            !args.image.tta && args.image.tile.is_none(),
            "--tile and --tta are for detectors that find regions themselves; this one needs proposals"
        );
        return regions::run(args, fast, &rules, io);
    }
    if args.image.cells {
        detector.cells(&[], &[]).context("--cells")?;
    }
    let images = args.truncated.images(&io.messages);
    let batch = args.image.batch;
    let job = Job { common: &args.common, inputs: &args.inputs };
    let weight = |image: &RgbImage| if image.as_raw().len() > LARGE { batch } else { 1 };
    map_weighed_batches(
        io,
        job,
        batch,
        weight,
        |record| Ok(images.open(record)?.into_image()),
        |records, images| {
            let found = detect(args, detector, &rules, &images);
            let write = |((record, image), found): ((&mut &mut Record, &RgbImage), Result<Vec<Found>>)| {
                write(record, detector, found?)?;
                if args.image.cells { write_cells(record, detector, image) } else { Ok(()) }
            };
            records.iter_mut().zip(&images).zip(found).map(write).collect()
        },
    )
}

fn rules(args: &Args, detector: &dyn Detector) -> Result<Rules> {
    let labels = detector.labels();
    let class = |label: &String| match labels.iter().position(|known| known == label) {
        Some(class) => Ok(class),
        None => {
            let more = if labels.len() > 20 { ", ..." } else { "" };
            let some: Vec<&str> = labels.iter().take(20).map(String::as_str).collect();
            bail!("--classes: the model has no class \"{label}\"; it has {}{more}", some.join(", "))
        }
    };
    let classes = args.image.classes.iter().map(class).collect::<Result<Vec<_>>>()?;
    Ok(Rules {
        score: args.score,
        max: args.max,
        classes: (!classes.is_empty()).then_some(classes),
        raw: args.image.raw,
    })
}

/// The objects in each image.
fn detect(args: &Args, detector: &dyn Detector, rules: &Rules, images: &[RgbImage]) -> Vec<Result<Vec<Found>>> {
    let DetectorArgs { tta, tile, overlap, batch, .. } = args.image;
    let all: Vec<(usize, View)> = images
        .iter()
        .enumerate()
        .flat_map(|(index, image)| {
            views(image.dimensions(), tile, overlap, tta).into_iter().map(move |view| (index, view))
        })
        .map(|(index, view)| (index, view.placed(detector)))
        .collect();
    let mut found: Vec<Result<Vec<Vec<Seen>>>> = images.iter().map(|_| Ok(Vec::new())).collect();
    for same_size in all.chunk_by(|(_, a), (_, b)| a.placed.size == b.placed.size) {
        for some in same_size.chunks(batch) {
            // An error of one image must not become that of its neighbors.
            let together = compute(detector, rules, images, some);
            let each: Vec<Result<Vec<Found>>> = match together {
                Ok(found) => found.into_iter().map(Ok).collect(),
                Err(_) => some
                    .chunks(1)
                    .map(|one| compute(detector, rules, images, one).map(|mut found| found.pop().unwrap_or_default()))
                    .collect(),
            };
            for ((index, view), result) in some.iter().zip(each) {
                let seen = result.and_then(|result| view.to_image(result, images[*index].dimensions().into()));
                match (&mut found[*index], seen) {
                    (Ok(all), Ok(seen)) => all.push(seen),
                    (all @ Ok(_), Err(error)) => *all = Err(error),
                    _ => {}
                }
            }
        }
    }
    let is_one_view = tile.is_none() && !tta;
    found
        .into_iter()
        .map(|views| {
            let views = views?;
            if is_one_view || rules.raw {
                return Ok(views.into_iter().flatten().map(|seen| seen.found).collect());
            }
            merge::merged(views, rules.max)
        })
        .collect()
}

/// The objects in views of one input size, in pixels of the views.
fn compute(
    detector: &dyn Detector,
    rules: &Rules,
    images: &[RgbImage],
    views: &[(usize, View)],
) -> Result<Vec<Vec<Found>>> {
    let (x, placed) = input(detector, images, views);
    detector.detect(&x, &placed, rules)
}

/// The input [n, 3, h, w] of views of one input size.
fn input(detector: &dyn Detector, images: &[RgbImage], views: &[(usize, View)]) -> (Vec<f32>, Vec<Placed>) {
    let [height, width] = views.first().map_or([0, 0], |(_, view)| view.placed.size);
    let preprocessing = detector.preprocessing();
    let length = 3 * height * width;
    let mut x = vec![0.0; views.len() * length];
    x.par_chunks_exact_mut(length.max(1)).zip(views).for_each(|(input, (index, view))| {
        preprocessing.fill(&images[*index], &view.source(), view.placed.size, input);
        if view.is_mirrored {
            input.chunks_exact_mut(width).for_each(<[f32]>::reverse);
        }
    });
    (x, views.iter().map(|(_, view)| view.placed).collect())
}

/// Adds the cells of the detector's grid.
fn write_cells(record: &mut Record, detector: &dyn Detector, image: &RgbImage) -> Result<()> {
    let views = views(image.dimensions(), None, 0.0, false).into_iter().map(|view| (0, view.placed(detector)));
    let (x, placed) = input(detector, std::slice::from_ref(image), &views.collect::<Vec<_>>());
    let cells = detector.cells(&x, &placed)?;
    record.set_cells(&cells.into_iter().next().context("one image has one grid")?)
}

pub(super) fn write(record: &mut Record, detector: &dyn Detector, found: Vec<Found>) -> Result<()> {
    let detections: Vec<_> = found.into_iter().map(|found| found.detection(detector.labels())).collect();
    record.set_detections(&detections)
}
