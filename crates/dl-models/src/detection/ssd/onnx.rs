//! SSD as an ONNX model.

use anyhow::Result;

use super::{CodeOrder, Scores, Ssd};
use crate::detection::onnx::{Scored, add_detections, clipped, columns, corners, of_one_image};
use crate::network::plans::graph;
use crate::onnx::{Attribute, Axis, OnnxModel, Value, add_graph};

/// The largest exponent of a side, as in `BoxCoder`.
const LARGEST_GROWTH: f32 = 1000.0 / 16.0;

impl Ssd {
    pub(super) fn exported(&self) -> Result<OnnxModel> {
        let [height, width] = self.config.preprocessing.size;
        let (graph, nodes) = graph(&self.network, [3, height, width], &self.outputs)?;
        let mut model = OnnxModel::default();
        let maps = add_graph(&mut model, &graph, ("input", Axis::Fixed(1)), &nodes)?;
        let classes = self.config.num_classes;
        let joined = |model: &mut OnnxModel, part: usize, columns: usize| {
            let rows: Vec<Value> = maps.iter().skip(part).step_by(2).map(|map| rows(model, map, columns)).collect();
            model.add("Concat", &rows.iter().collect::<Vec<_>>(), &[("axis", Attribute::Int(1))])
        };
        let logits = joined(&mut model, 0, classes);
        let scores = match self.recipe.scores {
            Scores::Softmax => model.add("Softmax", &[&logits], &[("axis", Attribute::Int(2))]),
            Scores::Sigmoid => model.add("Sigmoid", &[&logits], &[]),
        };
        let scores = of_one_image(&mut model, &scores);
        let scores = model.add("Transpose", &[&scores], &[("perm", Attribute::Ints(&[1, 0]))]);
        let labels: Vec<usize> = (1..classes).filter(|class| self.reported[*class]).collect();
        let wanted = model.ints(&labels.iter().map(|label| *label as i64).collect::<Vec<i64>>());
        let scores = model.add("Gather", &[&scores, &wanted], &[("axis", Attribute::Int(0))]);
        let codes = joined(&mut model, 1, 4);
        let boxes = self.boxes(&mut model, codes)?;
        let boxes = of_one_image(&mut model, &boxes);
        let scored = Scored { boxes, sides: None, scores, count: self.default_boxes.len(), labels };
        add_detections(&mut model, &scored, &self.recipe.selection, self.config.preprocessing.size)?;
        model.describe("config", serde_json::to_string(&self.config)?);
        model.describe("labels", serde_json::to_string(&self.labels)?);
        Ok(model)
    }

    /// The boxes [1, boxes, 4] of codes [1, boxes, 4].
    fn boxes(&self, model: &mut OnnxModel, codes: Value) -> Result<Value> {
        let codes = match self.recipe.order {
            CodeOrder::Xywh => codes,
            CodeOrder::Yxhw => {
                let order = model.ints(&[1, 0, 3, 2]);
                model.add("Gather", &[&codes, &order], &[("axis", Attribute::Int(2))])
            }
        };
        let boxes = &self.default_boxes;
        let weights = self.recipe.weights.map(|weight| weight as f32);
        let sides: Vec<f32> = boxes.iter().flat_map(|bbox| [bbox.width() as f32, bbox.height() as f32]).collect();
        let centers: Vec<f32> =
            boxes.iter().flat_map(|bbox| [bbox.center().0 as f32, bbox.center().1 as f32]).collect();
        let shape = [boxes.len(), 2];
        let (sides, centers) = (model.floats(&shape, &sides)?, model.floats(&shape, &centers)?);
        let weights = model.floats(&[4], &weights)?;
        let codes = model.add("Div", &[&codes, &weights], &[]);
        let (shifts, growths) = (columns(model, &codes, 0, 2), columns(model, &codes, 2, 4));
        let shifts = model.add("Mul", &[&shifts, &sides], &[]);
        let centers = model.add("Add", &[&shifts, &centers], &[]);
        let largest = model.float(LARGEST_GROWTH.ln());
        let growths = model.add("Min", &[&growths, &largest], &[]);
        let growths = model.add("Exp", &[&growths], &[]);
        let sides = model.add("Mul", &[&growths, &sides], &[]);
        let boxes = corners(model, &centers, &sides);
        if self.recipe.clip { clipped(model, &boxes, self.config.preprocessing.size) } else { Ok(boxes) }
    }
}

/// A map [1, boxes per cell x columns, h, w] as rows [1, boxes, columns].
fn rows(model: &mut OnnxModel, map: &Value, columns: usize) -> Value {
    let cells = model.add("Transpose", &[map], &[("perm", Attribute::Ints(&[0, 2, 3, 1]))]);
    let shape = model.ints(&[1, -1, columns as i64]);
    model.add("Reshape", &[&cells, &shape], &[])
}
