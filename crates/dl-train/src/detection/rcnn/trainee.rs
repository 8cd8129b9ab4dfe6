//! A two-stage detector in training.

use anyhow::{Result, ensure};
use candle_core::{DType, Device, Tensor};
use dl_models::detection::rcnn::{BatchMaps, GeneralizedRcnn};
use dl_models::{ModelConfig, Parameters, plain};
use dl_record::BBox;
use dl_vision::boxes::{BoxCoder, Match};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::box_loss::box_loss;
use super::mask_loss::mask_loss;
use super::regions::{self, Region};
use super::rpn_loss::{AnchorTargets, match_anchors, rpn_loss};
use super::sampler::Sampler;
use crate::detection::{DetectionLoss, Trainee, Truth};

/// A two-stage detector that is trained.
pub struct RcnnTrainee {
    detector: GeneralizedRcnn,
    sampler: Sampler,
}

/// torchvision's names of the losses of the heads; detectron2's of those of a cascade's stages.
const OF_ONE_STAGE: [&str; 2] = ["loss_classifier", "loss_box_reg"];
const OF_CASCADE: [[&str; 2]; 3] = [
    ["loss_cls_stage0", "loss_box_reg_stage0"],
    ["loss_cls_stage1", "loss_box_reg_stage1"],
    ["loss_cls_stage2", "loss_box_reg_stage2"],
];

