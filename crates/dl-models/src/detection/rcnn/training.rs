//! What training computes of a two-stage detector, with gradients. Batch norms use the batch's statistics unless their
//! weights are frozen, and dropout is on.

use anyhow::{Context, Result, ensure};
use candle_core::Tensor;
use dl_record::BBox;
use rand_chacha::ChaCha8Rng;

use super::rpn::{MapNumbers, MapScores};
use super::{BatchMaps, GeneralizedRcnn, Proposal, box_head, mask_head, roi, rpn};
use crate::{Backbone, LayerName, plain};

impl GeneralizedRcnn {
    /// The maps of a batch x [n, 3, h, w].
    /// # Errors
    /// When x has the wrong shape.
    pub fn maps_in_training(&self, x: &Tensor, rng: &mut ChaCha8Rng) -> Result<BatchMaps> {
        let (_, _, height, width) = x.dims4().map_err(plain)?;
        let network = &self.maps.network;
        let outputs = in_training(network, x, network.wanted().into_iter(), rng)?;
        Ok(network.batch_maps(outputs, [height, width]))
    }

    /// All anchors of an image, in the order maps, rows, columns, anchors of a position; empty without a region proposal
    /// network.
    /// # Errors
    /// When a tensor is not a map.
    pub fn anchor_boxes(&self, batch: &BatchMaps) -> Result<Vec<BBox>> {
        let Some(anchors) = &self.anchors else { return Ok(Vec::new()) };
        let mut boxes = Vec::new();
        for (map, [objectness, _]) in batch.scores.iter().enumerate() {
            let (_, each, height, width) = objectness.dims4().map_err(plain)?;
            let stride = anchors.stride(batch.input, [height, width]);
            boxes.extend((0..each * height * width).map(|index| anchors.at(map, index, width, stride)));
        }
        Ok(boxes)
    }

    /// The proposals for one image of a batch, in pixels of the input, by the recipe's numbers for training and without
    /// gradients. `image`: [height, width] of the part of the input that is not padding.
    /// # Errors
    /// When there is no region proposal network.
    pub fn training_proposals(&self, batch: &BatchMaps, index: usize, image: [f64; 2]) -> Result<Vec<Proposal>> {
        let anchors = self.anchors.as_ref().context("the detector has no region proposal network")?;
        let top_n = [self.recipe.rpn_pre_nms_top_n_train, self.recipe.rpn_post_nms_top_n_train];
        let scores = rpn::scores_of(&batch.scores, index)?;
        let maps: Vec<MapScores> = scores.iter().map(MapNumbers::borrowed).collect();
        rpn::select(anchors, &self.recipe, top_n, &maps, batch.input, image)
    }

    /// The features [regions, channels, bins, bins] of regions for their boxes, from the maps of a batch. Each region has
    /// the index of its image, and is in pixels of the input. `images`: [height, width] of each image's part of the
    /// input.
    /// # Errors
    /// When a region is not finite.
    pub fn pool_boxes(&self, batch: &BatchMaps, regions: &[(usize, BBox)], images: &[[f64; 2]]) -> Result<Tensor> {
        self.pool(batch, regions, images, self.layout.box_size)
    }

    /// [`pool_boxes`](Self::pool_boxes) for masks.
    /// # Errors
    /// As [`pool_boxes`](Self::pool_boxes).
    pub fn pool_masks(&self, batch: &BatchMaps, regions: &[(usize, BBox)], images: &[[f64; 2]]) -> Result<Tensor> {
        self.pool(batch, regions, images, mask_head::BINS)
    }

    fn pool(&self, batch: &BatchMaps, regions: &[(usize, BBox)], images: &[[f64; 2]], size: usize) -> Result<Tensor> {
        ensure!(!regions.is_empty(), "no regions to pool");
        let tallest = images.iter().map(|[height, _]| *height as usize).max().unwrap_or_default();
        let height = if self.recipe.roi_scale_of_image { tallest } else { batch.input[0] };
        roi::pool(&batch.maps, regions, [height, size], self.layout.roi, &self.recipe)
    }

    /// The class scores [regions, classes] and deltas [regions, 4 classes], or [regions, 4] of class-agnostic boxes, of a
    /// stage for features of regions.
    /// # Errors
    /// When the stage does not exist, or the features have the wrong shape.
    pub fn boxes_in_training(&self, stage: usize, pooled: &Tensor, rng: &mut ChaCha8Rng) -> Result<[Tensor; 2]> {
        let stage = self.heads.stages.get(stage).context("the detector has no such stage")?;
        let names = [box_head::LOGITS, box_head::DELTAS].map(str::to_owned);
        let outputs = in_training(&stage.network, pooled, names.into_iter(), rng)?;
        outputs.try_into().ok().context("the heads lost an output")
    }

    /// The mask logits [regions, classes, 28, 28] for features of regions.
    /// # Errors
    /// When the detector has no masks, or the features have the wrong shape.
    pub fn masks_in_training(&self, pooled: &Tensor, rng: &mut ChaCha8Rng) -> Result<Tensor> {
        let masks = self.heads.masks.as_ref().context("the detector has no masks")?;
        let names = [mask_head::LOGITS.to_owned()];
        in_training(&masks.network, pooled, names.into_iter(), rng)?.pop().context("the mask head lost its output")
    }
}

fn in_training(
    network: &dyn Backbone,
    x: &Tensor,
    names: impl Iterator<Item = String>,
    rng: &mut ChaCha8Rng,
) -> Result<Vec<Tensor>> {
    let layers: Vec<LayerName> = names.map(|name| LayerName { name, pooled: None }).collect();
    network.features(x, &layers, Some(rng))
}
