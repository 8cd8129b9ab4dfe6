//! The heads of the sources: what predicts class scores and box codes on a source map, by the names of each source's
//! tensors.

use anyhow::{Result, ensure};
use candle_nn::VarBuilder;

use super::network::Head;
use super::parts::{Activation, Norm, Shape, Stage, Unit};
use crate::network::layers::Fresh;
use crate::plain;

/// How many outputs the heads have.
#[derive(Clone, Copy)]
pub(super) struct Heads<'a> {
    /// Boxes around a cell of each source.
    pub(super) boxes: &'a [usize],
    /// Classes with the background.
    pub(super) classes: usize,
}

impl Heads<'_> {
    /// One 3 x 3 convolution each: `head.classification_head.module_list.0`.
    pub(super) fn torchvision(&self, channels: &[usize], vb: &VarBuilder) -> Result<Vec<Head>> {
        self.each(channels, |inputs, outputs, part, source| {
            let shape = Shape::square(3, [inputs, outputs]);
            let vb = vb.pp(format!("head.{}_head.module_list.{source}", part.torchvision()));
            Ok(vec![Unit::biased("", shape, Activation::Linear, shape.xavier(), vb)?])
        })
    }

    /// SSDLite (Sandler et al. 2018, section 6.2): 3 x 3 of each channel, then 1 x 1.
    pub(super) fn lite(&self, norm: Norm, channels: &[usize], vb: &VarBuilder) -> Result<Vec<Head>> {
        self.each(channels, |inputs, outputs, part, source| {
            let vb = vb.pp(format!("head.{}_head.module_list.{source}", part.torchvision()));
            let (depthwise, pointwise) = (Shape::depthwise(inputs), Shape::pointwise([inputs, outputs]));
            let fresh = Fresh::normal(0.03);
            Ok(vec![
                Unit::normed("", depthwise, norm, Activation::Relu6, fresh, [vb.pp("0.0"), vb.pp("0.1")])?,
                Unit::biased("", pointwise, Activation::Linear, fresh, vb.pp(1))?,
            ])
        })
    }

    /// One 1 x 1 convolution each: `classification_headers.0`.
    pub(super) fn pointwise(&self, channels: &[usize], vb: &VarBuilder) -> Result<Vec<Head>> {
        self.each(channels, |inputs, outputs, part, source| {
            let shape = Shape::pointwise([inputs, outputs]);
            let vb = vb.pp(format!("{}.{source}", part.headers()));
            Ok(vec![Unit::biased("", shape, Activation::Linear, shape.xavier(), vb)?])
        })
    }

    /// 3 x 3 of each channel with ReLU, then 1 x 1; on the last source one 3 x 3 convolution:
    /// `classification_headers.0.0`.
    pub(super) fn separable(&self, channels: &[usize], vb: &VarBuilder) -> Result<Vec<Head>> {
        self.each(channels, |inputs, outputs, part, source| {
            let vb = vb.pp(format!("{}.{source}", part.headers()));
            if source + 1 == channels.len() {
                let shape = Shape::square(3, [inputs, outputs]);
                return Ok(vec![Unit::biased("", shape, Activation::Linear, shape.xavier(), vb)?]);
            }
            let (depthwise, pointwise) = (Shape::depthwise(inputs), Shape::pointwise([inputs, outputs]));
            Ok(vec![
                Unit::biased("", depthwise, Activation::Relu, depthwise.xavier(), vb.pp(0))?,
                Unit::biased("", pointwise, Activation::Linear, pointwise.xavier(), vb.pp(2))?,
            ])
        })
    }

    /// One 3 x 3 convolution each: `fc7_mbox_conf` and `fc7_mbox_loc` for the source fc7.
    pub(super) fn caffe(&self, sources: &[(&str, usize)], vb: &VarBuilder) -> Result<Vec<Head>> {
        let channels: Vec<usize> = sources.iter().map(|(_, channels)| *channels).collect();
        self.each(&channels, |inputs, outputs, part, source| {
            let shape = Shape::square(3, [inputs, outputs]);
            let vb = vb.pp(format!("{}_mbox_{}", sources[source].0, part.caffe()));
            Ok(vec![Unit::biased("", shape, Activation::Linear, shape.xavier(), vb)?])
        })
    }

    /// `build(inputs, outputs, part, source)` for both parts of the head on each source map.
    fn each(
        &self,
        channels: &[usize],
        build: impl Fn(usize, usize, Part, usize) -> candle_core::Result<Vec<Unit>>,
    ) -> Result<Vec<Head>> {
        let sources = channels.len();
        ensure!(sources == self.boxes.len(), "{sources} source maps, but default boxes for {}", self.boxes.len());
        let heads = channels.iter().zip(self.boxes).enumerate().map(|(source, (inputs, boxes))| {
            let part = |part: Part, columns: usize| -> Result<Stage> {
                Ok(Stage::of_units("", build(*inputs, boxes * columns, part, source).map_err(plain)?))
            };
            Ok(Head { classes: part(Part::Classes, self.classes)?, boxes: part(Part::Boxes, 4)? })
        });
        heads.collect()
    }
}

/// One of the two parts of a head.
#[derive(Clone, Copy)]
enum Part {
    Classes,
    Boxes,
}

impl Part {
    fn torchvision(self) -> &'static str {
        match self {
            Self::Classes => "classification",
            Self::Boxes => "regression",
        }
    }

    fn headers(self) -> &'static str {
        match self {
            Self::Classes => "classification_headers",
            Self::Boxes => "regression_headers",
        }
    }

    fn caffe(self) -> &'static str {
        match self {
            Self::Classes => "conf",
            Self::Boxes => "loc",
        }
    }
}
