//! The part of a detector that sees the whole image: body, pyramid and region proposal network, as one network with named
//! maps, so that one plan computes it.

use anyhow::{Result, ensure};
use candle_core::Tensor;
use candle_nn::VarBuilder;

use super::anchors::Anchors;
use super::body::Body;
use super::fpn::Fpn;
use super::layout::{Layout, Pyramid};
use super::rpn::RpnHead;
use crate::{Backbone, Pass, Run, Value, plain};

/// The maps of a batch of n images.
#[derive(Default)]
pub struct BatchMaps {
    /// Those that regions are pooled from, the largest first, [n, channels, h, w].
    pub maps: Vec<Tensor>,
    /// For each map of the region proposal network, objectness [n, anchors, h, w] and deltas [n, 4 anchors, h, w]; empty
    /// without this network.
    pub scores: Vec<[Tensor; 2]>,
    /// [height, width] of the input in pixels.
    pub input: [usize; 2],
}

pub(super) struct MapNetwork {
    body: Body,
    /// The pyramid, and its channels.
    fpn: Option<(Fpn, usize)>,
    rpn: Option<RpnHead>,
}

impl MapNetwork {
    /// Built from `backbone.body`, `backbone.fpn` and `rpn.head`.
    pub(super) fn new(layout: &Layout, anchors: Option<&Anchors>, vb: &VarBuilder) -> Result<Self> {
        let body = Body::new(layout, vb.pp("backbone.body"))?;
        let fpn = match layout.fpn {
            Pyramid::None => None,
            kind => {
                let vb = vb.pp("backbone.fpn");
                let width = layout.fpn_channels;
                Some((Fpn::new(&body.channels, width, kind == Pyramid::Norm, vb).map_err(plain)?, width))
            }
        };
        let network = Self { body, fpn, rpn: None };
        let rpn = match anchors {
            None => None,
            Some(anchors) => {
                ensure!(layout.rpn_convs > 0, "anchors need a region proposal network");
                let head = vb.pp("rpn.head");
                Some(RpnHead::new(network.channels(), anchors.per_position(0), layout.rpn_convs, head)?)
            }
        };
        Ok(Self { rpn, ..network })
    }

    /// The network below, and its outputs that are used.
    pub(super) fn body(&self) -> (&dyn Backbone, &[String]) {
        (&*self.body.network, &self.body.maps)
    }

    /// The outputs of the body.
    pub(super) fn body_layers(&self) -> Vec<String> {
        self.body.network.layers()
    }

    /// Channels of every map.
    pub(super) fn channels(&self) -> usize {
        match &self.fpn {
            Some((_, channels)) => *channels,
            None => self.body.channels.last().copied().unwrap_or_default(),
        }
    }

    /// The names of all maps, the largest first.
    pub(super) fn maps(&self) -> Vec<String> {
        let count = self.body.maps.len();
        if self.fpn.is_some() {
            Fpn::names(count)
        } else {
            (0..count).map(|index| format!("backbone.{index}")).collect()
        }
    }

    /// The names of the outputs that [`BatchMaps`] holds: the maps that regions are pooled from, and the scores of all. A
    /// last map of a pyramid is needed only for its scores.
    pub(super) fn wanted(&self) -> Vec<String> {
        let names = self.maps();
        let scored = if self.rpn.is_some() { names.len() } else { 0 };
        names.into_iter().take(self.pooled_maps()).chain((0..scored).flat_map(RpnHead::names)).collect()
    }

    /// The [`wanted`](Self::wanted) outputs for an input of [height, width] pixels.
    pub(super) fn batch_maps(&self, outputs: Vec<Tensor>, input: [usize; 2]) -> BatchMaps {
        let mut outputs = outputs.into_iter();
        let maps = outputs.by_ref().take(self.pooled_maps()).collect();
        let mut scores = Vec::new();
        while let (Some(objectness), Some(deltas)) = (outputs.next(), outputs.next()) {
            scores.push([objectness, deltas]);
        }
        BatchMaps { maps, scores, input }
    }

    /// The number of maps from which regions are pooled; a last one is only for the region proposal network.
    pub(super) fn pooled_maps(&self) -> usize {
        self.body.maps.len()
    }
}

impl Backbone for MapNetwork {
    fn layers(&self) -> Vec<String> {
        let maps = self.maps();
        let rpn = if self.rpn.is_some() { maps.len() } else { 0 };
        maps.into_iter().chain((0..rpn).flat_map(RpnHead::names)).collect()
    }

    fn aliases(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// x [n, 3, h, w]
    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let maps = pass.outputs_of(&*self.body.network, x, &self.body.maps)?;
        let maps = match &self.fpn {
            Some((fpn, _)) => fpn.run(&maps, pass)?,
            None => {
                for (name, map) in self.maps().iter().zip(&maps) {
                    pass.see(name, map.clone())?;
                }
                maps
            }
        };
        let mut last = x.clone();
        for (index, map) in maps.iter().enumerate() {
            last = match &self.rpn {
                Some(rpn) => rpn.run(index, map, pass)?,
                None => map.clone(),
            };
        }
        Ok(last)
    }
}
