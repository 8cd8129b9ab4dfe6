//! Layers with spectral normalization. In training, each run of one is a step of its power iteration.

use super::{Mode, Pass, Run, Value};
use crate::network::layers::{SpectralConv2d, SpectralLinear};

impl Pass<'_> {
    /// A convolution with spectral normalization.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn spectral_conv(&mut self, name: &str, conv: &SpectralConv2d, x: &Value) -> Run {
        self.varies |= conv.is_trained();
        if matches!(self.mode, Mode::Plan(_)) || matches!(x, Value::Before) {
            let y = self.apply([x], || conv.operation(), |[x], _| conv.forward(x, &conv.weight(false)?))?;
            return self.see(name, y);
        }
        let weight = conv.weight(self.trains())?;
        let y = self.apply([x], || conv.operation(), |[x], _| conv.forward(x, &weight))?;
        self.record(x, &y, |tape, x, y| tape.conv2d(x, y, &weight, conv.config()));
        self.see(name, y)
    }

    /// A fully connected layer with spectral normalization.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn spectral_linear(&mut self, name: &str, linear: &SpectralLinear, x: &Value) -> Run {
        self.varies |= linear.is_trained();
        if matches!(self.mode, Mode::Plan(_)) || matches!(x, Value::Before) {
            let y = self.apply([x], || linear.operation(), |[x], _| linear.forward(x, &linear.weight(false)?))?;
            return self.see(name, y);
        }
        let weight = linear.weight(self.trains())?;
        let y = self.apply([x], || linear.operation(), |[x], _| linear.forward(x, &weight))?;
        self.record(x, &y, |tape, x, y| tape.linear(x, y, &weight));
        self.see(name, y)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};
    use dl_ops::{Conv2dConfig, zero_centered_penalty};
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::{Fresh, Parameters};

    #[test]
    fn training_steps_find_the_singular_value_and_inference_keeps_it() {
        let parameters = Parameters::fresh(0);
        let vb = parameters.builder(&Device::Cpu);
        let fresh = Fresh::normal(1.0);
        let conv = SpectralConv2d::new([2, 5], [3, 3], Conv2dConfig::default(), fresh, vb.pp("conv")).unwrap();
        let linear = SpectralLinear::new(5 * 4, 3, fresh, vb.pp("linear")).unwrap();
        let x =
            vb.get_with_hints((2, 2, 4, 4), "x", candle_nn::Init::Randn { mean: 0.0, stdev: 1.0 }).unwrap().detach();
        let run = |train: bool| {
            let mut rng = ChaCha8Rng::seed_from_u64(0);
            let mut pass = Pass::new(Vec::new(), train.then_some(&mut rng)).taped(&x);
            let y = pass.spectral_conv("conv", &conv, &Value::Now(x.clone())).ok().unwrap();
            let y = pass.flatten("", &y).ok().unwrap();
            let y = pass.spectral_linear("linear", &linear, &y).ok().unwrap();
            let gradient = pass.input_gradient(&y).unwrap();
            let Value::Now(y) = y else { panic!() };
            (y.flatten_all().unwrap().to_vec1::<f32>().unwrap(), gradient)
        };
        for _ in 0..100 {
            run(true);
        }
        for layer in ["conv", "linear"] {
            let of = |part: &str| parameters.tensors()[&format!("{layer}.{part}")].clone();
            let matrix = of("weight_orig").flatten_from(1).unwrap();
            // W W^T u = sigma^2 u.
            let u = of("weight_u").unsqueeze(1).unwrap();
            let again = matrix.matmul(&matrix.t().unwrap().matmul(&u).unwrap()).unwrap();
            let squared = again.sqr().unwrap().sum_all().unwrap().sqrt().unwrap();
            let same = (again.broadcast_div(&squared).unwrap() - &u).unwrap().abs().unwrap();
            assert!(same.max_all().unwrap().to_scalar::<f32>().unwrap() < 1e-3, "{layer}");
        }
        let before: Tensor = parameters.tensors()["conv.weight_u"].clone();
        let (y, gradient) = run(false);
        assert_eq!(run(false).0, y);
        let after = parameters.tensors()["conv.weight_u"].clone();
        assert_eq!(before.to_vec1::<f32>().unwrap(), after.to_vec1::<f32>().unwrap());
        let gradients = zero_centered_penalty(&gradient, 1.0).unwrap().backward().unwrap();
        for (name, var) in parameters.vars() {
            assert_eq!(gradients.get(&var).is_some(), name.ends_with("weight_orig"), "{name}");
        }
    }
}
