//! From the features of a region to its class scores and boxes (Girshick 2015, figure 1): fc6, fc7, and two outputs side
//! by side. fc6 and fc7 may each be two layers, the factors of a truncated singular value decomposition (section 3.1).

use anyhow::{Result, bail};
use candle_nn::VarBuilder;

use super::conv_norm::ConvNorm;
use super::layout::{BoxHeadKind, Layout};
use crate::network::layers::Fresh;
use crate::{Backbone, Linear, Pass, Run, Value, plain};

/// The class scores [regions, classes] before the softmax; the first class is the background.
pub(super) const LOGITS: &str = "box_predictor.cls_score";
/// The deltas [regions, 4 classes], or [regions, 4] of class-agnostic boxes.
pub(super) const DELTAS: &str = "box_predictor.bbox_pred";

/// A fully connected layer, or one of low rank: U (V x) + bias, in fast-rcnn's names `fc6_L` and `fc6_U`.
enum FullyConnected {
    Whole(Linear),
    Factors([Linear; 2]),
}

impl FullyConnected {
    fn new([inputs, outputs]: [usize; 2], rank: Option<usize>, name: &str, head: &VarBuilder) -> Result<Self> {
        let pp = |end: &str| head.pp(format!("{name}{end}"));
        let built = match rank {
            None => Linear::new(inputs, outputs, Fresh::torch(inputs), pp("")).map(Self::Whole),
            Some(rank) => Linear::without_bias(inputs, rank, Fresh::torch(inputs), pp("_L")).and_then(|first| {
                Ok(Self::Factors([first, Linear::new(rank, outputs, Fresh::torch(rank), pp("_U"))?]))
            }),
        };
        built.map_err(plain)
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        match self {
            Self::Whole(layer) => pass.linear("", layer, x),
            Self::Factors([first, second]) => {
                let x = pass.linear("", first, x)?;
                pass.linear("", second, &x)
            }
        }
    }
}

/// The layers for one stage.
pub(super) struct BoxNetwork {
    head: BoxHead,
    cls_score: Linear,
    bbox_pred: Linear,
}

enum BoxHead {
    /// Fully connected layers with ReLU and dropout.
    Linear { layers: [FullyConnected; 2], dropout: f64 },
    /// torchvision's `FastRCNNConvFCHead`.
    Convolutions { convs: Vec<ConvNorm>, layer: Linear },
}

impl BoxNetwork {
    /// For features of `channels`. `head` and `predictor`: builders with the prefixes `box_head` and `box_predictor`.
    pub(super) fn new(
        layout: &Layout,
        channels: usize,
        classes: usize,
        head: VarBuilder,
        predictor: VarBuilder,
    ) -> Result<Self> {
        let hidden = layout.box_hidden;
        let bins = layout.box_size * layout.box_size;
        let linear = |inputs: usize, outputs: usize, fresh: Fresh, vb: VarBuilder| {
            Linear::new(inputs, outputs, fresh, vb).map_err(plain)
        };
        let boxes = if layout.class_agnostic { 1 } else { classes };
        let head = match layout.box_head {
            BoxHeadKind::Linear => {
                let ranks = layout.box_svd.map(|ranks| ranks.map(Some)).unwrap_or_default();
                let layers = [
                    FullyConnected::new([channels * bins, hidden], ranks[0], "fc6", &head)?,
                    FullyConnected::new([hidden; 2], ranks[1], "fc7", &head)?,
                ];
                BoxHead::Linear { layers, dropout: layout.box_dropout }
            }
            BoxHeadKind::Convolutions => {
                let conv = |index: usize| {
                    ConvNorm::new([channels; 2], 3, true, Fresh::kaiming_out(), head.pp(index)).map_err(plain)
                };
                let convs = (0..4).map(conv).collect::<Result<_>>()?;
                // Number 4 flattens.
                BoxHead::Convolutions {
                    convs,
                    layer: linear(channels * bins, hidden, Fresh::kaiming_out(), head.pp(5))?,
                }
            }
        };
        Ok(Self {
            head,
            cls_score: linear(hidden, classes, Fresh::normal(0.01), predictor.pp("cls_score"))?,
            bbox_pred: linear(hidden, 4 * boxes, Fresh::normal(0.001), predictor.pp("bbox_pred"))?,
        })
    }
}

impl Backbone for BoxNetwork {
    fn layers(&self) -> Vec<String> {
        ["box_head", LOGITS, DELTAS].map(str::to_owned).to_vec()
    }

    fn aliases(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// x [regions, channels, bins, bins]
    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let x = match &self.head {
            BoxHead::Linear { layers: [fc6, fc7], dropout } => {
                let x = pass.flatten("", x)?;
                let x = fc6.run(&x, pass)?;
                let x = pass.relu("", &x)?;
                let x = if *dropout > 0.0 { pass.dropout("", *dropout, &x)? } else { x };
                let x = fc7.run(&x, pass)?;
                let x = pass.relu("", &x)?;
                if *dropout > 0.0 { pass.dropout("", *dropout, &x)? } else { x }
            }
            BoxHead::Convolutions { convs, layer } => {
                let mut x = x.clone();
                for conv in convs {
                    x = conv.run_relu("", &x, pass)?;
                }
                let x = pass.flatten("", &x)?;
                let x = pass.linear("", layer, &x)?;
                pass.relu("", &x)?
            }
        };
        let x = pass.see("box_head", x)?;
        pass.linear(LOGITS, &self.cls_score, &x)?;
        pass.linear(DELTAS, &self.bbox_pred, &x)
    }
}

/// The softmax of each row of logits [rows, classes].
pub(super) fn probabilities(logits: &[f32], classes: usize) -> Result<Vec<f64>> {
    if classes == 0 || !logits.len().is_multiple_of(classes) {
        bail!("{} class scores are not rows of {classes}", logits.len());
    }
    let mut all = Vec::with_capacity(logits.len());
    for row in logits.chunks_exact(classes) {
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let start = all.len();
        all.extend(row.iter().map(|logit| f64::from(logit - largest).exp()));
        let total: f64 = all[start..].iter().sum();
        all[start..].iter_mut().for_each(|value| *value /= total);
    }
    Ok(all)
}
