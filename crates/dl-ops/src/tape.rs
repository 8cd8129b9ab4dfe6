//! The gradient of a network with respect to its input as a graph of operations that have gradients themselves, for
//! penalties on it: R1 and R2 (Mescheder et al. 2018, section 4.1), WGAN-GP (Gulrajani et al. 2017, section 4).
//!
//! candle's backward pass returns numbers without a history, so its result cannot be differentiated again. A [`Tape`]
//! records, for each operation between the input and the score, how a gradient of its result becomes one of its
//! arguments, in operations with a gradient of their own: a transposed convolution for a convolution, a constant mask
//! for a leaky ReLU. One ordinary backward pass of a penalty on [`Tape::gradient`] then gives its exact gradient.

use std::collections::HashMap;

use candle_core::{Result, Tensor, TensorId, bail};

use crate::activation::leaky_relu_gradient;
use crate::average::{adaptive_avg_pool2d_gradient, avg_pool2d_gradient};
use crate::{
    Conv2dConfig, ConvTranspose2dConfig, PoolConfig, Resampling, ResamplingStep, conv_transpose2d, conv2d,
    linear_transposed,
};

/// From the gradient of a result to those of its arguments, in operations with gradients.
type Derivative = Box<dyn Fn(&Tensor) -> Result<Vec<Tensor>> + Send>;

enum Node {
    Input,
    Known {
        /// The nodes of the arguments; `None` for one that does not depend on the input.
        arguments: Vec<Option<usize>>,
        derivative: Derivative,
    },
    /// An operation without such a derivative, by name.
    Unknown(String),
}

/// The operations between an input and what depends on it.
///
/// Each method records that `y` was computed from `x`; nothing is recorded if `x` does not depend on the input.
pub struct Tape {
    input: Tensor,
    nodes: Vec<Node>,
    index: HashMap<TensorId, usize>,
}

impl Tape {
    /// A tape for this input, [n, ...].
    pub fn new(input: &Tensor) -> Self {
        let index = HashMap::from([(input.id(), 0)]);
        Self { input: input.clone(), nodes: vec![Node::Input], index }
    }

    /// Whether `x` depends on the input.
    pub fn depends(&self, x: &Tensor) -> bool {
        self.index.contains_key(&x.id())
    }

    /// Records any operation: `derivative` returns one gradient per argument, in operations with gradients.
    pub fn record(
        &mut self,
        arguments: &[&Tensor],
        y: &Tensor,
        derivative: impl Fn(&Tensor) -> Result<Vec<Tensor>> + Send + 'static,
    ) {
        let arguments: Vec<Option<usize>> = arguments.iter().map(|x| self.index.get(&x.id()).copied()).collect();
        // A result that is its argument needs no derivative.
        let is_argument = arguments.contains(&self.index.get(&y.id()).copied()) && self.index.contains_key(&y.id());
        if arguments.iter().any(Option::is_some) && !is_argument {
            self.insert(y, Node::Known { arguments, derivative: Box::new(derivative) });
        }
    }

    /// Records an operation whose derivative is not known: a gradient through it is an error. The last record of y
    /// counts.
    pub fn record_unknown(&mut self, name: &str, arguments: &[&Tensor], y: &Tensor) {
        if arguments.iter().any(|x| self.depends(x)) && arguments.iter().all(|x| x.id() != y.id()) {
            self.insert(y, Node::Unknown(name.to_owned()));
        }
    }

    fn insert(&mut self, y: &Tensor, node: Node) {
        self.index.insert(y.id(), self.nodes.len());
        self.nodes.push(node);
    }

