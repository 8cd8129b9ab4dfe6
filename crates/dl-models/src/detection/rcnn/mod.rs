//! Two-stage detectors: Fast, Faster, Mask and Cascade R-CNN, in one composition (torchvision's `GeneralizedRCNN`):
//!
//! | part | file | paper |
//! | --- | --- | --- |
//! | place of the image in the input | transform | |
//! | network below, and its maps | body | any network of the table |
//! | feature pyramid | fpn | Lin et al. 2017 |
//! | anchors, and which of them show objects | anchors, rpn | Ren et al. 2015 |
//! | features of regions | roi | Girshick 2015, He et al. 2017 |
//! | classes and boxes | box_head, roi_heads | Girshick 2015, Cai and Vasconcelos 2018 |
//! | masks | mask_head | He et al. 2017 |
//! | smaller fully connected layers | svd | Girshick 2015, section 3.1 |
//! | what training computes, with gradients | training | |
//!
//! [`RCNNS`] is the table of the detectors by their parts, [`Recipe`] that of the sources' constants. The tensors have
//! torchvision's names.

mod anchors;
mod body;
mod box_head;
mod config;
mod conv_norm;
mod detectron2;
mod fpn;
mod layout;
mod mask_head;
mod network;
mod open;
mod planned;
mod recipe;
mod roi;
mod roi_heads;
mod rpn;
mod svd;
mod training;
mod transform;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{Device, Tensor};
use candle_nn::VarBuilder;
use dl_record::BBox;

pub use anchors::{AnchorRounding, Anchors};
pub use config::{Pretrained, config, is_body, is_class_head, pretrained_tensors};
pub use layout::{BoxHeadKind, Layout, MaskKind, Pyramid, RCNNS, RcnnKind, RoiMethod};
pub use network::BatchMaps;
pub use open::{config_of, guess, open, tensors};
pub use recipe::{RECIPE_NAMES, RECIPES, Recipe, SizeRounding};
pub use rpn::Proposal;
pub use svd::truncated;

use super::summary::Part;
use super::{Detector, Family, Found, Placed, Preset, Rules};
use crate::file::Preprocessing;
use crate::network::plans::graph;
use crate::{LayerName, plain};
use box_head::BoxNetwork;
use mask_head::MaskNetwork;
use network::MapNetwork;
use planned::Planned;
use roi_heads::{RoiHeads, Seen};
use rpn::{MapNumbers, MapScores};

/// A two-stage detector.
pub struct GeneralizedRcnn {
    layout: Layout,
    recipe: Recipe,
    labels: Vec<String>,
    preprocessing: Preprocessing,
    device: Device,
    maps: Planned<MapNetwork>,
    /// `None` without a region proposal network.
    anchors: Option<Anchors>,
    heads: RoiHeads,
}

impl GeneralizedRcnn {
    /// Builds the detector from torchvision's tensors. `labels`: without the background.
    /// # Errors
    /// When a weight is missing or has a different shape.
    pub fn new(layout: Layout, recipe: Recipe, labels: Vec<String>, vb: VarBuilder) -> Result<Self> {
        let classes = labels.len() + 1;
        let device = vb.device().clone();
        let anchors = if layout.rpn_convs > 0 {
            Some(Anchors::new(&layout.anchor_sizes, &layout.anchor_ratios, recipe.anchor_rounding)?)
        } else {
            None
        };
        let network = MapNetwork::new(&layout, anchors.as_ref(), &vb)?;
        let channels = network.channels();
        let heads = vb.pp("roi_heads");
        let stages = (0..layout.box_weights.len()).map(|stage| {
            // The stages of a cascade are numbered.
            let part = |name: &str| {
                let part = heads.pp(name);
                if layout.box_weights.len() > 1 { part.pp(stage) } else { part }
            };
            BoxNetwork::new(&layout, channels, classes, part("box_head"), part("box_predictor")).map(Planned::new)
        });
        let stages = stages.collect::<Result<_>>()?;
        let masks = match layout.masks {
            MaskKind::None => None,
            kind => {
                let (head, predictor) = (heads.pp("mask_head"), heads.pp("mask_predictor"));
                Some(MaskNetwork::new(channels, classes, kind == MaskKind::Norm, head, predictor)?)
            }
        };
        let preprocessing = config::preprocessing(&recipe);
        let heads = RoiHeads { stages, masks: masks.map(Planned::new), classes };
        let maps = Planned::new(network);
        Ok(Self { layout, recipe, labels, preprocessing, device, maps, anchors, heads })
    }

