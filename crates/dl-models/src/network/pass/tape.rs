//! The gradient of a network's output with respect to its input, for penalties on it.

use anyhow::{Result, bail};
use candle_core::Tensor;
use dl_ops::Tape;

use super::{Pass, Value};
use crate::plain;

impl Pass<'_> {
    /// The same, recording the gradient with respect to the input `x`, on which the network is then run. Convolutions,
    /// fully connected layers, leaky ReLUs, dropout, average pooling, batch norms with stored statistics and what joins or
    /// reshapes maps are supported; batch norms in training are not, since they mix the samples of a batch.
    #[must_use]
    pub fn taped(self, x: &Tensor) -> Self {
        Self { tape: Some(Tape::new(x)), ..self }
    }

    /// The gradient of the sum of `y` with respect to the input, of its shape: a tensor whose own gradient goes to the
    /// weights. See [`Tape::gradient`].
    /// # Errors
    /// When the run is not [`taped`](Self::taped), y does not depend on the input, or an operation between them is not
    /// supported.
    pub fn input_gradient(&self, y: &Value) -> Result<Tensor> {
        let (Some(tape), Value::Now(y)) = (&self.tape, y) else {
            bail!("an input gradient needs a run that records it")
        };
        tape.gradient(y).map_err(plain)
    }

    /// Records how y was computed from x, if the run is taped.
    pub(super) fn record(&mut self, x: &Value, y: &Value, record: impl FnOnce(&mut Tape, &Tensor, &Tensor)) {
        if let (Some(tape), Value::Now(x), Value::Now(y)) = (&mut self.tape, x, y) {
            record(tape, x, y);
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};
    use dl_ops::{Conv2dConfig, Padding, PoolConfig, Resampling, zero_centered_penalty};
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::network::Run;
    use crate::{BatchNorm2d, Conv2d, Fresh, Linear, Parameters};

    struct Discriminator {
        conv: Conv2d,
        norm: BatchNorm2d,
        side: Conv2d,
        linear: Linear,
    }

    impl Discriminator {
        fn new(parameters: &Parameters) -> Self {
            let vb = parameters.builder(&Device::Cpu);
            let config = Conv2dConfig { stride: [2, 2], padding: Padding::all(1), ..Default::default() };
            let same = Conv2dConfig { padding: Padding::all(1), ..Default::default() };
            let fresh = Fresh::kaiming();
            Self {
                conv: Conv2d::new([2, 6], [4, 4], config, fresh, vb.pp("conv")).unwrap(),
                norm: BatchNorm2d::new(6, 1e-5, vb.pp("norm")).unwrap(),
                side: Conv2d::new([6, 6], [3, 3], same, fresh, vb.pp("side")).unwrap(),
                linear: Linear::new(13 * 4, 1, fresh, vb.pp("linear")).unwrap(),
            }
        }

        fn run(&self, x: &Value, pass: &mut Pass, tanh: bool) -> Run {
            let x = pass.conv_relu(["conv", "relu"], &self.conv, x)?;
            let x = pass.batch_norm_relu(["norm", "norm_relu"], &self.norm, &x)?;
            let side = pass.conv("side", &self.side, &x)?;
            let side = if tanh { pass.tanh("tanh", &side)? } else { pass.leaky_relu("leaky", 0.2, &side)? };
            let side = pass.resample("blur", &Resampling::blur(&[1.0, 2.0, 1.0]), &side)?;
            let sum = pass.add_relu(["sum", "sum_relu"], &x, &side)?;
            let both = pass.concat("both", &[&sum, &x])?;
            let both = pass.minibatch_stddev("stddev", (4, 1), &both)?;
            let pooled = pass.avg_pool("pooled", &PoolConfig::square(2, 2), &both)?;
            let row = pass.flatten("row", &pooled)?;
            pass.linear("score", &self.linear, &row)
        }
    }

    fn images() -> Tensor {
        let vb = Parameters::fresh(1).builder(&Device::Cpu);
        vb.get_with_hints((4, 2, 8, 9), "x", candle_nn::Init::Randn { mean: 0.0, stdev: 1.0 }).unwrap().detach()
    }

    #[test]
    fn the_input_gradient_of_a_network_is_that_of_the_backward_pass_and_goes_to_every_weight() {
        let parameters = Parameters::fresh(0);
        let network = Discriminator::new(&parameters);
        let x = Var::from_tensor(&images()).unwrap();
        let mut pass = Pass::new(Vec::new(), None).taped(&x);
        let Ok(y) = network.run(&Value::Now(x.as_tensor().clone()), &mut pass, false) else { panic!() };
        let gradient = pass.input_gradient(&y).unwrap();
        let Value::Now(y) = y else { panic!() };
        let expected = y.sum_all().unwrap().backward().unwrap().remove(&x).unwrap();
        let numbers = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        for (found, expected) in numbers(&gradient).iter().zip(numbers(&expected)) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
        let gradients = zero_centered_penalty(&gradient, 1.0).unwrap().backward().unwrap();
        for (name, var) in parameters.vars() {
            let is_weight = name.ends_with(".weight");
            assert!(!is_weight || gradients.get(&var).is_some(), "{name}");
        }
    }

    #[test]
    fn operations_without_a_second_gradient_are_named() {
        let network = Discriminator::new(&Parameters::fresh(0));
        let x = images();
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        for (tanh, train, named) in [(true, false, "Tanh"), (false, true, "batch norm in training")] {
            let mut pass = Pass::new(Vec::new(), train.then_some(&mut rng)).taped(&x);
            let Ok(y) = network.run(&Value::Now(x.clone()), &mut pass, tanh) else { panic!() };
            let error = pass.input_gradient(&y).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
        let mut pass = Pass::new(Vec::new(), None);
        let Ok(y) = network.run(&Value::Now(x), &mut pass, false) else { panic!() };
        assert!(pass.input_gradient(&y).is_err());
    }
}
