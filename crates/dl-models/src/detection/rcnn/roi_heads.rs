//! The second stage: classes, boxes and masks of proposed regions (torchvision's `RoIHeads`; the cascade of Cai and
//! Vasconcelos 2018, whose stages refine each other's boxes and whose scores are averaged).

use anyhow::{Result, ensure};
use candle_core::Tensor;
use dl_record::{BBox, Mask};
use dl_vision::boxes::{BoxCoder, NmsConfig, nms};
use dl_vision::masks::paste;
use rayon::prelude::*;

use super::box_head::{self, BoxNetwork, probabilities};
use super::layout::{Layout, RoiMethod};
use super::mask_head::{self, MASKS, MaskNetwork};
use super::planned::Planned;
use super::recipe::Recipe;
use super::{roi, transform};
use crate::detection::{Found, Placed, Rules};
use crate::plain;

pub(super) struct RoiHeads {
    pub(super) stages: Vec<Planned<BoxNetwork>>,
    pub(super) masks: Option<Planned<MaskNetwork>>,
    /// Including the background.
    pub(super) classes: usize,
}

/// The maps of one image, [1, channels, h, w] each, and its place in the input.
pub(super) struct Seen<'a> {
    pub(super) maps: &'a [Tensor],
    pub(super) placed: &'a Placed,
}

/// An object before suppression.
struct Candidate {
    class: usize,
    score: f64,
    /// In pixels of the input.
    bbox: BBox,
}

/// Regions whose masks are computed together: 64 x 256 x 14 x 14 numbers are 13 MB.
const MASKS_AT_ONCE: usize = 64;

impl RoiHeads {
    /// The objects among `proposals`, which are in pixels of the input.
    pub(super) fn detect(
        &self,
        seen: &Seen,
        proposals: Vec<BBox>,
        (layout, recipe): (&Layout, &Recipe),
        rules: &Rules,
    ) -> Result<Vec<Found>> {
        if proposals.is_empty() {
            return Ok(Vec::new());
        }
        let image = transform::resized(seen.placed);
        let candidates = self.candidates(seen, proposals, (layout, recipe), rules)?;
        let kept = select(candidates, recipe, rules);
        let boxes: Vec<BBox> = kept.iter().map(|found| found.bbox).collect();
        let classes: Vec<usize> = kept.iter().map(|found| found.class).collect();
        let mut masks = self.masks(seen, &boxes, &classes, image, (layout, recipe))?.into_iter();
        let found = kept.into_iter().map(|found| Found {
            bbox: seen.placed.clip(seen.placed.to_image(found.bbox)),
            class: found.class - 1,
            score: found.score,
            mask: masks.next(),
        });
        Ok(found.collect())
    }

    /// All classes of all regions above the threshold.
    fn candidates(
        &self,
        seen: &Seen,
        mut regions: Vec<BBox>,
        (layout, recipe): (&Layout, &Recipe),
        rules: &Rules,
    ) -> Result<Vec<Candidate>> {
        let [height, width] = transform::resized(seen.placed);
        let (count, classes) = (regions.len(), self.classes);
        let boxes_each = if layout.class_agnostic { 1 } else { classes };
        let mut mean = vec![0.0; count * classes];
        let mut deltas = Vec::new();
        let mut coder = BoxCoder::default();
        let decode = |coder: &BoxCoder, region: &BBox, row: &[f32], at: usize| {
            let deltas = std::array::from_fn(|i| f64::from(row[4 * at + i]));
            coder.decode(region, deltas).clip(width, height)
        };
        for (index, (stage, weights)) in self.stages.iter().zip(&layout.box_weights).enumerate() {
            if index > 0 {
                // The boxes of the stage before; there is one for each region.
                let rows = std::mem::take(&mut deltas);
                let moved = regions.iter().zip(rows.chunks_exact(4));
                regions = moved.map(|(region, row)| decode(&coder, region, row, 0)).collect();
            }
            coder = BoxCoder { weights: *weights };
            let pooled = pool(seen, &regions, layout.box_size, layout.roi, recipe)?;
            let mut outputs = stage.run_regions(&pooled, &[box_head::LOGITS, box_head::DELTAS])?;
            deltas = numbers(outputs.pop())?;
            let scores = probabilities(&numbers(outputs.pop())?, classes)?;
            ensure!(
                scores.len() == mean.len() && deltas.len() == count * boxes_each * 4,
                "the heads returned {} scores and {} deltas for {count} regions",
                scores.len(),
                deltas.len()
            );
            mean.iter_mut().zip(scores).for_each(|(mean, score)| *mean += score);
        }
        let stages = self.stages.len() as f64;
        let mut found = Vec::new();
        for ((region, scores), row) in
            regions.iter().zip(mean.chunks_exact(classes)).zip(deltas.chunks_exact(4 * boxes_each))
        {
            for (class, score) in scores.iter().enumerate().skip(1).filter(|(class, _)| rules.wants(class - 1)) {
                // In single precision, as the source's scores.
                let score = f64::from((score / stages) as f32);
                let high = rules.score.map_or(score > recipe.box_score_thresh, |least| score >= least);
                if !high {
                    continue;
                }
                let at = if layout.class_agnostic { 0 } else { class };
                let bbox = decode(&coder, region, row, at);
                // False for numbers that are not finite, too.
                if bbox.width() >= recipe.box_min_size && bbox.height() >= recipe.box_min_size {
                    found.push(Candidate { class, score, bbox });
                }
            }
        }
        Ok(found)
    }

