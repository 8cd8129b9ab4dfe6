//! The region proposal network (Ren et al. 2015, section 3.1): at each position of each map, which of its anchors show an
//! object, and how to move them onto it.

use anyhow::{Result, ensure};
use candle_core::Tensor;
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, Padding};
use dl_record::BBox;
use dl_vision::boxes::{BoxCoder, NmsConfig, nms};
use rayon::prelude::*;

use super::anchors::Anchors;
use super::recipe::Recipe;
use crate::network::layers::Fresh;
use crate::{Conv2d, Halt, Pass, Value, plain};

/// The layers; the same for all maps.
pub(super) struct RpnHead {
    /// 3 x 3 with ReLU, as many as there are.
    convs: Vec<Conv2d>,
    /// One logit for each anchor.
    cls_logits: Conv2d,
    /// Four deltas for each anchor.
    bbox_pred: Conv2d,
}

impl RpnHead {
    /// Built from `conv.0.0.weight`, `cls_logits.weight` and so on.
    pub(super) fn new(channels: usize, anchors: usize, convs: usize, vb: VarBuilder) -> Result<Self> {
        let conv = |outputs: usize, kernel: usize, name: &str| {
            let config = Conv2dConfig { padding: Padding::all(kernel / 2), ..Conv2dConfig::default() };
            Conv2d::new([channels, outputs], [kernel; 2], config, Fresh::normal(0.01), vb.pp(name)).map_err(plain)
        };
        Ok(Self {
            convs: (0..convs).map(|index| conv(channels, 3, &format!("conv.{index}.0"))).collect::<Result<_>>()?,
            cls_logits: conv(anchors, 1, "cls_logits")?,
            bbox_pred: conv(4 * anchors, 1, "bbox_pred")?,
        })
    }

    /// The names of its two outputs for a map: [anchors, h, w] and [4 anchors, h, w].
    pub(super) fn names(map: usize) -> [String; 2] {
        [format!("rpn.head.cls_logits.{map}"), format!("rpn.head.bbox_pred.{map}")]
    }

    pub(super) fn run(&self, map: usize, x: &Value, pass: &mut Pass) -> std::result::Result<Value, Halt> {
        let mut x = x.clone();
        for conv in &self.convs {
            x = pass.conv_relu(["", ""], conv, &x)?;
        }
        let [objectness, deltas] = Self::names(map);
        pass.conv(&objectness, &self.cls_logits, &x)?;
        pass.conv(&deltas, &self.bbox_pred, &x)
    }
}

/// A region that may show an object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Proposal {
    /// In pixels of the input.
    pub bbox: BBox,
    /// Probability of an object.
    pub score: f64,
}

/// What the layers computed for one map of one image.
pub(super) struct MapScores<'a> {
    /// [anchors, h, w] f32, logits.
    pub(super) objectness: &'a [f32],
    /// [4 anchors, h, w] f32.
    pub(super) deltas: &'a [f32],
    /// [h, w]
    pub(super) size: [usize; 2],
}

/// [`MapScores`] that own their numbers.
pub(super) struct MapNumbers {
    objectness: Vec<f32>,
    deltas: Vec<f32>,
    size: [usize; 2],
}

impl MapNumbers {
    pub(super) fn borrowed(&self) -> MapScores<'_> {
        MapScores { objectness: &self.objectness, deltas: &self.deltas, size: self.size }
    }
}

/// The numbers of one image of a batch: `scores` are, for each map, objectness [n, anchors, h, w] and deltas
/// [n, 4 anchors, h, w].
pub(super) fn scores_of(scores: &[[Tensor; 2]], image: usize) -> Result<Vec<MapNumbers>> {
    let of_image = |x: &Tensor| x.get(image).and_then(|x| x.flatten_all()).and_then(|x| x.to_vec1::<f32>());
    let of_map = |[objectness, deltas]: &[Tensor; 2]| -> candle_core::Result<MapNumbers> {
        let (_, _, height, width) = objectness.dims4()?;
        Ok(MapNumbers { objectness: of_image(objectness)?, deltas: of_image(deltas)?, size: [height, width] })
    };
    scores.iter().map(of_map).collect::<candle_core::Result<_>>().map_err(plain)
}

