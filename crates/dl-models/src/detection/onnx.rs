//! What the exports of one-stage detectors have in common: from boxes and scores to detections.

use anyhow::Result;

use super::one_stage::Selection;
use crate::onnx::{Attribute, Axis, Kind, OnnxModel, Value};

/// Scored boxes of one image in a model that is exported.
pub(super) struct Scored {
    /// [boxes, 4]: left, top, right, bottom.
    pub(super) boxes: Value,
    /// If boxes are cut to the input after the suppression, [boxes, 2]: width and height. Edges have too few digits for the
    /// sides of a tiny box.
    pub(super) sides: Option<Value>,
    /// [classes, boxes]
    pub(super) scores: Value,
    /// The number of boxes.
    pub(super) count: usize,
    /// For each row of the scores, the class's index in the labels.
    pub(super) labels: Vec<usize>,
}

/// Boxes after the suppression: [n], [n, 4], [n, 2] and [n].
struct Kept {
    /// Rows of the scores.
    classes: Value,
    boxes: Value,
    sides: Option<Value>,
    scores: Value,
}

/// Adds threshold, suppression within each class, and the outputs. `size`: [height, width] of the input.
pub(super) fn add_detections(
    model: &mut OnnxModel,
    scored: &Scored,
    selection: &Selection,
    size: [usize; 2],
) -> Result<()> {
    let kept = suppressed(model, scored, selection);
    let rows = |model: &mut OnnxModel, x: &Value, rows: &Value| {
        model.add("Gather", &[x, rows], &[("axis", Attribute::Int(0))])
    };
    // The best of all classes: `keep`, or all if there are fewer.
    let found = model.add("Shape", &[&kept.scores], &[]);
    let most = model.ints(&[i64::try_from(selection.keep).unwrap_or(i64::MAX)]);
    let most = model.add("Min", &[&found, &most], &[]);
    let [scores, order] = model.add_two("TopK", &[&kept.scores, &most], &[("axis", Attribute::Int(0))]);
    let [boxes, classes] = [&kept.boxes, &kept.classes].map(|x| rows(model, x, &order));
    let sides = kept.sides.map(|sides| rows(model, &sides, &order));
    let kept = finished(model, Kept { classes, boxes, sides, scores }, size)?;
    let names = model.ints(&scored.labels.iter().map(|label| *label as i64).collect::<Vec<i64>>());
    let classes = rows(model, &names, &kept.classes);
    let any = Axis::Any("detections");
    model.output(&kept.boxes, "boxes", Kind::F32, &[any, Axis::Fixed(4)]);
    model.output(&classes, "labels", Kind::I64, &[any]);
    model.output(&kept.scores, "scores", Kind::F32, &[any]);
    Ok(())
}

fn suppressed(model: &mut OnnxModel, scored: &Scored, selection: &Selection) -> Kept {
    let Scored { boxes, sides, scores, count, .. } = scored;
    let most = model.ints(&[selection.top_k.min(*count) as i64]);
    let (iou, least) = (model.float(selection.iou as f32), model.float(selection.score as f32));
    let suppress = |model: &mut OnnxModel, boxes: &Value, scores: &Value| {
        model.add("NonMaxSuppression", &[boxes, scores, &most, &iou, &least], &[])
    };
    let unsqueezed = |model: &mut OnnxModel, x: &Value, axis: i64| {
        let axis = model.ints(&[axis]);
        model.add("Unsqueeze", &[x, &axis], &[])
    };
    let columns = |model: &mut OnnxModel, x: &Value, columns: &[i64]| {
        let columns = model.ints(columns);
        model.add("Gather", &[x, &columns], &[("axis", Attribute::Int(1))])
    };
    let column = |model: &mut OnnxModel, x: &Value, index: i64| {
        let column = columns(model, x, &[index]);
        let flat = model.ints(&[-1]);
        model.add("Reshape", &[&column, &flat], &[])
    };
    if let Some(sides) = sides {
        // All boxes of a class enter.
        let [one_image, its_scores] = [boxes, scores].map(|x| unsqueezed(model, x, 0));
        // [n, 3]: 0, class, box.
        let kept = suppress(model, &one_image, &its_scores);
        let (classes, places) = (column(model, &kept, 1), column(model, &kept, 2));
        let [boxes, sides] = [boxes, sides].map(|x| model.add("Gather", &[x, &places], &[("axis", Attribute::Int(0))]));
        let pairs = columns(model, &kept, &[1, 2]);
        let scores = model.add("GatherND", &[scores, &pairs], &[]);
        return Kept { classes, boxes, sides: Some(sides), scores };
    }
    // Classes take the place of images: each has the `top_k` boxes that are best for it.
    let [scores, indices] = model.add_two("TopK", &[scores, &most], &[("axis", Attribute::Int(1))]);
    // [classes, best, 4]
    let boxes = model.add("Gather", &[boxes, &indices], &[("axis", Attribute::Int(0))]);
    let as_one_class = unsqueezed(model, &scores, 1);
    // [n, 3]: class, 0, place among the best.
    let kept = suppress(model, &boxes, &as_one_class);
    let pairs = columns(model, &kept, &[0, 2]);
    let [boxes, scores] = [&boxes, &scores].map(|x| model.add("GatherND", &[x, &pairs], &[]));
    Kept { classes: column(model, &kept, 0), boxes, sides: None, scores }
}