/// Parts of a loss, by name.
type Parts = Vec<(&'static str, Tensor)>;

impl RcnnTrainee {
    /// The detector of `config` with trainable weights.
    /// # Errors
    /// When the config is not that of a two-stage detector, or a weight has another shape.
    pub fn new(config: &ModelConfig, parameters: &Parameters, device: &Device) -> Result<Self> {
        let detector = GeneralizedRcnn::from_config(config, parameters.builder(device))?;
        Ok(Self { detector, sampler: Sampler::Random })
    }

    /// The same with another choice of examples.
    #[must_use]
    pub fn with_sampler(self, sampler: Sampler) -> Self {
        Self { sampler, ..self }
    }

    /// The detector.
    pub fn detector(&self) -> &GeneralizedRcnn {
        &self.detector
    }

    /// The losses of the region proposal network.
    fn rpn_parts(&self, batch: &BatchMaps, truths: &[Truth], rng: &mut ChaCha8Rng) -> Result<Parts> {
        let recipe = self.detector.recipe();
        let anchors = self.detector.anchor_boxes(batch)?;
        let matches: Vec<Vec<Match>> =
            truths.par_iter().map(|truth| match_anchors(&anchors, &truth.boxes, truth.extent, recipe)).collect();
        let of_image = |(truth, matches): (&Truth, &Vec<Match>)| {
            AnchorTargets::sample(&anchors, &truth.boxes, matches, recipe, self.sampler, rng)
        };
        let targets: Vec<AnchorTargets> = truths.iter().zip(&matches).map(of_image).collect();
        let [objectness, boxes] = rpn_loss(&batch.scores, &targets, recipe)?;
        Ok(vec![("loss_objectness", objectness), ("loss_rpn_box_reg", boxes)])
    }

    /// The boxes that the heads choose their regions from, for each image.
    fn candidates(&self, batch: &BatchMaps, truths: &[Truth]) -> Result<Vec<Vec<BBox>>> {
        if !self.detector.has_proposals() {
            return Ok(truths.iter().map(|truth| truth.proposals.clone()).collect());
        }
        let of_image = |(index, truth): (usize, &Truth)| -> Result<Vec<BBox>> {
            let proposals = self.detector.training_proposals(batch, index, truth.extent)?;
            Ok(proposals.into_iter().map(|proposal| proposal.bbox).collect())
        };
        truths.iter().enumerate().map(of_image).collect()
    }

    /// The losses of the classes and boxes of all stages.
    fn box_parts(
        &self,
        batch: &BatchMaps,
        mut regions: Vec<Region>,
        truths: &[Truth],
        rng: &mut ChaCha8Rng,
    ) -> Result<Parts> {
        let (layout, recipe) = (self.detector.layout(), self.detector.recipe());
        let stages = layout.box_weights.len();
        let mut parts = Vec::new();
        for (stage, weights) in layout.box_weights.iter().enumerate() {
            let names = if stages == 1 { OF_ONE_STAGE } else { OF_CASCADE[stage] };
            if regions.is_empty() {
                let zero = || Tensor::zeros((), DType::F32, batch.maps[0].device()).map_err(plain);
                parts.extend([(names[0], zero()?), (names[1], zero()?)]);
                continue;
            }
            let coder = BoxCoder { weights: *weights };
            let mut pooled = self.detector.pool_boxes(batch, &places(&regions), &extents(truths))?;
            if stages > 1 {
                pooled = scale_gradient(&pooled, 1.0 / stages as f64).map_err(plain)?;
            }
            let outputs = self.detector.boxes_in_training(stage, &pooled, rng)?;
            let losses = box_loss(&outputs, &regions, truths, &coder, recipe.box_beta)?;
            parts.extend(names.into_iter().zip(losses));
            if let Some(threshold) = recipe.box_fg_iou_thresh.get(stage + 1).filter(|_| stage + 1 < stages) {
                regions = moved(&regions, &outputs[1], truths, &coder, *threshold)?;
            }
        }
        Ok(parts)
    }

    /// The loss of the masks of regions that show objects.
    fn mask_part(
        &self,
        batch: &BatchMaps,
        regions: &[Region],
        truths: &[Truth],
        rng: &mut ChaCha8Rng,
    ) -> Result<Tensor> {
        let shown: Vec<Region> = regions.iter().filter(|region| region.object.is_some()).copied().collect();
        if shown.is_empty() {
            return Tensor::zeros((), DType::F32, batch.maps[0].device()).map_err(plain);
        }
        let pooled = self.detector.pool_masks(batch, &places(&shown), &extents(truths))?;
        mask_loss(&self.detector.masks_in_training(&pooled, rng)?, &shown, truths)
    }
}

impl Trainee for RcnnTrainee {
    fn loss(&self, x: &Tensor, truths: &[Truth], rng: &mut ChaCha8Rng) -> Result<DetectionLoss> {
        ensure!(x.dim(0).map_err(plain)? == truths.len() && !truths.is_empty(), "{} truths", truths.len());
        let batch = self.detector.maps_in_training(x, rng)?;
        let mut parts = Vec::new();
        if self.detector.has_proposals() {
            parts = self.rpn_parts(&batch, truths, rng)?;
        }
        let candidates = self.candidates(&batch, truths)?;
        let mut sampled = Vec::new();
        for (image, (candidates, truth)) in candidates.into_iter().zip(truths).enumerate() {
            sampled.extend(regions::sample(image, candidates, truth, self.detector.recipe(), self.sampler, rng));
        }
        if self.detector.has_masks() {
            parts.push(("loss_mask", self.mask_part(&batch, &sampled, truths, rng)?));
        }
        parts.extend(self.box_parts(&batch, sampled, truths, rng)?);
        let values = parts.iter().map(|(_, part)| part).collect::<Vec<_>>();
        let value = Tensor::stack(&values, 0).and_then(|values| values.sum_all()).map_err(plain)?;
        let number = |part: &Tensor| part.to_scalar::<f32>().map(f64::from).map_err(plain);
        let parts = parts.iter().map(|(name, part)| Ok((*name, number(part)?))).collect::<Result<_>>()?;
        Ok(DetectionLoss { value, parts })
    }

    fn needs_masks(&self) -> bool {
        self.detector.has_masks()
    }

    fn needs_proposals(&self) -> bool {
        !self.detector.has_proposals()
    }
}

fn places(regions: &[Region]) -> Vec<(usize, BBox)> {
    regions.iter().map(|region| (region.image, region.bbox)).collect()
}

fn extents(truths: &[Truth]) -> Vec<[f64; 2]> {
    truths.iter().map(|truth| truth.extent).collect()
}

/// x, whose gradient is multiplied by `factor`.
fn scale_gradient(x: &Tensor, factor: f64) -> candle_core::Result<Tensor> {
    let part = (x * factor)?;
    part.add(&(x - &part)?.detach())
}

/// The regions of the next stage of a cascade: the boxes of this one, without gradients, cut to their images and without
/// empty ones.
fn moved(
    regions: &[Region],
    deltas: &Tensor,
    truths: &[Truth],
    coder: &BoxCoder,
    threshold: f64,
) -> Result<Vec<Region>> {
    let deltas = deltas.detach().to_vec2::<f32>().map_err(plain)?;
    let mut boxes: Vec<Vec<BBox>> = vec![Vec::new(); truths.len()];
    for (region, row) in regions.iter().zip(deltas) {
        let [height, width] = truths[region.image].extent;
        let bbox = coder.decode(&region.bbox, std::array::from_fn(|i| f64::from(row[i]))).clip(width, height);
        // False for numbers that are not finite, too.
        if bbox.width() > 0.0 && bbox.height() > 0.0 {
            boxes[region.image].push(bbox);
        }
    }
    let of_image =
        |(image, boxes): (usize, Vec<BBox>)| regions::of_later_stage(image, boxes, &truths[image], threshold);
    Ok(boxes.into_iter().enumerate().flat_map(of_image).collect())
}