    /// A mask for each box, which are in pixels of the input; none from a detector without masks.
    fn masks(
        &self,
        seen: &Seen,
        boxes: &[BBox],
        classes: &[usize],
        image: [f64; 2],
        (layout, recipe): (&Layout, &Recipe),
    ) -> Result<Vec<Mask>> {
        let Some(network) = &self.masks else { return Ok(Vec::new()) };
        let [width, height] = seen.placed.image;
        // torchvision's single precision, in which it rounds the corners of masks.
        let ratios = [width as f32 / image[1] as f32, height as f32 / image[0] as f32];
        let area = mask_head::SIDE * mask_head::SIDE;
        let mut masks = Vec::with_capacity(boxes.len());
        for (boxes, of_chunk) in boxes.chunks(MASKS_AT_ONCE).zip(classes.chunks(MASKS_AT_ONCE)) {
            let pooled = pool(seen, boxes, mask_head::BINS, layout.roi, recipe)?;
            let probabilities = numbers(network.run(&pooled, &[MASKS])?.pop())?;
            ensure!(
                probabilities.len() == boxes.len() * self.classes * area,
                "the mask head returned {} numbers for {} regions",
                probabilities.len(),
                boxes.len()
            );
            let rows = boxes.par_iter().zip(of_chunk).zip(probabilities.par_chunks_exact(self.classes * area));
            let pasted = rows.map(|((bbox, class), row)| {
                let [x1, y1, x2, y2] = <[f64; 4]>::from(*bbox).map(|edge| edge as f32);
                let bbox = [x1 * ratios[0], y1 * ratios[1], x2 * ratios[0], y2 * ratios[1]];
                paste(&row[class * area..][..area], mask_head::SIDE, bbox, [width, height], recipe.mask_thresh)
            });
            masks.extend(pasted.collect::<Result<Vec<Mask>>>()?);
        }
        Ok(masks)
    }
}

/// The best objects of each class, without those that overlap a better one.
fn select(candidates: Vec<Candidate>, recipe: &Recipe, rules: &Rules) -> Vec<Candidate> {
    let mut candidates = candidates;
    if rules.raw {
        // Stable: ties stay in the order of the regions.
        candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
        return candidates;
    }
    let boxes: Vec<BBox> = candidates.iter().map(|found| found.bbox).collect();
    let scores: Vec<f64> = candidates.iter().map(|found| found.score).collect();
    let classes: Vec<usize> = candidates.iter().map(|found| found.class).collect();
    let max = Some(rules.max.unwrap_or(recipe.box_detections_per_img));
    let config = NmsConfig { iou: recipe.box_nms_thresh, max, ..NmsConfig::default() };
    let kept = nms(&boxes, &scores, &classes, &config);
    kept.into_iter().map(|kept| Candidate { class: classes[kept.index], score: kept.score, bbox: kept.bbox }).collect()
}

/// The features of regions [regions, channels, size, size].
pub(super) fn pool(seen: &Seen, regions: &[BBox], size: usize, method: RoiMethod, recipe: &Recipe) -> Result<Tensor> {
    let height =
        if recipe.roi_scale_of_image { transform::resized(seen.placed)[0] as usize } else { seen.placed.size[0] };
    let regions: Vec<roi::ImageRegion> = regions.iter().map(|region| (0, *region)).collect();
    roi::pool(seen.maps, &regions, [height, size], method, recipe)
}

fn numbers(x: Option<Tensor>) -> Result<Vec<f32>> {
    match x {
        Some(x) => x.flatten_all().and_then(|x| x.to_vec1()).map_err(plain),
        None => anyhow::bail!("a network lost an output"),
    }
}
