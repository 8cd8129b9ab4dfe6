//! Networks for images.

use anyhow::Result;

use super::{Axis, Kind, OnnxModel, add_graph};
use crate::network::plans::graph;
use crate::{LayerName, Model};

impl Model {
    /// The network up to `layers` as an ONNX model: the input is `input` [batch, 3, height, width], preprocessed, and the
    /// outputs have the names of the layers. The metadata has the config.
    /// # Errors
    /// When a layer does not exist, or an operation has no counterpart.
    pub fn onnx(&self, layers: &[LayerName]) -> Result<OnnxModel> {
        let [height, width] = self.config.preprocessing.size;
        let (graph, outputs) = graph(&*self.backbone, [3, height, width], layers)?;
        let mut model = OnnxModel::default();
        let values = add_graph(&mut model, &graph, ("input", Axis::Any("batch")), &outputs)?;
        for ((value, node), layer) in values.iter().zip(&outputs).zip(layers) {
            let axes: Vec<Axis> = std::iter::once(Axis::Any("batch"))
                .chain(graph.shape(*node).iter().map(|side| Axis::Fixed(*side)))
                .collect();
            model.output(value, &layer.to_string(), Kind::F32, &axes);
        }
        model.describe("config", serde_json::to_string(&self.config)?);
        Ok(model)
    }
}
