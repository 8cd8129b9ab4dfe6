//! YOLOv1 in training.

use anyhow::{Context, Result, ensure};
use candle_core::Tensor;
use dl_models::detection::darknet::{Darknet, GridLoss};
use dl_models::detection::{Detector, Placed};
use dl_models::{Backbone, LayerName, plain};
use dl_record::BBox;
use rand_chacha::ChaCha8Rng;

use super::yolo_v1::{LossConfig, target};
use super::{DetectionLoss, Trainee, Truth};

/// A YOLOv1 that is trained.
pub struct YoloV1Trainee {
    detector: Darknet,
    /// The output that the grid is read from.
    layer: LayerName,
    loss: LossConfig,
}

impl YoloV1Trainee {
    /// The trainee of a detector with trainable weights.
    /// # Errors
    /// When it is not a YOLOv1.
    pub fn new(detector: Darknet, factors: Option<GridLoss>) -> Result<Self> {
        let (layer, yolo) = detector.grid().context("only networks with [detection], YOLOv1's grid, can be trained")?;
        let GridLoss { object, no_object, class, coordinates, rescore } = factors.context("its .cfg has no grid")?;
        let (grid, sqrt, softmax) = (yolo.grid, yolo.sqrt, yolo.softmax);
        let loss = LossConfig { grid, object, no_object, class, coordinates, rescore, sqrt, softmax };
        Ok(Self { layer: layer.clone(), loss, detector })
    }

    fn target(&self, truth: &Truth) -> Vec<f32> {
        let Placed { size: [rows, columns], .. } = truth.placed;
        let [rows, columns] = [rows as f64, columns as f64];
        let in_fractions =
            |bbox: &BBox| BBox::new(bbox.x1 / columns, bbox.y1 / rows, bbox.x2 / columns, bbox.y2 / rows);
        let objects: Vec<(usize, BBox)> =
            truth.classes.iter().copied().zip(truth.boxes.iter().map(in_fractions)).collect();
        target(&objects, &self.loss.grid)
    }
}

impl Trainee for YoloV1Trainee {
    fn loss(&self, x: &Tensor, truths: &[Truth], rng: &mut ChaCha8Rng) -> Result<DetectionLoss> {
        let images = truths.len() as f64;
        let [height, width] = self.detector.preprocessing().size;
        ensure!(x.dims() == [truths.len(), 3, height, width], "the inputs have shape {:?}", x.dims());
        // The network's input is not centered.
        let x = (x + f64::from(self.detector.preprocessing().mean[0])).map_err(plain)?;
        let network: &dyn Backbone = self.detector.network();
        let output = network.features(&x, std::slice::from_ref(&self.layer), Some(rng))?;
        let output = output.into_iter().next().context("one layer has one output")?;
        let output = output.flatten_from(1).map_err(plain)?;
        let targets: Vec<f32> = truths.iter().flat_map(|truth| self.target(truth)).collect();
        let (value, loss) = self.loss.tensor(&output, &targets)?;
        let part = |name, sum: f64| (name, sum / images);
        let parts = vec![
            part("coordinates", loss.coordinates),
            part("object", loss.object),
            part("no_object", loss.no_object),
            part("class", loss.class),
        ];
        // Per image: darknet divides the learning rate by the batch instead.
        Ok(DetectionLoss { value: (value / images).map_err(plain)?, parts })
    }
}
