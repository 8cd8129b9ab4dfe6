//! A fitted map from features to features, for each domain that it knows.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};
use faer::MatRef;

use crate::KernelMap;
use crate::affine::Affine;
use crate::dictionary::Dictionary;
use crate::kernel_map::Prepared;
use crate::linalg::row_major;
use crate::normalize::RowNorm;

/// What a fitted map does to the rows of a domain.
#[derive(Clone, Debug, PartialEq)]
pub enum RowMap {
    /// Rows stay as they are.
    Identity,
    /// An affine map.
    Affine(Affine),
    /// A map by kernels.
    Kernel(KernelMap),
    /// Sparse codes by a dictionary.
    Codes(Dictionary),
}

impl RowMap {
    /// The width of the rows that it makes of rows of `columns` numbers.
    fn width(&self, columns: usize) -> Result<usize> {
        match self {
            Self::Identity => Ok(columns),
            Self::Affine(map) => map.width(columns),
            Self::Kernel(map) => map.check(columns),
            Self::Codes(Dictionary { atoms, mean, .. }) => {
                let (rows, wide) = (atoms.nrows(), atoms.ncols());
                ensure!(
                    rows > 0 && wide == columns && mean.len() == columns,
                    "{rows} atoms of {wide} and a mean of {} numbers for rows of {columns}",
                    mean.len()
                );
                Ok(rows)
            }
        }
    }
}

/// A fitted map.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureMap {
    /// The method that fitted it, as `dl-transfer` names it.
    pub method: String,
    /// The layer it maps.
    pub layer: String,
    /// Fingerprint of the network that computed that layer, if known.
    pub network: Option<String>,
    /// The name of the layer it writes.
    pub output: String,
    /// Numbers per row that it maps.
    pub columns: usize,
    /// How each row is scaled first.
    pub rows: Option<RowNorm>,
    /// Which of `maps` each domain takes; empty where all rows take the first.
    pub domains: BTreeMap<String, usize>,
    /// The maps.
    pub maps: Vec<RowMap>,
}

impl FeatureMap {
    /// The index of the map for rows of `domain`.
    /// # Errors
    /// When maps differ by domain, and it does not know this one or none is given.
    pub fn map_of(&self, domain: Option<&str>) -> Result<usize> {
        if self.domains.is_empty() {
            return Ok(0);
        }
        let known = || self.domains.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let Some(domain) = domain else {
            bail!("the record has no \"domain\"; the map knows {}: choose one with --domain", known());
        };
        match self.domains.get(domain) {
            Some(index) => Ok(*index),
            None => bail!("the map does not know the domain \"{domain}\", only {}; choose one with --domain", known()),
        }
    }

    /// Fails when the parts of the maps do not fit together, as in a damaged file.
    /// # Errors
    /// When two lengths that must be equal differ, or the maps write different widths.
    pub fn check(&self) -> Result<()> {
        ensure!(self.columns > 0, "it maps rows of 0 columns");
        let widths: Vec<usize> = self.maps.iter().map(|map| map.width(self.columns)).collect::<Result<_>>()?;
        ensure!(widths.windows(2).all(|pair| pair[0] == pair[1]), "its maps write rows of different widths");
        Ok(())
    }

    /// Fails when rows of `columns` numbers are not what the map was fitted to.
    /// # Errors
    /// When the width differs.
    pub fn check_width(&self, columns: usize) -> Result<()> {
        ensure!(
            columns == self.columns,
            "features \"{}\" have {columns} columns, but the map was fitted to {}",
            self.layer,
            self.columns
        );
        Ok(())
    }

    /// The map, ready for many batches of rows.
    pub fn mapper(&self) -> Mapper<'_> {
        let maps = self.maps.iter().map(|map| match map {
            RowMap::Identity => Ready::Identity,
            RowMap::Affine(map) => Ready::Affine(map),
            RowMap::Kernel(map) => Ready::Kernel(map, map.lift.prepare()),
            RowMap::Codes(dictionary) => Ready::Codes(dictionary),
        });
        Mapper { columns: self.columns, rows: self.rows, maps: maps.collect() }
    }
}

/// A [`RowMap`] with what its kernel compares rows to, computed once.
enum Ready<'a> {
    Identity,
    Affine(&'a Affine),
    Kernel(&'a KernelMap, Prepared<'a>),
    Codes(&'a Dictionary),
}

/// A [`FeatureMap`] that is ready for many batches of rows.
pub struct Mapper<'a> {
    columns: usize,
    rows: Option<RowNorm>,
    maps: Vec<Ready<'a>>,
}