/// The proposals of one image, best first: the best anchors of each map, moved, cut to the image, and without those that
/// overlap a better one of their map. `top_n`: the most of each map before suppression, and of all after it. `input` and
/// `image`: [height, width] of the input, and of the image in it.
pub(super) fn select(
    anchors: &Anchors,
    recipe: &Recipe,
    top_n: [usize; 2],
    maps: &[MapScores],
    input: [usize; 2],
    image: [f64; 2],
) -> Result<Vec<Proposal>> {
    let of_map =
        |(map, scores): (usize, &MapScores)| best_of_map(anchors, recipe, top_n[0], (map, scores), input, image);
    let found: Vec<Vec<Proposal>> = maps.par_iter().enumerate().map(of_map).collect::<Result<_>>()?;
    let levels: Vec<usize> = found.iter().enumerate().flat_map(|(map, found)| found.iter().map(move |_| map)).collect();
    let (boxes, scores): (Vec<BBox>, Vec<f64>) = found.iter().flatten().map(|p| (p.bbox, p.score)).unzip();
    let config = NmsConfig { iou: recipe.rpn_nms_thresh, max: Some(top_n[1]), ..NmsConfig::default() };
    let kept = nms(&boxes, &scores, &levels, &config);
    Ok(kept.into_iter().map(|kept| Proposal { bbox: kept.bbox, score: kept.score }).collect())
}

fn best_of_map(
    anchors: &Anchors,
    recipe: &Recipe,
    most: usize,
    (map, scores): (usize, &MapScores),
    input: [usize; 2],
    image: [f64; 2],
) -> Result<Vec<Proposal>> {
    let [height, width] = scores.size;
    let (plane, each) = (height * width, anchors.per_position(map));
    ensure!(
        plane > 0 && scores.objectness.len() == each * plane && scores.deltas.len() == 4 * each * plane,
        "map {map} of the region proposal network does not match its anchors"
    );
    let stride = anchors.stride(input, scores.size);
    let coder = BoxCoder::default();
    let mut found = Vec::new();
    for index in best(scores.objectness, plane, most) {
        // [a, h, w] -> [h, w, a]
        let (anchor, position) = (index % each, index / each);
        let deltas = std::array::from_fn(|i| f64::from(scores.deltas[(4 * anchor + i) * plane + position]));
        let bbox = coder.decode(&anchors.at(map, index, width, stride), deltas).clip(image[1], image[0]);
        let score = sigmoid(scores.objectness[anchor * plane + position]);
        let large = bbox.width() >= recipe.rpn_min_size && bbox.height() >= recipe.rpn_min_size;
        if large && score >= recipe.rpn_score_thresh {
            found.push(Proposal { bbox, score });
        }
    }
    Ok(found)
}

/// In single precision, in which high scores become equal.
fn sigmoid(logit: f32) -> f64 {
    f64::from((1.0 / (1.0 + (-f64::from(logit)).exp())) as f32)
}

/// The indices of the `count` best anchors, best first, ties by index. `objectness` is [a, plane]; an anchor's index is
/// in the order [plane, a].
fn best(objectness: &[f32], plane: usize, count: usize) -> Vec<usize> {
    let each = objectness.len() / plane;
    // A number that falls as the logit rises, then the index: one comparison.
    let keys = objectness.iter().enumerate().map(|(at, logit)| {
        let bits = logit.to_bits();
        let falling = if bits >> 31 == 0 { !bits & !(1 << 31) } else { bits };
        u64::from(falling) << 32 | ((at % plane) * each + at / plane) as u64
    });
    let mut keys: Vec<u64> = keys.collect();
    if count < keys.len() {
        keys.select_nth_unstable(count);
        keys.truncate(count);
    }
    keys.sort_unstable();
    keys.into_iter().map(|key| (key & u64::from(u32::MAX)) as usize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::rcnn::anchors::AnchorRounding;
    use crate::detection::rcnn::recipe::RECIPES;

    #[test]
    fn the_best_anchors_come_first_and_ties_by_position() {
        // Two anchors on 1 x 3 positions.
        let logits = [0.5, -1.0, 2.0, 0.5, 3.0, 0.5];
        assert_eq!(best(&logits, 3, 4), [3, 4, 0, 1]);
        assert_eq!(best(&logits, 3, 9), [3, 4, 0, 1, 5, 2]);
        assert_eq!(best(&[-0.0, 0.0, f32::NEG_INFINITY], 3, 3), [1, 0, 2]);
    }

    #[test]
    fn maps_do_not_suppress_each_other() {
        let anchors = Anchors::new(&[vec![16.0], vec![16.0]], &[1.0], AnchorRounding::Corners).unwrap();
        let (high, low) = ([2.0_f32, 1.0], [0.5_f32, 4.0]);
        let deltas = [0.0_f32; 8];
        let map = |objectness| MapScores { objectness, deltas: &deltas, size: [1, 2] };
        let found = select(&anchors, &RECIPES[0], [1000; 2], &[map(&high), map(&low)], [8, 4], [8.0, 100.0]).unwrap();
        // Anchors 2 pixels apart overlap by 6 / 8 of their part in the image.
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].bbox, BBox::new(0.0, 0.0, 10.0, 8.0));
        assert!(found[0].score > found[1].score);
    }
}
