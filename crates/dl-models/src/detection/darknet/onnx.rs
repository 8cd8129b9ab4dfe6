//! YOLO as an ONNX model.

use anyhow::{Result, ensure};

use super::{Darknet, Head};
use crate::detection::one_stage::Selection;
use crate::detection::onnx::{Scored, add_detections, columns, corners, of_one_image};
use crate::detection::yolo_v1::{Grid, YoloV1};
use crate::detection::yolo_v2::{Squash, YoloV2};
use crate::network::plans::graph;
use crate::onnx::{Attribute, Axis, OnnxModel, Value, add_graph};
use crate::{LayerName, Resize};

/// The most boxes of a class that enter suppression, and the most detections; darknet has no such limit.
const MOST: usize = 1000;

impl Darknet {
    pub(super) fn exported(&self) -> Result<OnnxModel> {
        let size = self.preprocessing.size;
        let layers: Vec<LayerName> = self.heads.iter().map(|(layer, _)| layer.clone()).collect();
        let (graph, nodes) = graph(&self.network, [3, size[0], size[1]], &layers)?;
        let mut model = OnnxModel::default();
        let maps = add_graph(&mut model, &graph, ("input", Axis::Fixed(1)), &nodes)?;
        let (mut boxes, mut scores) = (Vec::new(), Vec::new());
        for ((map, node), (_, head)) in maps.iter().zip(&nodes).zip(&self.heads) {
            let (some_boxes, some_scores) = match (head, graph.shape(*node)) {
                (Head::Grid(head), _) => grid(&mut model, map, head, size)?,
                (Head::Anchors(head), &[_, rows, columns]) => anchors(&mut model, map, head, [rows, columns], size)?,
                (Head::Anchors(_), shape) => anyhow::bail!("anchors on an output of shape {shape:?}"),
            };
            boxes.push(some_boxes);
            scores.push(some_scores);
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
        let (boxes, scores) = (joined(&mut model, &boxes), joined(&mut model, &scores));
        let scores = model.add("Transpose", &[&scores], &[("perm", Attribute::Ints(&[1, 0]))]);
        let scored = Scored { boxes, scores, count, labels: (0..self.labels.len()).collect() };
        let selection = Selection { score: self.suppression.score, top_k: MOST, iou: self.suppression.iou, keep: MOST };
        add_detections(&mut model, &scored, &selection)?;
        let letterbox = self.preprocessing.resize == Resize::Letterbox;
        let config = serde_json::json!({
            "preprocessing": {"size": size, "range": [0.0, 1.0], "channel_order": "RGB", "letterbox": letterbox},
        });
        model.describe("config", config.to_string());
        model.describe("labels", serde_json::to_string(&self.labels)?);
        Ok(model)
    }
}

/// The boxes [1, boxes, 4] and scores [1, boxes, classes] of YOLOv1's output.
fn grid(model: &mut OnnxModel, output: &Value, head: &YoloV1, size: [usize; 2]) -> Result<(Value, Value)> {
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
    Ok((corners(model, &centers, &sides), scores))
}

/// The boxes [1, boxes, 4] and scores [1, boxes, classes] of a map with anchors.
fn anchors(
    model: &mut OnnxModel,
    map: &Value,
    head: &YoloV2,
    cells: [usize; 2],
    size: [usize; 2],
) -> Result<(Value, Value)> {
    let ([rows, columns_], count) = (cells, head.anchors.len());
    let entries = 5 + head.classes;
    let plane = rows * columns_;
    ensure!(count > 0, "a head has no anchors");
    // [1, anchors, entries, cells] -> [1, boxes, entries], anchor by anchor.
    let shape = model.ints(&[1, count as i64, entries as i64, plane as i64]);
    let numbers = model.add("Reshape", &[map, &shape], &[]);
    let numbers = model.add("Transpose", &[&numbers], &[("perm", Attribute::Ints(&[0, 1, 3, 2]))]);
    let shape = model.ints(&[1, (count * plane) as i64, entries as i64]);
    let numbers = model.add("Reshape", &[&numbers, &shape], &[]);
    let squashed = |model: &mut OnnxModel, x: Value| {
        if head.new_coords { x } else { model.add("Sigmoid", &[&x], &[]) }
    };
    let per_box = |value: &dyn Fn(usize, usize) -> [f32; 2]| -> Vec<f32> {
        (0..count)
            .flat_map(|anchor| (0..plane).map(move |cell| (anchor, cell)))
            .flat_map(|(a, c)| value(a, c))
            .collect()
    };
    let shape = [count * plane, 2];
    let pixels = [size[1] as f32 / columns_ as f32, size[0] as f32 / rows as f32];
    let places = per_box(&|_, cell| [(cell % columns_) as f32, (cell / columns_) as f32]);
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
    let scores = model.add("Mul", &[&objectness, &classes], &[]);
    Ok((corners(model, &centers, &sides), scores))
}
