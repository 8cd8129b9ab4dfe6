//! `dl-propose rpn`: the region proposal network of a detector (Ren et al. 2015).

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args as ClapArgs;
use dl_models::ModelFile;
use dl_models::detection::{self, Detector};
use dl_record::Proposal;
use serde_json::Map;

use crate::common::{Common, DeviceArgs, ImageArgs, Inputs, Io, Job, Outcome, map_batches};

/// Propose the regions of a detector's region proposal network (Ren et al. 2015)
///
/// The first half of Faster, Mask or Cascade R-CNN. The regions can be embedded and scored like any others (R-CNN), given
/// to a Fast R-CNN with dl-detect, or compared with those of selective search by dl-eval proposals. The score is the
/// probability that the region shows an object.
#[derive(ClapArgs, Debug)]
#[command(after_help = "\
Examples:
  dl-propose rpn --model fasterrcnn_resnet50_fpn.pth photo.jpg
  dl-data from voc VOC2007 --split test \\
    | dl-propose rpn --model fasterrcnn_resnet50_fpn.pth --max 300 \\
    | dl-eval proposals")]
pub(super) struct Rpn {
    #[command(flatten)]
    inputs: Inputs,

    /// Model file: a detector with a region proposal network
    #[arg(long, value_name = "FILE")]
    model: PathBuf,

    /// Architecture of the detector, if the file does not state it
    #[arg(long, value_name = "NAME")]
    arch: Option<String>,

    /// Propose at most N regions per image [default: that of the detector's recipe]
    #[arg(long, value_name = "N")]
    max: Option<usize>,

    #[command(flatten)]
    image: ImageArgs,

    #[command(flatten)]
    device: DeviceArgs,

    #[command(flatten)]
    pub(super) common: Common,
}

impl Rpn {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let arch = self.arch.as_deref();
        let file = match ModelFile::open(&self.model, arch)? {
            ModelFile::Detector(file) => file,
            other => return Err(other.unfit(&self.model, "a detector")),
        };
        let detector = detection::open(file, arch, &self.device.open()?)?;
        let two_stage = detector.as_deref().and_then(Detector::two_stage).filter(|detector| detector.has_proposals());
        let detector = two_stage
            .with_context(|| format!("model {}: the detector has no region proposal network", self.model.display()))?;
        let images = self.image.images(&io.messages);
        let job = Job { common: &self.common, inputs: &self.inputs };
        map_batches(
            io,
            job,
            self.common.thread_count(),
            |record| {
                let image = images.open(record)?;
                let placed = detector.placed(image.width(), image.height());
                let input = detector.preprocessing().input(&image, &placed.source, placed.size);
                Ok((placed, input))
            },
            |records, prepared| {
                let each = records.iter_mut().zip(prepared).map(|(record, (placed, input))| {
                    let found = detector.proposals(&input, &[placed])?.pop().unwrap_or_default();
                    let best = found.into_iter().take(self.max.unwrap_or(usize::MAX));
                    let proposals: Vec<Proposal> = best
                        .map(|found| Proposal { bbox: found.bbox, score: found.score, extra: Map::new() })
                        .collect();
                    record.set_proposals(&proposals)
                });
                each.collect()
            },
        )
    }
}
