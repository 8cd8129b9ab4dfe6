//! Fast R-CNN (Girshick 2015): a detector of whole images that is given the regions to look at.

use anyhow::{Context, Result};
use dl_models::detection::rcnn::GeneralizedRcnn;
use dl_models::detection::{Detector, Rules};
use dl_record::BBox;

use super::{Args, images};
use crate::common::{Io, Job, Outcome, map_batches};

/// Detects objects among the `proposals` of the records.
pub(super) fn run(args: &Args, detector: &GeneralizedRcnn, rules: &Rules, io: &mut Io) -> Result<Outcome> {
    let opened = args.truncated.images(&io.messages);
    let job = Job { common: &args.common, inputs: &args.inputs };
    map_batches(
        io,
        job,
        args.common.thread_count(),
        |record| {
            let proposals = record.proposals()?.context("the record has no \"proposals\"; run dl-propose first")?;
            let regions = proposals.iter().map(|proposal| proposal.bbox.check().map(|()| proposal.bbox));
            let regions: Vec<BBox> = regions.collect::<Result<_, _>>()?;
            let image = opened.open(record)?;
            let placed = detector.placed(image.width(), image.height());
            let input = detector.preprocessing().input(&image, &placed.source, placed.size);
            Ok((placed, input, regions))
        },
        |records, prepared| {
            let each = records.iter_mut().zip(prepared).map(|(record, (placed, input, regions))| {
                let found = detector.detect_regions(&input, &[placed], &[regions], rules)?.pop();
                images::write(record, detector, found.unwrap_or_default())
            });
            each.collect()
        },
    )
}