    /// The gradient of the sum of `y` with respect to the input, of the input's shape; its own gradient goes to the
    /// weights. If no number of y [n, ...] depends on another sample's input, row i is the gradient of y's row i.
    /// # Errors
    /// When y does not depend on the input, an operation between them was recorded as unknown, or candle fails.
    pub fn gradient(&self, y: &Tensor) -> Result<Tensor> {
        let Some(last) = self.index.get(&y.id()).copied() else {
            bail!("the output does not depend on the input that the tape is for")
        };
        let mut gradients: Vec<Option<Tensor>> = vec![None; last + 1];
        gradients[last] = Some(y.detach().ones_like()?);
        for index in (1..=last).rev() {
            let Some(gradient) = gradients[index].take() else { continue };
            match &self.nodes[index] {
                Node::Input => {}
                Node::Unknown(name) => bail!("{name} has no input gradient that can be differentiated again"),
                Node::Known { arguments, derivative } => {
                    for (argument, part) in arguments.iter().zip(derivative(&gradient)?) {
                        let Some(argument) = *argument else { continue };
                        gradients[argument] = Some(match gradients[argument].take() {
                            Some(sum) => (sum + part)?,
                            None => part,
                        });
                    }
                }
            }
        }
        match gradients[0].take() {
            Some(gradient) => Ok(gradient),
            None => self.input.detach().zeros_like(),
        }
    }

    /// y = `conv2d(x, weight, bias, config)`.
    pub fn conv2d(&mut self, x: &Tensor, y: &Tensor, weight: &Tensor, config: &Conv2dConfig) {
        let (weight, config, shape) = (weight.clone(), *config, x.dims().to_vec());
        self.record(&[x], y, move |gradient| {
            Ok(vec![conv2d_gradient(gradient, &weight, &config, [shape[2], shape[3]])?])
        });
    }

    /// y = `conv_transpose2d(x, weight, bias, config)`.
    pub fn conv_transpose2d(&mut self, x: &Tensor, y: &Tensor, weight: &Tensor, config: &ConvTranspose2dConfig) {
        let (weight, shape) = (weight.clone(), x.dims().to_vec());
        let ConvTranspose2dConfig { stride, padding: [rows, columns], dilation, groups, .. } = *config;
        let padding = crate::Padding { top: rows, bottom: rows, left: columns, right: columns };
        let config = Conv2dConfig { stride, padding, dilation, groups };
        self.record(&[x], y, move |gradient| {
            // The output padding can make it larger than x.
            Ok(vec![conv2d(gradient, &weight, None, &config)?.narrow(2, 0, shape[2])?.narrow(3, 0, shape[3])?])
        });
    }

    /// y = `linear(x, weight, bias)`.
    pub fn linear(&mut self, x: &Tensor, y: &Tensor, weight: &Tensor) {
        let weight = weight.clone();
        self.record(&[x], y, move |gradient| Ok(vec![linear_transposed(gradient, &weight, None)?]));
    }

    /// y = `leaky_relu(x, slope)`; slope 0 for ReLU.
    pub fn leaky_relu(&mut self, x: &Tensor, y: &Tensor, slope: f32) {
        let from = x.detach();
        self.record(&[x], y, move |gradient| Ok(vec![leaky_relu_gradient(&from, gradient, slope)?]));
    }

    /// y is x [n, c, ...] times `scale` [c] plus a constant per channel: a batch norm with stored statistics.
    pub fn scale(&mut self, x: &Tensor, y: &Tensor, scale: &Tensor) {
        let (scale, rank) = (scale.clone(), x.rank());
        self.record(&[x], y, move |gradient| {
            let mut shape = vec![1; rank];
            shape[1] = scale.elem_count();
            Ok(vec![gradient.broadcast_mul(&scale.reshape(shape)?)?])
        });
    }

    /// y is a times x, for a number a.
    pub fn multiply(&mut self, x: &Tensor, y: &Tensor, a: f64) {
        self.record(&[x], y, move |gradient| Ok(vec![(gradient * a)?]));
    }

    /// y is x times a constant of its shape: dropout.
    pub fn mask(&mut self, x: &Tensor, y: &Tensor, mask: &Tensor) {
        let mask = mask.detach();
        self.record(&[x], y, move |gradient| Ok(vec![(gradient * &mask)?]));
    }

    /// y has the numbers of x in the same order: flattening and other reshapes.
    pub fn reshape(&mut self, x: &Tensor, y: &Tensor) {
        let shape = x.shape().clone();
        self.record(&[x], y, move |gradient| Ok(vec![gradient.reshape(&shape)?]));
    }