impl Mapper<'_> {
    /// Rows of `columns` numbers by the map of this index, one for each. Products are in f64, so that a row does not
    /// depend on those that come with it; only the results are rounded to f32, and may be beyond its range.
    /// # Errors
    /// When a width differs, or rows cannot be coded.
    pub fn apply(&self, index: usize, rows: &[&[f32]]) -> Result<Vec<Vec<f32>>> {
        let columns = self.columns;
        if let Some(row) = rows.iter().find(|row| row.len() != columns) {
            bail!("a row of {} numbers, for a map of {columns}", row.len());
        }
        let map = &self.maps[index];
        if rows.is_empty() || (matches!(map, Ready::Identity) && self.rows.is_none()) {
            return Ok(rows.iter().map(|row| row.to_vec()).collect());
        }
        let mut wide: Vec<f64> = Vec::with_capacity(rows.len() * columns);
        rows.iter().for_each(|row| wide.extend(row.iter().map(|value| f64::from(*value))));
        if let Some(norm) = self.rows {
            wide.chunks_exact_mut(columns).for_each(|row| norm.apply_wide(row));
        }
        let matrix = |wide| MatRef::from_row_major_slice(wide, rows.len(), columns);
        let mapped = match map {
            Ready::Identity => wide,
            Ready::Affine(map) => map.apply(wide, columns),
            Ready::Kernel(map, lift) => row_major(map.apply_lift(lift, matrix(&wide))?.as_ref()),
            Ready::Codes(dictionary) => row_major(dictionary.encode(matrix(&wide))?.as_ref()),
        };
        let width = mapped.len() / rows.len();
        Ok(mapped.chunks_exact(width).map(|row| row.iter().map(|value| *value as f32).collect()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kernel, Lift};
    use faer::Mat;

    fn matrix(rows: usize, columns: usize, first: usize) -> Mat<f64> {
        Mat::from_fn(rows, columns, |i, j| crate::formula((first + i) as u64, j as u64) / 3.0)
    }

    #[test]
    fn a_row_is_mapped_to_the_same_bits_alone_and_among_others() {
        let (n, d) = (301, 37);
        let rows: Vec<Vec<f32>> =
            (0..n).map(|i| (0..d).map(|j| (crate::formula(i, j) / 7.0) as f32).collect()).collect();
        let d = d as usize;
        let line = |first: usize| matrix(1, d, first).row(0).iter().copied().collect::<Vec<f64>>();
        let affine = Affine {
            shift: Some(line(900)),
            factor: Some(line(901)),
            matrix: Some(matrix(d, 29, 500)),
            offset: Some(line(902)[..29].to_vec()),
        };
        let lift = Lift::Landmarks { kernel: Kernel::Rbf { gamma: 0.1 }, rows: matrix(50, d, 600) };
        let maps =
            vec![RowMap::Affine(affine.clone()), RowMap::Kernel(KernelMap { lift, weights: matrix(50, 29, 700) })];
        let map = FeatureMap {
            method: "test".into(),
            layer: "x".into(),
            network: None,
            output: "y".into(),
            columns: d,
            rows: Some(RowNorm::L2),
            domains: BTreeMap::new(),
            maps,
        };
        map.check().unwrap();
        let mapper = map.mapper();
        let all: Vec<&[f32]> = rows.iter().map(Vec::as_slice).collect();
        for index in 0..2 {
            let together = mapper.apply(index, &all).unwrap();
            for size in [1, 2, 3, 64, 255] {
                let parts: Vec<Vec<f32>> =
                    all.chunks(size).flat_map(|rows| mapper.apply(index, rows).unwrap()).collect();
                assert!(parts == together, "map {index} in batches of {size}");
            }
        }
        // The definition.
        let found = &mapper.apply(0, &all[..1]).unwrap()[0];
        let length = rows[0].iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        for (k, found) in found.iter().enumerate() {
            let part =
                |j: usize| (f64::from(rows[0][j]) / length - line(900)[j]) * line(901)[j] * matrix(d, 29, 500)[(j, k)];
            let expected = (0..d).map(part).sum::<f64>() + line(902)[k];
            assert!((f64::from(*found) - expected).abs() < 1e-6 * expected.abs().max(1.0));
        }
        assert!(mapper.apply(0, &[]).unwrap().is_empty());
        assert!(mapper.apply(0, &[&[1.0][..]]).unwrap_err().to_string().contains("a row of 1 numbers"));
    }
}