    /// Its networks for an image [channels, height, width], those of the second stage for one region.
    pub(crate) fn parts(&self, image: [usize; 3]) -> Vec<Part<'_>> {
        let (maps, layout) = (&self.maps.network, &self.layout);
        let (body, used) = maps.body();
        let names: Vec<LayerName> = used.iter().map(|name| LayerName { name: name.clone(), pooled: None }).collect();
        // The maps of the body come first in the whole network, too.
        let nodes = graph(body, image, &names).map(|(_, nodes)| nodes).unwrap_or_default();
        let listed = nodes.iter().map(|node| node.index()).max().unwrap_or_default();
        let mut parts = vec![
            Part { last: Some(used), ..Part::whole(body, image, "backbone.body.") },
            Part { listed, ..Part::whole(maps, image, "") },
        ];
        let region = |size: usize| [maps.channels(), size, size];
        for (index, stage) in self.heads.stages.iter().enumerate() {
            let prefix =
                if self.heads.stages.len() > 1 { format!("roi_heads.{index}.") } else { "roi_heads.".to_owned() };
            parts.push(Part::whole(&stage.network, region(layout.box_size), &prefix));
        }
        if let Some(masks) = &self.heads.masks {
            parts.push(Part::whole(&masks.network, region(mask_head::BINS), "roi_heads."));
        }
        parts
    }

    /// Its parts.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Its constants.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// Whether it has a region proposal network. Without one it needs [given regions](Self::detect_regions).
    pub fn has_proposals(&self) -> bool {
        self.anchors.is_some()
    }

    /// The regions of each image that may show objects, best first, in pixels of the image. `x` and `images` as for
    /// [`detect`](Detector::detect).
    /// # Errors
    /// When the detector has no region proposal network, or as [`detect`](Detector::detect).
    pub fn proposals(&self, x: &[f32], images: &[Placed]) -> Result<Vec<Vec<Proposal>>> {
        let batch = self.look(x, images)?;
        let in_image = |placed: &Placed, proposal: Proposal| {
            let bbox = placed.clip(placed.to_image(proposal.bbox));
            Proposal { bbox, ..proposal }
        };
        let of_image = |(index, placed): (usize, &Placed)| {
            let found = self.propose(&batch, index, placed)?;
            Ok(found.into_iter().map(|proposal| in_image(placed, proposal)).collect())
        };
        images.iter().enumerate().map(of_image).collect()
    }

    /// The objects among given regions of each image, in pixels of the image: Fast R-CNN.
    /// # Errors
    /// When the numbers of images and lists of regions differ, or as [`detect`](Detector::detect).
    pub fn detect_regions(
        &self,
        x: &[f32],
        images: &[Placed],
        regions: &[Vec<BBox>],
        rules: &Rules,
    ) -> Result<Vec<Vec<Found>>> {
        ensure!(regions.len() == images.len(), "{} lists of regions for {} images", regions.len(), images.len());
        let batch = self.look(x, images)?;
        let of_image = |(index, (placed, regions)): (usize, (&Placed, &Vec<BBox>))| {
            let regions = regions.iter().map(|region| placed.to_input(*region)).collect();
            self.objects(&batch, index, placed, regions, rules)
        };
        images.iter().zip(regions).enumerate().map(of_image).collect()
    }

    /// The named maps of the network for x [n, 3, h, w]: `backbone.0` to `backbone.pool`, `rpn.head.cls_logits.0` and
    /// so on.
    /// # Errors
    /// When a name does not exist, or x has the wrong shape.
    pub fn features(&self, x: &Tensor, names: &[&str]) -> Result<Vec<Tensor>> {
        self.maps.run(x, names)
    }

    /// The features of regions in pixels of the input [regions, channels, bins, bins], from the maps of one image that
    /// regions are pooled from, and what the heads of a stage compute from them: class scores and deltas.
    /// # Errors
    /// When the maps do not fit.
    pub fn heads(&self, stage: usize, maps: &[Tensor], placed: &Placed, regions: &[BBox]) -> Result<[Tensor; 3]> {
        let seen = Seen { maps, placed };
        let first = self.heads.stages.get(stage).context("the detector has no such stage")?;
        let pooled = roi_heads::pool(&seen, regions, self.layout.box_size, self.layout.roi, &self.recipe)?;
        let outputs = first.run_regions(&pooled, &[box_head::LOGITS, box_head::DELTAS])?;
        match <[Tensor; 2]>::try_from(outputs) {
            Ok([logits, deltas]) => Ok([pooled, logits, deltas]),
            Err(_) => bail!("the heads lost an output"),
        }
    }

    /// Computes the maps of a batch.
    fn look(&self, x: &[f32], images: &[Placed]) -> Result<BatchMaps> {
        let Some(first) = images.first() else { return Ok(BatchMaps::default()) };
        let [height, width] = first.size;
        ensure!(images.iter().all(|placed| placed.size == first.size), "the images of a batch need one input size");
        let shape = (images.len(), 3, height, width);
        ensure!(
            x.len() == images.len() * 3 * height * width,
            "{} numbers are not {} images of 3 x {height} x {width}",
            x.len(),
            images.len()
        );
        let x = Tensor::from_slice(x, shape, &self.device).map_err(plain)?;
        let network = &self.maps.network;
        Ok(network.batch_maps(self.maps.run(&x, &network.wanted())?, first.size))
    }

    /// The proposals for one image of a batch, in pixels of the input.
    fn propose(&self, batch: &BatchMaps, index: usize, placed: &Placed) -> Result<Vec<Proposal>> {
        let Some(anchors) = &self.anchors else {
            bail!("the detector has no region proposal network: it needs proposals, which dl-propose computes");
        };
        let top_n = [self.recipe.rpn_pre_nms_top_n_test, self.recipe.rpn_post_nms_top_n_test];
        let scores = rpn::scores_of(&batch.scores, index)?;
        let maps: Vec<MapScores> = scores.iter().map(MapNumbers::borrowed).collect();
        rpn::select(anchors, &self.recipe, top_n, &maps, placed.size, transform::resized(placed))
    }

    /// The objects among regions of one image of a batch, in pixels of the input.
    fn objects(
        &self,
        batch: &BatchMaps,
        index: usize,
        placed: &Placed,
        regions: Vec<BBox>,
        rules: &Rules,
    ) -> Result<Vec<Found>> {
        let maps = batch.maps.iter().map(|map| map.narrow(0, index, 1)).collect::<candle_core::Result<Vec<_>>>();
        let seen = Seen { maps: &maps.map_err(plain)?, placed };
        self.heads.detect(&seen, regions, (&self.layout, &self.recipe), rules)
    }
}

impl Detector for GeneralizedRcnn {
    fn report_as(&mut self, preset: Preset) -> Result<()> {
        let family = if self.has_proposals() { Family::FasterRcnn } else { Family::FastRcnn };
        self.recipe = self.recipe.clone().reporting_as(Recipe::find(preset.recipe(family)?)?);
        Ok(())
    }

    fn two_stage(&self) -> Option<&GeneralizedRcnn> {
        Some(self)
    }

    fn labels(&self) -> &[String] {
        &self.labels
    }

    fn preprocessing(&self) -> &Preprocessing {
        &self.preprocessing
    }

    fn placed(&self, width: u32, height: u32) -> Placed {
        transform::placed(&self.recipe, width, height)
    }

    fn detect(&self, x: &[f32], images: &[Placed], rules: &Rules) -> Result<Vec<Vec<Found>>> {
        let batch = self.look(x, images)?;
        let of_image = |(index, placed): (usize, &Placed)| {
            let proposals = self.propose(&batch, index, placed)?;
            let regions = proposals.into_iter().map(|proposal| proposal.bbox).collect();
            self.objects(&batch, index, placed, regions, rules)
        };
        images.iter().enumerate().map(of_image).collect()
    }
}