/// If the sides are known, cuts boxes to the input, drops those without an area inside, and limits scores to 1.
fn finished(model: &mut OnnxModel, kept: Kept, size: [usize; 2]) -> Result<Kept> {
    let Some(sides) = &kept.sides else { return Ok(kept) };
    let [height, width] = size.map(|side| side as f32);
    let (zero, one, bounds) = (model.float(0.0), model.float(1.0), model.floats(&[2], &[width, height])?);
    let [low, high] = [[0, 2], [2, 4]].map(|[from, to]| {
        let (from, to, axis) = (model.ints(&[from]), model.ints(&[to]), model.ints(&[1]));
        model.add("Slice", &[&kept.boxes, &from, &to, &axis], &[])
    });
    let conditions = [[sides, &zero], [&high, &zero], [&bounds, &low]].map(|pair| model.add("Greater", &pair, &[]));
    let inside = all(model, &conditions);
    let axis = model.ints(&[1]);
    let inside = model.add("Squeeze", &[&inside, &axis], &[]);
    let boxes = clipped(model, &kept.boxes, size)?;
    let scores = model.add("Min", &[&kept.scores, &one], &[]);
    let [classes, boxes, scores] =
        [&kept.classes, &boxes, &scores].map(|x| model.add("Compress", &[x, &inside], &[("axis", Attribute::Int(0))]));
    Ok(Kept { classes, boxes, sides: None, scores })
}

/// Whether all columns of all conditions [n, columns] hold: [n, 1].
fn all(model: &mut OnnxModel, conditions: &[Value]) -> Value {
    let numbers: Vec<Value> =
        conditions.iter().map(|condition| model.add("Cast", &[condition], &[("to", Attribute::Int(FLOAT))])).collect();
    let numbers = model.add("Concat", &numbers.iter().collect::<Vec<_>>(), &[("axis", Attribute::Int(1))]);
    let (axis, zero) = (model.ints(&[1]), model.float(0.0));
    let least = model.add("ReduceMin", &[&numbers, &axis], &[("keepdims", Attribute::Int(1))]);
    model.add("Greater", &[&least, &zero], &[])
}

/// Scores [boxes, classes] without those that cannot be used: -1 where the score is not finite, or its box [boxes, 4] has an
/// edge that is not or one of its sides [boxes, 2] is below 0.
pub(super) fn usable_scores(model: &mut OnnxModel, [boxes, sides, scores]: [&Value; 3]) -> Value {
    let (infinity, zero) = (model.float(f32::INFINITY), model.float(0.0));
    // False for NaN, too.
    let [of_boxes, of_scores] = [boxes, scores].map(|x| {
        let size = model.add("Abs", &[x], &[]);
        model.add("Less", &[&size, &infinity], &[])
    });
    let of_sides = model.add("GreaterOrEqual", &[sides, &zero], &[]);
    let of_boxes = all(model, &[of_boxes, of_sides]);
    let usable = model.add("And", &[&of_boxes, &of_scores], &[]);
    let never = model.float(-1.0);
    model.add("Where", &[&usable, scores, &never], &[])
}

/// ONNX's number for single precision.
const FLOAT: usize = 1;

/// Boxes [..., 4] cut to the input of [height, width] pixels.
pub(super) fn clipped(model: &mut OnnxModel, boxes: &Value, size: [usize; 2]) -> Result<Value> {
    let [height, width] = size.map(|side| side as f32);
    let (zero, bounds) = (model.float(0.0), model.floats(&[4], &[width, height, width, height])?);
    let boxes = model.add("Max", &[boxes, &zero], &[]);
    Ok(model.add("Min", &[&boxes, &bounds], &[]))
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
