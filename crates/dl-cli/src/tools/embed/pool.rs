//! Pools the rows of a sample, one per token or place of a map, into one.

use anyhow::{Result, bail};
use clap::ValueEnum;
use dl_record::Matrix;

/// How to pool the rows of a sample into one.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pool {
    /// Take the row of the first token: BERT's [CLS], the class token of CLIP and ViT
    Cls,
    /// Average over the tokens, or over the positions of a map
    Mean,
    /// Take the row of the last token
    Last,
    /// Take the maximum of each column over the tokens, or over the positions of a map
    Max,
    /// Do not pool: one row per token, or a map as one long row
    None,
}

impl Pool {
    /// Pools rows [n, width] into one, for n above 0.
    pub(super) fn rows(self, rows: &Matrix) -> Matrix {
        let width = rows.columns;
        let row = |index: usize| rows.data[index * width..(index + 1) * width].to_vec();
        let data = match self {
            Self::None => return rows.clone(),
            Self::Cls => row(0),
            Self::Last => row(rows.rows - 1),
            Self::Mean => {
                let mut sums = vec![0.0_f64; width];
                for row in rows.data.chunks_exact(width) {
                    sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x));
                }
                sums.into_iter().map(|sum| (sum / rows.rows as f64) as f32).collect()
            }
            Self::Max => {
                let mut largest = row(0);
                for row in rows.data.chunks_exact(width) {
                    largest.iter_mut().zip(row).for_each(|(largest, x)| *largest = largest.max(*x));
                }
                largest
            }
        };
        Matrix { rows: 1, columns: width, data }
    }
}

/// Pools the outputs of images. `shape` is that of one output: a map [c, h, w], tokens [tokens, width] or a row
/// [width], which is one long row of `features`. `tokens` is how tokens are pooled.
pub(super) fn images(pool: Option<Pool>, tokens: Pool, shape: &[usize], features: Matrix) -> Result<Matrix> {
    let (pool, width, is_map) = match (shape, pool) {
        ([_, width], _) => (tokens, *width, false),
        ([channels, _, _], Some(pool)) => (pool, *channels, true),
        _ => return Ok(features),
    };
    match pool {
        Pool::None => return Ok(features),
        Pool::Cls | Pool::Last if is_map => bail!("a map has no tokens for --pool cls or last; use mean or max"),
        _ => {}
    }
    let mut pooled = Matrix { rows: features.rows, columns: width, data: Vec::new() };
    for row in features.data.chunks_exact(features.columns.max(1)) {
        let places = features.columns / width.max(1);
        let data = if is_map {
            // [channels, places] -> [places, channels]
            (0..features.columns).map(|index| row[index % width * places + index / width]).collect()
        } else {
            row.to_vec()
        };
        pooled.data.extend(pool.rows(&Matrix { rows: places, columns: width, data }).data);
    }
    Ok(pooled)
}

/// Divides each row by its L2 norm; a row of zeros stays unchanged.
pub(super) fn normalize(rows: &mut Matrix) {
    for row in rows.data.chunks_exact_mut(rows.columns.max(1)) {
        let length = row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        if length > 0.0 {
            row.iter_mut().for_each(|x| *x = (f64::from(*x) / length) as f32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(columns: usize, data: &[f32]) -> Matrix {
        Matrix { rows: data.len() / columns, columns, data: data.to_vec() }
    }

    #[test]
    fn rows_are_pooled_into_one() {
        let rows = matrix(2, &[1.0, 5.0, 3.0, 4.0, 2.0, 0.0]);
        for (pool, expected) in
            [(Pool::Cls, [1.0, 5.0]), (Pool::Last, [2.0, 0.0]), (Pool::Mean, [2.0, 3.0]), (Pool::Max, [3.0, 5.0])]
        {
            assert_eq!(pool.rows(&rows).data, expected, "{pool:?}");
        }
        assert_eq!(Pool::None.rows(&rows).rows, 3);
    }

    #[test]
    fn normalized_rows_have_length_1() {
        let mut rows = matrix(2, &[3.0, 4.0, 0.0, 0.0]);
        normalize(&mut rows);
        assert_eq!(rows.data, [0.6, 0.8, 0.0, 0.0]);
    }

    #[test]
    fn maps_and_tokens_of_images_become_rows() {
        let rows = || matrix(8, &[1.0, 2.0, 3.0, 6.0, 0.0, 0.0, 0.0, 4.0]);
        let pooled = |pool: Option<Pool>, shape: &[usize]| {
            images(pool, pool.unwrap_or(Pool::Cls), shape, rows()).map(|rows| rows.data)
        };
        assert_eq!(pooled(Some(Pool::Mean), &[2, 2, 2]).unwrap(), [3.0, 1.0]);
        assert_eq!(pooled(Some(Pool::Max), &[2, 2, 2]).unwrap(), [6.0, 4.0]);
        assert_eq!(pooled(None, &[2, 2, 2]).unwrap(), rows().data);
        assert!(pooled(Some(Pool::Cls), &[2, 2, 2]).is_err());
        assert_eq!(pooled(None, &[4, 2]).unwrap(), [1.0, 2.0]);
        assert_eq!(pooled(Some(Pool::Last), &[4, 2]).unwrap(), [0.0, 4.0]);
        assert_eq!(pooled(Some(Pool::Mean), &[4, 2]).unwrap(), [1.0, 3.0]);
        assert_eq!(pooled(Some(Pool::None), &[4, 2]).unwrap(), rows().data);
        assert_eq!(pooled(Some(Pool::Mean), &[8]).unwrap(), rows().data);
    }
}
