//! A fitted map from features to features, for each domain that it knows.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};
use faer::{Mat, MatRef};

use crate::KernelMap;
use crate::affine::Affine;
use crate::dictionary::Dictionary;
use crate::normalize::{RowNorm, normalize_rows};

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

    /// Rows [n, d] mapped to [n, k].
    fn apply(&self, rows: MatRef<f64>) -> Result<Mat<f64>> {
        match self {
            Self::Identity => Ok(rows.to_owned()),
            Self::Affine(map) => Ok(map.apply(rows)),
            Self::Kernel(map) => map.apply(rows),
            Self::Codes(dictionary) => dictionary.encode(rows),
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

    /// Rows [n, columns] by the map of this index, [n, k].
    /// # Errors
    /// When the width differs, or a result is not finite.
    pub fn apply(&self, map: usize, rows: MatRef<f64>) -> Result<Mat<f64>> {
        self.check_width(rows.ncols())?;
        let scaled = self.rows.map(|norm| normalize_rows(rows, norm));
        let mapped = self.maps[map].apply(scaled.as_ref().map_or(rows, Mat::as_ref))?;
        ensure!(mapped.is_all_finite(), "the mapped features are too large for a number");
        Ok(mapped)
    }
}
