//! Labels in a network: their embedding, and the inner product of a projection discriminator (Miyato and Koyama 2018,
//! equation 3).

use candle_core::{Result, Tensor, bail};

/// The rows of `table` [classes, k] for labels [n] u32: [n, k].
/// # Errors
/// When a label is not a row of the table, or candle fails.
pub fn embedding(table: &Tensor, labels: &Tensor) -> Result<Tensor> {
    table.contiguous()?.index_select(labels, 0)
}

/// The inner product of each row of features [n, k] with that of embedded labels [n, k]: [n, 1].
/// # Errors
/// When the shapes differ, or candle fails.
pub fn projection(features: &Tensor, embedded: &Tensor) -> Result<Tensor> {
    if features.rank() != 2 || features.dims() != embedded.dims() {
        bail!("projection: features {:?} and embedded labels {:?} differ", features.dims(), embedded.dims());
    }
    (features * embedded)?.sum_keepdim(1)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::gradient_check::{check_gradients, draw, strided};

    #[test]
    fn rows_are_selected_and_products_summed() {
        let (table, features) = (strided("table", &[4, 3]), strided("features", &[3, 3]));
        let labels = Tensor::new(&[2_u32, 0, 2], &Device::Cpu).unwrap();
        let rows = embedding(&table, &labels).unwrap().to_vec2::<f32>().unwrap();
        let (all, features_rows) = (table.to_vec2::<f32>().unwrap(), features.to_vec2::<f32>().unwrap());
        assert_eq!(rows, [all[2].clone(), all[0].clone(), all[2].clone()]);
        let products = projection(&features, &embedding(&table, &labels).unwrap()).unwrap().to_vec2::<f32>().unwrap();
        for (product, (a, b)) in products.iter().zip(features_rows.iter().zip(&rows)) {
            let expected: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
            assert!((product[0] - expected).abs() < 1e-6);
        }
        assert!(embedding(&table, &Tensor::new(&[4_u32], &Device::Cpu).unwrap()).is_err());
        assert!(projection(&features, &draw("e", &[3, 2])).is_err());
    }

    #[test]
    fn gradients_match_finite_differences() {
        let labels = Tensor::new(&[2_u32, 0, 2], &Device::Cpu).unwrap();
        check_gradients(&[&[3, 5], &[4, 5]], 1e-2, |t| projection(&t[0], &embedding(&t[1], &labels)?));
    }
}