    /// y = `avg_pool2d(x, config)`.
    pub fn avg_pool2d(&mut self, x: &Tensor, y: &Tensor, config: &PoolConfig) {
        let (config, shape) = (*config, x.dims().to_vec());
        self.record(&[x], y, move |gradient| Ok(vec![avg_pool2d_gradient(gradient, &config, [shape[2], shape[3]])?]));
    }

    /// y = `adaptive_avg_pool2d(x, size)`.
    pub fn adaptive_avg_pool2d(&mut self, x: &Tensor, y: &Tensor) {
        let shape = x.dims().to_vec();
        self.record(&[x], y, move |gradient| Ok(vec![adaptive_avg_pool2d_gradient(gradient, [shape[2], shape[3]])?]));
    }

    /// y = `upfirdn2d(x, resampling)`.
    /// # Errors
    /// When the resampling is not supported.
    pub fn upfirdn2d(&mut self, x: &Tensor, y: &Tensor, resampling: &Resampling) -> Result<()> {
        let channels = x.dims4()?.1;
        let weight = |numbers: Vec<f32>, [kh, kw]: [usize; 2]| {
            Tensor::from_vec(numbers, (channels, 1, kh, kw), x.device())?.to_dtype(x.dtype())
        };
        match resampling.steps(channels)? {
            ResamplingStep::Down { weight: numbers, kernel, config } => {
                self.conv2d(x, y, &weight(numbers, kernel)?, &config);
            }
            ResamplingStep::Up { weight: numbers, kernel, config } => {
                self.conv_transpose2d(x, y, &weight(numbers, kernel)?, &config);
            }
        }
        Ok(())
    }

    /// y = a + b.
    pub fn add(&mut self, a: &Tensor, b: &Tensor, y: &Tensor) {
        self.record(&[a, b], y, |gradient| Ok(vec![gradient.clone(), gradient.clone()]));
    }

    /// y has the channels of the parts, one after another.
    pub fn concat(&mut self, parts: &[&Tensor], y: &Tensor) {
        let channels: Vec<usize> = parts.iter().map(|part| part.dims().get(1).copied().unwrap_or(0)).collect();
        self.record(parts, y, move |gradient| {
            let mut first = 0;
            let part = |channels: &usize| {
                first += channels;
                gradient.narrow(1, first - channels, *channels)
            };
            channels.iter().map(part).collect()
        });
    }

    /// y [n, 1] = `projection(x, embedded)`, for embedded labels that do not depend on the input.
    pub fn projection(&mut self, x: &Tensor, y: &Tensor, embedded: &Tensor) {
        let embedded = embedded.clone();
        self.record(&[x], y, move |gradient| Ok(vec![embedded.broadcast_mul(gradient)?]));
    }
}

/// The gradient of a convolution with respect to its input of [height, width], as an operation on the result's gradient.
fn conv2d_gradient(gradient: &Tensor, weight: &Tensor, config: &Conv2dConfig, size: [usize; 2]) -> Result<Tensor> {
    let (_, _, kh, kw) = weight.dims4()?;
    let (_, _, rows, columns) = gradient.dims4()?;
    let Conv2dConfig { stride, padding, dilation, groups } = *config;
    let before = [padding.top, padding.left];
    // What the transposed convolution without padding gives along an axis, and what is missing behind the map.
    let whole =
        |axis: usize, count: usize, kernel: usize| (count - 1) * stride[axis] + dilation[axis] * (kernel - 1) + 1;
    let whole = [whole(0, rows, kh), whole(1, columns, kw)];
    let extra = [0, 1].map(|axis| (size[axis] + 2 * before[axis]).checked_sub(whole[axis]));
    if let [Some(of_rows), Some(of_columns)] = extra
        && of_rows < stride[0].max(dilation[0])
        && of_columns < stride[1].max(dilation[1])
    {
        let output_padding = [of_rows, of_columns];
        let config = ConvTranspose2dConfig { stride, padding: before, output_padding, dilation, groups };
        return conv_transpose2d(gradient, weight, None, &config);
    }
    // The padding is not the same on both sides.
    let config = ConvTranspose2dConfig { stride, dilation, groups, ..Default::default() };
    let mut y = conv_transpose2d(gradient, weight, None, &config)?;
    for (axis, (before, (whole, size))) in before.into_iter().zip(whole.into_iter().zip(size)).enumerate() {
        let there = whole.saturating_sub(before).min(size);
        y = y.narrow(2 + axis, before.min(whole), there)?.pad_with_zeros(2 + axis, 0, size - there)?;
    }
    Ok(y)
}

