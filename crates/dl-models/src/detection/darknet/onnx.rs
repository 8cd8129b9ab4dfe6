//! YOLO as an ONNX model.

use anyhow::{Result, ensure};

use super::{Darknet, Head, Suppression};
use crate::detection::one_stage::Selection;
use crate::detection::onnx::{Scored, add_detections, columns, corners, of_one_image, usable_scores};
use crate::detection::yolo_v1::{Grid, YoloV1};
use crate::detection::yolo_v2::{Squash, YoloV2};
use crate::network::plans::graph;
use crate::onnx::{Attribute, Axis, OnnxModel, Value, add_graph};
use crate::{LayerName, Resize};

impl Darknet {
    pub(super) fn exported(&self) -> Result<OnnxModel> {
        let size = self.preprocessing.size;
        let layers: Vec<LayerName> = self.heads.iter().map(|(layer, _)| layer.clone()).collect();
        let (graph, nodes) = graph(&self.network, [3, size[0], size[1]], &layers)?;
        let mut model = OnnxModel::default();
        let maps = add_graph(&mut model, &graph, ("input", Axis::Fixed(1)), &nodes)?;
        let (mut boxes, mut sides, mut scores) = (Vec::new(), Vec::new(), Vec::new());
        for ((map, node), (_, head)) in maps.iter().zip(&nodes).zip(&self.heads) {
            let some = match (head, graph.shape(*node)) {
                (Head::Grid(head), _) => grid(&mut model, map, head, size)?,
                (Head::Anchors(head), &[_, rows, columns]) => {
                    let least = self.suppression.score as f32;
                    anchors(&mut model, map, head, ([rows, columns], size), least)?
                }
                (Head::Anchors(_), shape) => anyhow::bail!("anchors on an output of shape {shape:?}"),
            };
            boxes.push(some.boxes);
            sides.push(some.sides);
            scores.push(some.scores);
        }
        let count = |(head, node): (&Head, &dl_kernels::NodeId)| match head {
            Head::Grid(head) => head.grid.cells() * head.grid.boxes,
            Head::Anchors(head) => head.anchors.len() * graph.shape(*node)[1..].iter().product::<usize>(),
        };
        let count = self.heads.iter().map(|(_, head)| head).zip(&nodes).map(count).sum();
        let joined = |model: &mut OnnxModel, parts: &[Value]| {
            let parts: Vec<&Value> = parts.iter().collect();
            let joined = model.add("Concat", &parts, &[("axis", Attribute::Int(1))]);
            of_one_image(model, &joined)
        };
        let [boxes, sides, scores] = [boxes, sides, scores].map(|parts| joined(&mut model, &parts));
        let scores = usable_scores(&mut model, [&boxes, &sides, &scores]);
        let scores = model.add("Transpose", &[&scores], &[("perm", Attribute::Ints(&[1, 0]))]);
        let scored = Scored { boxes, sides: Some(sides), scores, count, labels: (0..self.labels.len()).collect() };
        let Suppression { score, iou, clip } = self.suppression;
        ensure!(clip, "a recipe that does not cut boxes to the image cannot be exported");
        // As many as there are: darknet has no limit.
        let selection = Selection { score, top_k: usize::MAX, iou, keep: usize::MAX };
        add_detections(&mut model, &scored, &selection, size)?;
        let letterbox = self.preprocessing.resize == Resize::Letterbox;
        let config = serde_json::json!({
            "preprocessing": {"size": size, "range": [0.0, 1.0], "channel_order": "RGB", "letterbox": letterbox},
        });
        model.describe("config", config.to_string());
        model.describe("labels", serde_json::to_string(&self.labels)?);
        Ok(model)
    }
}

/// What a head describes.
struct Described {
    /// [1, boxes, 4]
    boxes: Value,
    /// [1, boxes, 2]
    sides: Value,
    /// [1, boxes, classes]
    scores: Value,
}

/// What YOLOv1's output describes.
fn grid(model: &mut OnnxModel, output: &Value, head: &YoloV1, size: [usize; 2]) -> Result<Described> {
    let Grid { side, boxes, classes } = head.grid;
    let cells = side * side;
    let mut start = 0;
    let mut block = |model: &mut OnnxModel, length: usize, shape: &[usize]| {
        let (from, to, axis) = (model.ints(&[start as i64]), model.ints(&[(start + length) as i64]), model.ints(&[1]));
        start += length;
        let part = model.add("Slice", &[output, &from, &to, &axis], &[]);
        let shape = model.ints(&shape.iter().map(|side| *side as i64).collect::<Vec<i64>>());
        model.add("Reshape", &[&part, &shape], &[])
    };
    let mut probabilities = block(model, cells * classes, &[1, cells, 1, classes]);
    if head.softmax {
        probabilities = model.add("Softmax", &[&probabilities], &[("axis", Attribute::Int(3))]);
    }
    let confidences = block(model, cells * boxes, &[1, cells, boxes, 1]);
    let numbers = block(model, cells * boxes * 4, &[1, cells * boxes, 4]);
    let scores = model.add("Mul", &[&confidences, &probabilities], &[]);
    let shape = model.ints(&[1, (cells * boxes) as i64, classes as i64]);
    let scores = model.add("Reshape", &[&scores, &shape], &[]);
    let pixels = [size[1] as f32, size[0] as f32];
    let places: Vec<f32> = (0..cells * boxes)
        .flat_map(|index| [(index / boxes) % side, (index / boxes) / side])
        .map(|place| place as f32)
        .collect();
    let places = model.floats(&[cells * boxes, 2], &places)?;
    let per_cell = model.floats(&[2], &pixels.map(|pixels| pixels / side as f32))?;
    let centers = columns(model, &numbers, 0, 2);
    let centers = model.add("Add", &[&centers, &places], &[]);
    let centers = model.add("Mul", &[&centers, &per_cell], &[]);
    let mut sides = columns(model, &numbers, 2, 4);
    if head.sqrt {
        sides = model.add("Mul", &[&sides, &sides], &[]);
    }
    let pixels = model.floats(&[2], &pixels)?;
    let sides = model.add("Mul", &[&sides, &pixels], &[]);
    Ok(Described { boxes: corners(model, &centers, &sides), sides, scores })
}

