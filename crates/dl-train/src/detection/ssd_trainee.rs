//! SSD in training.

use anyhow::{Context, Result};
use candle_core::Tensor;
use dl_models::detection::ssd::{CodeOrder, Ssd};
use dl_models::plain;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::ssd::{Matching, Targets, ssd_loss};
use super::{DetectionLoss, Trainee, Truth};

/// An SSD that is trained.
pub struct SsdTrainee {
    /// The detector, with trainable weights.
    pub ssd: Ssd,
    /// How default boxes are matched to objects.
    pub matching: Matching,
}

impl SsdTrainee {
    fn targets(&self, truth: &Truth) -> Targets {
        let defaults = self.ssd.default_boxes();
        // Class 0 is the background.
        let classes: Vec<u32> = truth.classes.iter().map(|class| *class as u32 + 1).collect();
        let matches = self.matching.assign(defaults, &truth.boxes);
        let recipe = self.ssd.recipe();
        let mut targets = Targets::new(&matches, defaults, &truth.boxes, &classes, &recipe.coder());
        if recipe.order == CodeOrder::Yxhw {
            targets.codes.iter_mut().for_each(|(_, code)| *code = [code[1], code[0], code[3], code[2]]);
        }
        targets
    }

    /// The logits [n, default boxes, classes] and codes [n, default boxes, 4] for x [n, 3, h, w].
    fn outputs(&self, x: &Tensor, rng: &mut ChaCha8Rng) -> Result<[Tensor; 2]> {
        let maps = self.ssd.network().features(x, self.ssd.outputs(), Some(rng))?;
        let joined = |part: usize, columns: usize| {
            let rows = maps.iter().skip(part).step_by(2).map(|map| {
                let (images, channels, height, width) = map.dims4()?;
                // [n, boxes columns, h, w] -> [n, h, w, boxes columns] -> [n, h w boxes, columns]
                map.permute((0, 2, 3, 1))?.reshape((images, height * width * channels / columns, columns))
            });
            Tensor::cat(&rows.collect::<candle_core::Result<Vec<_>>>()?, 1)
        };
        Ok([joined(0, self.ssd.config.num_classes).map_err(plain)?, joined(1, 4).map_err(plain)?])
    }
}

impl Trainee for SsdTrainee {
    fn loss(&self, x: &Tensor, truths: &[Truth], rng: &mut ChaCha8Rng) -> Result<DetectionLoss> {
        let targets: Vec<Targets> = truths.par_iter().map(|truth| self.targets(truth)).collect();
        let [logits, codes] = self.outputs(x, rng)?;
        let loss = ssd_loss(&logits, &codes, &targets)?;
        let number = |tensor: &Tensor| -> Result<f64> { Ok(f64::from(tensor.to_scalar::<f32>().map_err(plain)?)) };
        let parts = vec![
            ("bbox_regression", number(&loss.boxes).context("the loss of boxes")?),
            ("classification", number(&loss.classes).context("the loss of classes")?),
        ];
        Ok(DetectionLoss { value: (loss.boxes + loss.classes).map_err(plain)?, parts })
    }
}