#[cfg(test)]
mod tests {
    use candle_core::Var;

    use super::*;
    use crate::gradient_check::{assert_close, draw};
    use crate::{
        Padding, adaptive_avg_pool2d, avg_pool2d, embedding, leaky_relu, linear, minibatch_stddev, projection, relu,
        tanh, upfirdn2d,
    };

    /// A discriminator with every operation of a tape, for x [4, 3, 9, 8]; its scores [4, 1].
    fn scores(x: &Tensor, w: &[Tensor], tape: &mut Tape) -> Result<Tensor> {
        let down = Conv2dConfig { stride: [2, 2], padding: Padding::all(1), ..Default::default() };
        let odd = Padding { top: 0, bottom: 1, left: 2, right: 0 };
        let odd = Conv2dConfig { padding: odd, ..Default::default() };
        let a = conv2d(x, &w[0], None, &down)?;
        tape.conv2d(x, &a, &w[0], &down);
        let b = leaky_relu(&a, 0.2)?;
        tape.leaky_relu(&a, &b, 0.2);
        let c = conv2d(&b, &w[1], None, &odd)?;
        tape.conv2d(&b, &c, &w[1], &odd);
        let d = c.broadcast_mul(&w[2].reshape((1, (), 1, 1))?)?;
        tape.scale(&c, &d, &w[2]);
        let e = relu(&d)?;
        tape.leaky_relu(&d, &e, 0.0);
        let up =
            ConvTranspose2dConfig { stride: [2, 2], padding: [1, 1], output_padding: [1, 0], ..Default::default() };
        let f = conv_transpose2d(&e, &w[3], None, &up)?;
        tape.conv_transpose2d(&e, &f, &w[3], &up);
        let pool = PoolConfig::square(2, 1);
        let g = avg_pool2d(&f, &pool)?;
        tape.avg_pool2d(&f, &g, &pool);
        let h = leaky_relu(&g, 0.1)?;
        tape.leaky_relu(&g, &h, 0.1);
        let i = (&g + &h)?;
        tape.add(&g, &h, &i);
        let j = Tensor::cat(&[&i, &h], 1)?;
        tape.concat(&[&i, &h], &j);
        let resampling = Resampling::down(&[1.0, 3.0, 3.0, 1.0], 2);
        let k = upfirdn2d(&j, &resampling)?;
        tape.upfirdn2d(&j, &k, &resampling)?;
        let resampling = Resampling::up(&[1.0, 2.0, 1.0], 2);
        let l = upfirdn2d(&k, &resampling)?;
        tape.upfirdn2d(&k, &l, &resampling)?;
        let m = minibatch_stddev(&l, 2, 1)?;
        tape.minibatch_stddev(&l, &m, 2, 1)?;
        let n = adaptive_avg_pool2d(&m, [3, 2])?;
        tape.adaptive_avg_pool2d(&m, &n);
        let o = n.flatten_from(1)?;
        tape.reshape(&n, &o);
        let p = linear(&o, &w[4], None)?;
        tape.linear(&o, &p, &w[4]);
        let q = leaky_relu(&p, 0.3)?;
        tape.leaky_relu(&p, &q, 0.3);
        let r = (&q * 1.5)?;
        tape.multiply(&q, &r, 1.5);
        let mask = draw("mask", r.dims()).to_dtype(r.dtype())?;
        let dropped = (&r * &mask)?;
        tape.mask(&r, &dropped, &mask);
        let s = linear(&dropped, &w[5], None)?;
        tape.linear(&dropped, &s, &w[5]);
        let labels = Tensor::new(&[2_u32, 0, 1, 2], x.device())?;
        let embedded = embedding(&w[6], &labels)?;
        let t = projection(&r, &embedded)?;
        tape.projection(&r, &t, &embedded);
        let score = (&s + &t)?;
        tape.add(&s, &t, &score);
        Ok(score)
    }

