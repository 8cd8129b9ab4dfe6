//! Small fully connected networks on features: a domain classifier, a projection head.

use anyhow::{Result, ensure};
use candle_core::Tensor;
use candle_nn::VarBuilder;
use dl_models::{Fresh, Linear, plain};
use dl_ops::{dropout, relu};
use rand_chacha::ChaCha8Rng;

/// Linear layers with a ReLU, and dropout in training, between them.
#[derive(Clone, Debug)]
pub struct Mlp {
    layers: Vec<Linear>,
    dropout: f64,
}

impl Mlp {
    /// Layers of `widths`, from the inputs to the outputs. The weights are `0.weight`, `0.bias`, `1.weight`, ... under
    /// the builder's prefix, new ones as in PyTorch. `dropout`: the probability that a hidden number becomes 0 in
    /// training.
    /// # Errors
    /// When there are fewer than 2 widths, a width is 0, `dropout` is not in [0, 1), or the builder lacks a tensor.
    pub fn new(widths: &[usize], dropout: f64, vb: &VarBuilder) -> Result<Self> {
        ensure!(widths.len() > 1 && !widths.contains(&0), "layers of widths {widths:?}; name at least 2, all above 0");
        ensure!((0.0..1.0).contains(&dropout), "dropout {dropout} is not in [0, 1)");
        let layer = |(index, width): (usize, &[usize])| {
            Linear::new(width[0], width[1], Fresh::torch(width[0]), vb.pp(index)).map_err(plain)
        };
        Ok(Self { layers: widths.windows(2).enumerate().map(layer).collect::<Result<_>>()?, dropout })
    }

    /// Maps x [n, inputs] f32 to [n, outputs]. With `train`, dropout is on and draws from the generator.
    /// # Errors
    /// When x has another shape.
    pub fn forward(&self, x: &Tensor, train: Option<&mut ChaCha8Rng>) -> Result<Tensor> {
        self.run(x, train).map_err(plain)
    }

    fn run(&self, x: &Tensor, mut train: Option<&mut ChaCha8Rng>) -> candle_core::Result<Tensor> {
        let mut x = x.clone();
        for (index, layer) in self.layers.iter().enumerate() {
            if index > 0 {
                x = relu(&x)?;
                if let Some(rng) = train.as_deref_mut() {
                    x = dropout(&x, self.dropout, rng)?;
                }
            }
            x = layer.forward(&x)?;
        }
        Ok(x)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use dl_models::Parameters;

    use super::*;
    use crate::golden::{input, numbers};

    #[test]
    fn weights_depend_on_the_seed_and_dropout_on_its_generator() {
        let x = input(0, &[4, 3], 1.0);
        let run = |seed, train: Option<u64>| {
            let parameters = Parameters::fresh(seed);
            let mlp = Mlp::new(&[3, 16, 2], 0.5, &parameters.builder(&Device::Cpu).pp("domain")).unwrap();
            let names: Vec<String> = parameters.vars().into_iter().map(|(name, _)| name).collect();
            assert_eq!(names, ["domain.0.bias", "domain.0.weight", "domain.1.bias", "domain.1.weight"]);
            let mut rng = train.map(|seed| dl_record::rng(seed, "dropout"));
            numbers(&mlp.forward(&x, rng.as_mut()).unwrap())
        };
        assert_eq!(run(0, None), run(0, None));
        assert_ne!(run(0, None), run(1, None));
        assert_eq!(run(0, Some(1)), run(0, Some(1)));
        assert_ne!(run(0, Some(1)), run(0, Some(2)));
        assert_ne!(run(0, Some(1)), run(0, None));
    }

    #[test]
    fn impossible_widths_and_dropout_are_refused() {
        let parameters = Parameters::fresh(0);
        let error = |widths: &[usize], dropout| {
            Mlp::new(widths, dropout, &parameters.builder(&Device::Cpu)).unwrap_err().to_string()
        };
        assert_eq!(error(&[3], 0.0), "layers of widths [3]; name at least 2, all above 0");
        assert_eq!(error(&[3, 0, 1], 0.0), "layers of widths [3, 0, 1]; name at least 2, all above 0");
        assert_eq!(error(&[3, 1], 1.0), "dropout 1 is not in [0, 1)");
    }
}
