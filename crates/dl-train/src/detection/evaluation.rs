//! The average precision of a detector on samples.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use dl_metrics::coco::{CocoBuilder, CocoConfig, UNDEFINED, evaluate};
use dl_metrics::voc::{VocConfig, VocEvaluator};
use dl_models::detection::{Detector, Found, Placed, Rules};
use dl_record::{BBox, Object};
use image::RgbImage;
use rayon::prelude::*;
use std::sync::Arc;

use super::{Sample, Samples};
use crate::data::Images;
use crate::fit::Validation;

/// The least score of detections that are evaluated, so that the curves have their ends.
const LEAST_SCORE: f64 = 0.01;
/// Images that are computed together.
const TOGETHER: usize = 8;

/// Evaluates detectors on the same samples.
pub struct DetectionEvaluation<'a> {
    /// The samples.
    pub samples: &'a Samples,
    /// Their images.
    pub images: Images<'a>,
    /// Whether masks are compared, instead of boxes.
    pub masks: bool,
}

impl DetectionEvaluation<'_> {
    /// Computes `AP` (COCO's, over the IoUs from 0.5 to 0.95), which is the score, `AP50`, and `mAP` (VOC's of 2010, at
    /// an IoU of 0.5, without difficult objects).
    /// # Errors
    /// When no image can be decoded, or the detector fails.
    pub fn run(&self, detector: &dyn Detector) -> Result<Validation> {
        let mut coco = CocoBuilder::new(self.masks);
        let mut voc = VocEvaluator::new(VocConfig { iou: 0.5, plus_one: false });
        let mut count = 0;
        let samples: Vec<(u32, &Sample)> = (0..).zip(self.samples.samples()).collect();
        for some in samples.chunks(TOGETHER) {
            let decoded: Vec<(&Sample, Arc<RgbImage>)> =
                some.par_iter().filter_map(|(index, sample)| Some((*sample, self.images.get(*index)?))).collect();
            for ((sample, _), found) in decoded.iter().zip(detect(detector, &decoded)?) {
                let detections: Vec<_> = found.into_iter().map(|found| found.detection(detector.labels())).collect();
                let objects: Vec<Object> =
                    sample.objects.iter().filter(|object| object.bbox.area() > 0.0).cloned().collect();
                voc.add(&objects, &detections);
                coco.add(&sample.id, None, objects, detections)?;
                count += 1;
            }
        }
        ensure!(count > 0, "no validation image can be decoded");
        let report = evaluate(coco.build(), &CocoConfig { masks: self.masks, ..CocoConfig::default() });
        let figure = |index: usize| if report.stats[index] == UNDEFINED { 0.0 } else { report.stats[index] };
        let mean = voc.finish().mean(|class| class.ap_all_points).unwrap_or_default();
        let metrics = [("AP", figure(0)), ("AP50", figure(1)), ("mAP", mean)];
        let metrics: BTreeMap<String, f64> = metrics.map(|(name, value)| (name.to_owned(), value)).into();
        Ok(Validation { loss: None, score: figure(0), metrics })
    }
}

/// The objects in each image, of which those with inputs of one size are computed together.
fn detect(detector: &dyn Detector, images: &[(&Sample, Arc<RgbImage>)]) -> Result<Vec<Vec<Found>>> {
    let rules = Rules { score: Some(LEAST_SCORE), ..Rules::default() };
    let placed: Vec<Placed> = images.iter().map(|(_, image)| detector.placed(image.width(), image.height())).collect();
    let given = detector.two_stage().filter(|detector| !detector.has_proposals());
    let preprocessing = detector.preprocessing();
    let mut found: Vec<Vec<Found>> = Vec::with_capacity(images.len());
    let mut rest = images;
    for same in placed.chunk_by(|a, b| a.size == b.size) {
        let (now, later) = rest.split_at(same.len());
        rest = later;
        let [height, width] = same.first().context("a group has an image")?.size;
        let length = 3 * height * width;
        let mut x = vec![0.0; same.len() * length];
        x.par_chunks_exact_mut(length.max(1))
            .zip(now.par_iter().zip(same))
            .for_each(|(input, ((_, image), placed))| preprocessing.fill(image, &placed.source, placed.size, input));
        found.extend(match given {
            Some(detector) => {
                let regions: Vec<Vec<BBox>> = now.iter().map(|(sample, _)| sample.proposals.clone()).collect();
                detector.detect_regions(&x, same, &regions, &rules)?
            }
            None => detector.detect(&x, same, &rules)?,
        });
    }
    Ok(found)
}
