//! Small fully connected networks on features, for inference.

use anyhow::{Result, ensure};
use faer::{Mat, MatRef};

use crate::linalg::{product, softmax_rows};

/// A layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Dense {
    /// [outputs, inputs].
    pub weight: Mat<f64>,
    /// [outputs].
    pub bias: Vec<f64>,
}

/// Layers with a ReLU after each but the last, whose outputs are class scores.
#[derive(Clone, Debug, PartialEq)]
pub struct Mlp {
    layers: Vec<Dense>,
}

impl Mlp {
    /// A network of these layers.
    /// # Errors
    /// When there are none, or their widths do not fit.
    pub fn new(layers: Vec<Dense>) -> Result<Self> {
        ensure!(!layers.is_empty(), "a network without layers");
        for (index, layer) in layers.iter().enumerate() {
            let (outputs, inputs) = (layer.weight.nrows(), layer.weight.ncols());
            ensure!(layer.bias.len() == outputs, "layer {index} has {} biases for {outputs} outputs", layer.bias.len());
            let before = index.checked_sub(1).map(|before| layers[before].bias.len());
            ensure!(
                before.is_none_or(|before| before == inputs),
                "layer {index} takes {inputs} numbers, not the {} of the layer before it",
                before.unwrap_or_default()
            );
        }
        Ok(Self { layers })
    }

    /// The layers, in order.
    pub fn layers(&self) -> &[Dense] {
        &self.layers
    }

    /// Numbers per row.
    pub fn columns(&self) -> usize {
        self.layers.first().map_or(0, |layer| layer.weight.ncols())
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.bias.len())
    }

    /// The probability of each class for rows [n, d]: [n, classes].
    pub fn probabilities(&self, rows: MatRef<f64>) -> Mat<f64> {
        let mut x = rows.to_owned();
        for (index, layer) in self.layers.iter().enumerate() {
            if index > 0 {
                x.col_iter_mut().for_each(|column| column.iter_mut().for_each(|value| *value = value.max(0.0)));
            }
            x = product(x.as_ref(), layer.weight.transpose());
            for (column, bias) in x.col_iter_mut().zip(&layer.bias) {
                column.iter_mut().for_each(|value| *value += bias);
            }
        }
        softmax_rows(&mut x);
        x
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_layer_is_cut_off_at_zero() {
        let first = Dense { weight: Mat::from_fn(2, 1, |row, _| [1.0, -1.0][row]), bias: vec![0.5, 0.0] };
        let second = Dense {
            weight: Mat::from_fn(2, 2, |row, column| [[1.0, 0.0], [0.0, 2.0]][row][column]),
            bias: vec![0.0, 1.0],
        };
        let network = Mlp::new(vec![first, second]).unwrap();
        assert_eq!((network.columns(), network.classes()), (1, 2));
        // For 3: hidden 3.5 and 0, scores 3.5 and 1.
        let found = network.probabilities(Mat::from_fn(1, 1, |_, _| 3.0).as_ref());
        assert!((found[(0, 0)] - 1.0 / (1.0 + (-2.5_f64).exp())).abs() < 1e-12, "{found:?}");
        let wide = Dense { weight: Mat::zeros(2, 3), bias: vec![0.0; 2] };
        let error = Mlp::new(vec![network.layers()[0].clone(), wide]).unwrap_err().to_string();
        assert!(error.contains("takes 3 numbers, not the 2"), "{error}");
    }
}
