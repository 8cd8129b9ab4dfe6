//! The images to train on.

use anyhow::{Result, bail, ensure};
use dl_models::gan::{Canvas, FeatureCondition};
use dl_record::Record;
use dl_train::gan::{GanImages, Told};
use dl_transfer::{WholeFeatures, whole_features};

use super::network::Start;
use super::options::{ConditionName, LatentArgs};
use crate::common::{Io, Job, Tally, each_record};
use crate::tools::gan_train::pictures::SizeName;
use crate::tools::gan_train::training::TrainingArgs;

/// The images, and what they look like.
pub(super) struct Data {
    pub(super) images: GanImages,
    pub(super) canvas: Canvas,
    pub(super) tally: Tally,
}

impl Data {
    /// Reads all records, and decodes the first images if the options do not say what they look like.
    pub(super) fn read(
        args: &LatentArgs,
        told: Option<&ConditionName>,
        start: Option<&Start>,
        io: &mut Io,
    ) -> Result<Self> {
        let labels = start.and_then(|start| start.config().labels.as_deref());
        let canvas = |images: &GanImages| match start {
            Some(start) => of_start(args, start),
            None => args.pictures.canvas(images.sources()),
        };
        Self::of(&args.training, (told, labels), canvas, io)
    }

    /// Reads all records, and what is told of them, of these labels if they are given.
    pub(super) fn of(
        args: &TrainingArgs,
        (told, labels): (Option<&ConditionName>, Option<&[String]>),
        canvas: impl FnOnce(&GanImages) -> Result<Canvas>,
        io: &mut Io,
    ) -> Result<Self> {
        let mut images = GanImages::default();
        let job = Job { common: &args.common, inputs: &args.inputs };
        let tally = each_record(io, job, |record, _| images.push(&record, told_of(&record, told)?))?;
        match tally.good {
            0 if tally.failed > 0 => bail!("no record can be trained on"),
            0 => bail!("no records to train on; give records with `image`, for example of dl-data from folder"),
            1 => bail!("a GAN cannot be trained on one image; give several"),
            _ => {}
        }
        images.finish(labels)?;
        let canvas = canvas(&images)?;
        let labeled = told == Some(&ConditionName::Label);
        if labeled && images.labels().len() < 2 {
            io.messages.note("all images have the same label: samples of a label are samples of all");
        }
        let colors = if canvas.channels == 1 { "gray" } else { "RGB" };
        let told = match images.condition() {
            Some(FeatureCondition { feature, columns, .. }) => format!(" with {columns} features {feature}"),
            None if labeled => format!(" of {} labels", images.labels().len()),
            None => String::new(),
        };
        io.messages.note(format_args!(
            "{} images{told}, as {} x {} pixels, {colors}",
            images.sources().len(),
            canvas.width,
            canvas.height
        ));
        Ok(Self { images, canvas, tally })
    }
}

/// What the networks are told of a record's image.
fn told_of(record: &Record, told: Option<&ConditionName>) -> Result<Told> {
    match told {
        None => Ok(Told::Nothing),
        Some(ConditionName::Label) => Ok(Told::Label),
        Some(ConditionName::Feature(name)) => {
            let WholeFeatures { layer, network, row } = whole_features(record, Some(name))?;
            Ok(Told::Features(FeatureCondition { feature: layer, columns: row.len(), network }, row))
        }
    }
}

fn of_start(args: &LatentArgs, start: &Start) -> Result<Canvas> {
    let canvas = start.config().image;
    if let Some(SizeName([height, width])) = args.pictures.size {
        ensure!(
            [height, width] == [canvas.height, canvas.width],
            "--size {width}x{height}: the generator of --init-from makes {} x {} pixels",
            canvas.width,
            canvas.height
        );
    }
    if let Some(colors) = args.pictures.colors {
        ensure!(
            colors.channels() == canvas.channels,
            "--colors: the generator of --init-from makes images of {} channels",
            canvas.channels
        );
    }
    ensure!(
        matches!(canvas.channels, 1 | 3),
        "the generator of --init-from makes images of {} channels; gray and RGB are supported",
        canvas.channels
    );
    Ok(canvas)
}
