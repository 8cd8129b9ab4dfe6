//! The loss of the region proposal network (Ren et al. 2015, section 3.1.2): which anchors show objects, and how to move
//! them onto these.

use anyhow::Result;
use candle_core::{DType, Tensor};
use dl_models::detection::rcnn::Recipe;
use dl_models::plain;
use dl_record::BBox;
use dl_vision::boxes::{BoxCoder, Match, Matcher};
use rand_chacha::ChaCha8Rng;

use super::sampler::Sampler;
use crate::detection::losses::{binary_cross_entropy, smooth_l1};

/// The anchors of an image in the loss, by index.
#[derive(Clone, Debug, Default)]
pub(super) struct AnchorTargets {
    /// Whether each one shows an object.
    sampled: Vec<(usize, bool)>,
    /// The code of the object, for those that show one.
    codes: Vec<(usize, [f64; 4])>,
}

/// The match of each anchor of an image of `extent` [height, width]; anchors that extend outside of it are ignored if the
/// recipe says so.
pub(super) fn match_anchors(anchors: &[BBox], objects: &[BBox], extent: [f64; 2], recipe: &Recipe) -> Vec<Match> {
    let matcher =
        Matcher { foreground: recipe.rpn_fg_iou_thresh, background: recipe.rpn_bg_iou_thresh, keep_best: true };
    if recipe.rpn_outside {
        return matcher.assign(anchors, objects);
    }
    let [height, width] = extent;
    let is_inside = |bbox: &BBox| bbox.x1 >= 0.0 && bbox.y1 >= 0.0 && bbox.x2 <= width && bbox.y2 <= height;
    let inside: Vec<usize> = (0..anchors.len()).filter(|index| is_inside(&anchors[*index])).collect();
    let boxes: Vec<BBox> = inside.iter().map(|index| anchors[*index]).collect();
    let mut matches = vec![Match::Ignored; anchors.len()];
    for (index, found) in inside.into_iter().zip(matcher.assign(&boxes, objects)) {
        matches[index] = found;
    }
    matches
}

impl AnchorTargets {
    pub(super) fn sample(
        anchors: &[BBox],
        objects: &[BBox],
        matches: &[Match],
        recipe: &Recipe,
        sampler: Sampler,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let chosen = sampler.choose(matches, recipe.rpn_batch_size_per_image, recipe.rpn_positive_fraction, rng);
        let coder = BoxCoder::default();
        let code = |index: &usize| match matches[*index] {
            Match::Object(object) => Some((*index, coder.encode(&anchors[*index], &objects[object]))),
            _ => None,
        };
        let codes = chosen.positives.iter().filter_map(code).collect();
        let negatives = chosen.negatives.into_iter().map(|index| (index, false));
        Self { sampled: chosen.positives.into_iter().map(|index| (index, true)).chain(negatives).collect(), codes }
    }
}

/// The losses of objectness and of boxes, both over the number of sampled anchors. `scores` are, for each map, objectness
/// [n, anchors, h, w] and deltas [n, 4 anchors, h, w].
pub(super) fn rpn_loss(scores: &[[Tensor; 2]], targets: &[AnchorTargets], recipe: &Recipe) -> Result<[Tensor; 2]> {
    let [objectness, deltas] = flat(scores).map_err(plain)?;
    let each = objectness.elem_count() / targets.len().max(1);
    let (mut rows, mut wanted) = (Vec::new(), Vec::new());
    let (mut code_rows, mut codes) = (Vec::new(), Vec::new());
    for (image, target) in targets.iter().enumerate() {
        let row = |index: usize| (image * each + index) as u32;
        rows.extend(target.sampled.iter().map(|(index, _)| row(*index)));
        wanted.extend(target.sampled.iter().map(|(_, shows_object)| f32::from(u8::from(*shows_object))));
        code_rows.extend(target.codes.iter().map(|(index, _)| row(*index)));
        codes.extend(target.codes.iter().flat_map(|(_, code)| code.map(|number| number as f32)));
    }
    let device = objectness.device();
    let zero = || Tensor::zeros((), DType::F32, device).map_err(plain);
    if rows.is_empty() {
        return Ok([zero()?, zero()?]);
    }
    let sampled = rows.len() as f64;
    let logits = Tensor::new(rows, device).and_then(|rows| objectness.index_select(&rows, 0)).map_err(plain)?;
    let loss = binary_cross_entropy(&logits, &wanted)?;
    if code_rows.is_empty() {
        return Ok([loss, zero()?]);
    }
    let boxes = || -> candle_core::Result<Tensor> {
        let count = code_rows.len();
        let found = deltas.index_select(&Tensor::new(code_rows, device)?, 0)?;
        smooth_l1(&found, &Tensor::from_vec(codes, (count, 4), device)?, recipe.rpn_beta)? / sampled
    };
    Ok([loss, boxes().map_err(plain)?])
}

/// The numbers of all maps in the order of the anchors: objectness [n anchors], deltas [n anchors, 4].
fn flat(scores: &[[Tensor; 2]]) -> candle_core::Result<[Tensor; 2]> {
    let (mut objectness, mut deltas) = (Vec::new(), Vec::new());
    for [of_map, moves] in scores {
        let (n, anchors, h, w) = of_map.dims4()?;
        // [n, a, h, w] -> [n, h w a]
        objectness.push(of_map.permute((0, 2, 3, 1))?.reshape((n, h * w * anchors))?);
        // [n, a, 4, h, w] -> [n, h w a, 4]
        let moves = moves.reshape((n, anchors, 4, h, w))?.permute((0, 3, 4, 1, 2))?;
        deltas.push(moves.reshape((n, h * w * anchors, 4))?);
    }
    let (objectness, deltas) = (Tensor::cat(&objectness, 1)?, Tensor::cat(&deltas, 1)?);
    Ok([objectness.flatten_all()?, deltas.flatten(0, 1)?])
}
