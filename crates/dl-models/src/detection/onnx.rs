//! What the exports of one-stage detectors have in common: from boxes and scores to detections.

use anyhow::Result;

use super::one_stage::Selection;
use crate::onnx::{Attribute, Axis, Kind, OnnxModel, Value};

/// Scored boxes of one image in a model that is exported.
pub(super) struct Scored {
    /// [boxes, 4]: left, top, right, bottom.
    pub(super) boxes: Value,
    /// [classes, boxes]
    pub(super) scores: Value,
    /// The number of boxes.
    pub(super) count: usize,
    /// For each row of the scores, the class's index in the labels.
    pub(super) labels: Vec<usize>,
}

/// Adds threshold, suppression within each class, and the outputs.
///
/// Classes take the place of images: each has the `top_k` boxes that are best for it.
pub(super) fn add_detections(model: &mut OnnxModel, scored: &Scored, selection: &Selection) -> Result<()> {
    let Scored { boxes, scores, count, labels } = scored;
    let best = model.ints(&[selection.top_k.min(*count) as i64]);
    let [scores, indices] = model.add_two("TopK", &[scores, &best], &[("axis", Attribute::Int(1))]);
    // [classes, best, 4]
    let boxes = model.add("Gather", &[boxes, &indices], &[("axis", Attribute::Int(0))]);
    let axis = model.ints(&[1]);
    let as_one_class = model.add("Unsqueeze", &[&scores, &axis], &[]);
    let most = model.ints(&[selection.top_k.min(*count) as i64]);
    let (iou, least) = (model.float(selection.iou as f32), model.float(selection.score as f32));
    // [n, 3]: class, 0, place among the best.
    let kept = model.add("NonMaxSuppression", &[&boxes, &as_one_class, &most, &iou, &least], &[]);
    let columns = model.ints(&[0, 2]);
    let kept = model.add("Gather", &[&kept, &columns], &[("axis", Attribute::Int(1))]);
    let scores = model.add("GatherND", &[&scores, &kept], &[]);
    // The best of all classes: `keep`, or all if there are fewer.
    let found = model.add("Shape", &[&scores], &[]);
    let most = model.ints(&[i64::try_from(selection.keep).unwrap_or(i64::MAX)]);
    let most = model.add("Min", &[&found, &most], &[]);
    let [scores, order] = model.add_two("TopK", &[&scores, &most], &[("axis", Attribute::Int(0))]);
    let kept = model.add("Gather", &[&kept, &order], &[("axis", Attribute::Int(0))]);
    let boxes = model.add("GatherND", &[&boxes, &kept], &[]);
    let column = model.ints(&[0]);
    let classes = model.add("Gather", &[&kept, &column], &[("axis", Attribute::Int(1))]);
    let flat = model.ints(&[-1]);
    let classes = model.add("Reshape", &[&classes, &flat], &[]);
    let names = model.ints(&labels.iter().map(|label| *label as i64).collect::<Vec<i64>>());
    let classes = model.add("Gather", &[&names, &classes], &[("axis", Attribute::Int(0))]);
    let any = Axis::Any("detections");
    model.output(&boxes, "boxes", Kind::F32, &[any, Axis::Fixed(4)]);
    model.output(&classes, "labels", Kind::I64, &[any]);
    model.output(&scores, "scores", Kind::F32, &[any]);
    Ok(())
}

/// The columns `from..to` of the last of three axes.
pub(super) fn columns(model: &mut OnnxModel, x: &Value, from: usize, to: usize) -> Value {
    let (from, to, axis) = (model.ints(&[from as i64]), model.ints(&[to as i64]), model.ints(&[2]));
    model.add("Slice", &[x, &from, &to, &axis], &[])
}

/// Corners [1, boxes, 4] from centers and sides, [1, boxes, 2] each.
pub(super) fn corners(model: &mut OnnxModel, centers: &Value, sides: &Value) -> Value {
    let half = model.float(0.5);
    let half = model.add("Mul", &[sides, &half], &[]);
    let low = model.add("Sub", &[centers, &half], &[]);
    let high = model.add("Add", &[centers, &half], &[]);
    model.add("Concat", &[&low, &high], &[("axis", Attribute::Int(2))])
}

/// x [1, n, columns] without its first axis.
pub(super) fn of_one_image(model: &mut OnnxModel, x: &Value) -> Value {
    let axis = model.ints(&[0]);
    model.add("Squeeze", &[x, &axis], &[])
}