/// What a map with anchors describes, in the order of detection: cell by cell.
fn anchors(
    model: &mut OnnxModel,
    map: &Value,
    head: &YoloV2,
    ([rows, width], size): ([usize; 2], [usize; 2]),
    least: f32,
) -> Result<Described> {
    let (count, entries, plane) = (head.anchors.len(), 5 + head.classes, rows * width);
    ensure!(count > 0, "a head has no anchors");
    // [1, anchors, entries, cells] -> [1, cells, anchors, entries] -> [1, boxes, entries]
    let shape = model.ints(&[1, count as i64, entries as i64, plane as i64]);
    let numbers = model.add("Reshape", &[map, &shape], &[]);
    let numbers = model.add("Transpose", &[&numbers], &[("perm", Attribute::Ints(&[0, 3, 1, 2]))]);
    let shape = model.ints(&[1, (count * plane) as i64, entries as i64]);
    let numbers = model.add("Reshape", &[&numbers, &shape], &[]);
    let squashed = |model: &mut OnnxModel, x: Value| {
        if head.new_coords { x } else { model.add("Sigmoid", &[&x], &[]) }
    };
    let per_box = |value: &dyn Fn(usize, usize) -> [f32; 2]| -> Vec<f32> {
        let boxes = (0..plane).flat_map(|cell| (0..count).map(move |anchor| (anchor, cell)));
        boxes.flat_map(|(anchor, cell)| value(anchor, cell)).collect()
    };
    let shape = [count * plane, 2];
    let pixels = [size[1] as f32 / width as f32, size[0] as f32 / rows as f32];
    let places = per_box(&|_, cell| [(cell % width) as f32, (cell / width) as f32]);
    let places = model.floats(&shape, &places)?;
    let offsets = columns(model, &numbers, 0, 2);
    let mut offsets = squashed(model, offsets);
    if head.scale_x_y != 1.0 {
        let (scale, shift) = (model.float(head.scale_x_y), model.float(-0.5 * (head.scale_x_y - 1.0)));
        offsets = model.add("Mul", &[&offsets, &scale], &[]);
        offsets = model.add("Add", &[&offsets, &shift], &[]);
    }
    let centers = model.add("Add", &[&offsets, &places], &[]);
    let per_cell = model.floats(&[2], &pixels)?;
    let centers = model.add("Mul", &[&centers, &per_cell], &[]);
    let unit = if head.in_cells { pixels } else { [1.0, 1.0] };
    let sizes = per_box(&|anchor, _| [head.anchors[anchor][0] * unit[0], head.anchors[anchor][1] * unit[1]]);
    let sizes = model.floats(&shape, &sizes)?;
    let growths = columns(model, &numbers, 2, 4);
    let growths = if head.new_coords {
        let (square, four) = (model.add("Mul", &[&growths, &growths], &[]), model.float(4.0));
        model.add("Mul", &[&square, &four], &[])
    } else {
        model.add("Exp", &[&growths], &[])
    };
    let sides = model.add("Mul", &[&growths, &sizes], &[]);
    let objectness = columns(model, &numbers, 4, 5);
    let objectness = squashed(model, objectness);
    let classes = columns(model, &numbers, 5, entries);
    let classes = match head.squash {
        Squash::Softmax => model.add("Softmax", &[&classes], &[("axis", Attribute::Int(2))]),
        Squash::Sigmoid => squashed(model, classes),
    };
    let mut scores = model.add("Mul", &[&objectness, &classes], &[]);
    if head.new_coords {
        // Nothing limits the classes to 1, so that the threshold of the objectness does not follow from that of the score.
        let (least, never) = (model.float(least), model.float(-1.0));
        let is_object = model.add("Greater", &[&objectness, &least], &[]);
        scores = model.add("Where", &[&is_object, &scores, &never], &[]);
    }
    Ok(Described { boxes: corners(model, &centers, &sides), sides, scores })
}