    fn weights() -> Vec<Var> {
        let shapes: [&[usize]; 7] = [&[5, 3, 4, 3], &[4, 5, 3, 2], &[4], &[4, 3, 3, 3], &[6, 42], &[1, 6], &[3, 6]];
        shapes.iter().enumerate().map(|(i, shape)| Var::from_tensor(&draw(&format!("w{i}"), shape)).unwrap()).collect()
    }

    fn tensors(weights: &[Var]) -> Vec<Tensor> {
        weights.iter().map(|weight| weight.as_tensor().clone()).collect()
    }

    #[test]
    fn the_gradient_is_that_of_the_backward_pass() {
        let x = Var::from_tensor(&draw("x", &[4, 3, 9, 8])).unwrap();
        let mut tape = Tape::new(&x);
        let y = scores(&x, &tensors(&weights()), &mut tape).unwrap();
        let expected = y.sum_all().unwrap().backward().unwrap().remove(&x).unwrap();
        assert_close(&tape.gradient(&y).unwrap(), &expected, 1e-5);
    }

    #[test]
    fn the_gradient_of_a_penalty_matches_finite_differences_for_every_weight() {
        // Steps that cross no kink of a ReLU: double precision, on candle's own operations.
        let exact = |tensor: &Tensor| tensor.to_dtype(candle_core::DType::F64).unwrap();
        let x = exact(&draw("x", &[4, 3, 9, 8]));
        let weights: Vec<Var> =
            weights().iter().map(|weight| Var::from_tensor(&exact(weight.as_tensor())).unwrap()).collect();
        let direction = exact(&draw("direction", &[4, 3, 9, 8]));
        let penalty = |weights: &[Tensor]| -> Result<Tensor> {
            let mut tape = Tape::new(&x);
            let y = scores(&x, weights, &mut tape)?;
            let gradient = tape.gradient(&y)?;
            // Not only the squares, whose gradient is that of a symmetric form.
            gradient.sqr()?.sum_all()? + (gradient * &direction)?.sum_all()?
        };
        let gradients = penalty(&tensors(&weights)).unwrap().backward().unwrap();
        for (index, weight) in weights.iter().enumerate() {
            let gradient = gradients.get(weight).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
            let values = weight.flatten_all().unwrap().to_vec1::<f64>().unwrap();
            for at in (0..values.len()).step_by(7) {
                let moved = |step: f64| {
                    let mut values = values.clone();
                    values[at] += step;
                    let mut all = tensors(&weights);
                    all[index] = Tensor::from_vec(values, weight.shape(), x.device()).unwrap();
                    penalty(&all).unwrap().to_scalar::<f64>().unwrap()
                };
                let difference = (moved(1e-7) - moved(-1e-7)) / 2e-7;
                let error = (gradient[at] - difference).abs();
                assert!(error < 1e-4 * (1.0 + difference.abs()), "weight {index}, {at}: {} {difference}", gradient[at]);
            }
        }
    }

    #[test]
    fn a_gradient_through_an_unknown_operation_is_an_error_that_names_it() {
        let x = draw("x", &[2, 3]);
        let mut tape = Tape::new(&x);
        let y = tanh(&x).unwrap();
        assert!(tape.gradient(&y).unwrap_err().to_string().contains("does not depend on the input"));
        tape.record_unknown("Tanh", &[&x], &y);
        let error = tape.gradient(&y).unwrap_err().to_string();
        assert!(error.contains("Tanh has no input gradient"), "{error}");
        assert!(tape.depends(&y) && !tape.depends(&draw("z", &[2, 3])));
    }
}
