//! Zero-shot classification from attributes (Lampert, Nickisch and Harmeling 2009): a class that no training row shows
//! is recognized from its description, such as "round, red border, no digits".

mod dap;
mod eszsl;

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use faer::{Mat, MatRef};

pub use dap::{Dap, DapConfig};
pub use eszsl::{Choice, ChoiceConfig, Eszsl, EszslConfig, choose};

/// The attributes of classes.
#[derive(Clone, Debug, PartialEq)]
pub struct Signatures {
    classes: Vec<String>,
    attributes: Vec<String>,
    /// [classes, attributes].
    values: Mat<f64>,
}

impl Signatures {
    /// The signatures `values` [classes, attributes] of named classes and attributes.
    /// # Errors
    /// When there are no classes or attributes, a name repeats, a value is not finite (an attribute is missing), or two
    /// classes have the same signature and so could not be told apart.
    pub fn new(classes: Vec<String>, attributes: Vec<String>, values: Mat<f64>) -> Result<Self> {
        ensure!(!classes.is_empty() && !attributes.is_empty(), "no classes with attributes");
        let (rows, columns) = (values.nrows(), values.ncols());
        ensure!(
            (rows, columns) == (classes.len(), attributes.len()),
            "{rows} signatures of {columns} attributes for {} classes of {}",
            classes.len(),
            attributes.len()
        );
        for (names, what) in [(&classes, "class"), (&attributes, "attribute")] {
            let mut seen = BTreeSet::new();
            if let Some(name) = names.iter().find(|name| !seen.insert(*name)) {
                bail!("{what} \"{name}\" is given twice; keep one");
            }
        }
        for row in 0..rows {
            if let Some(column) = (0..columns).find(|column| !values[(row, *column)].is_finite()) {
                bail!("class \"{}\" has no value of attribute \"{}\"; add it", classes[row], attributes[column]);
            }
        }
        let all: Vec<usize> = (0..columns).collect();
        if let Some((a, b)) = equal_rows(values.as_ref(), &all) {
            bail!(
                "classes \"{}\" and \"{}\" have the same attributes; add an attribute that differs",
                classes[a],
                classes[b]
            );
        }
        Ok(Self { classes, attributes, values })
    }

    /// Names of the classes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Names of the attributes.
    pub fn attributes(&self) -> &[String] {
        &self.attributes
    }

    /// [classes, attributes].
    pub fn values(&self) -> MatRef<'_, f64> {
        self.values.as_ref()
    }

    /// The signatures of the classes of these names, in this order.
    /// # Errors
    /// When a class has no signature.
    pub fn select(&self, names: &[impl AsRef<str>]) -> Result<Self> {
        let mut rows = Vec::new();
        for name in names.iter().map(AsRef::as_ref) {
            let Some(row) = self.classes.iter().position(|class| class == name) else {
                bail!("class \"{name}\" has no attributes; add it to the file of classes");
            };
            rows.push(row);
        }
        let values = Mat::from_fn(rows.len(), self.attributes.len(), |row, column| self.values[(rows[row], column)]);
        Self::new(rows.iter().map(|row| self.classes[*row].clone()).collect(), self.attributes.clone(), values)
    }

    /// The same signatures with their attributes in the order of `names`.
    /// # Errors
    /// When an attribute is missing, or one is not among `names`.
    pub fn with_attributes(&self, names: &[String]) -> Result<Self> {
        let mut columns = Vec::new();
        for name in names {
            let column = self.attributes.iter().position(|own| own == name);
            columns.push(column.with_context(|| format!("attribute \"{name}\" is missing; the classifier needs it"))?);
        }
        if let Some(strange) = self.attributes.iter().find(|name| !names.contains(name)) {
            bail!("attribute \"{strange}\" is unknown to the classifier; remove it");
        }
        let values = Mat::from_fn(self.classes.len(), names.len(), |row, column| self.values[(row, columns[column])]);
        Self::new(self.classes.clone(), names.to_vec(), values)
    }

    /// The attributes as 0 and 1: 1 above the mean of the attribute over the classes, as the paper makes them of the
    /// strengths that people gave.
    /// # Errors
    /// When two classes then have the same signature.
    pub fn binary(&self) -> Result<Self> {
        let n = self.classes.len() as f64;
        let mean: Vec<f64> = self.values.col_iter().map(|column| column.iter().map(|value| value / n).sum()).collect();
        let values = Mat::from_fn(self.values.nrows(), self.values.ncols(), |row, column| {
            f64::from(u8::from(self.values[(row, column)] > mean[column]))
        });
        Self::new(self.classes.clone(), self.attributes.clone(), values)
    }

    /// # Errors
    /// When `other` has different attributes than these, or in another order.
    fn check_same_attributes(&self, other: &[String]) -> Result<()> {
        if self.attributes != other {
            let strange = self.attributes.iter().find(|name| !other.contains(name));
            let missing = other.iter().find(|name| !self.attributes.contains(name));
            match (strange, missing) {
                (Some(name), _) => bail!("attribute \"{name}\" is unknown to the classifier; remove it"),
                (_, Some(name)) => bail!("attribute \"{name}\" is missing; the classifier was trained with it"),
                _ => bail!("the attributes are in another order than in training"),
            }
        }
        Ok(())
    }
}

/// Two rows that are equal in the `columns`.
fn equal_rows(values: MatRef<f64>, columns: &[usize]) -> Option<(usize, usize)> {
    let compare = |a: usize, b: usize| {
        let different = columns.iter().map(|column| values[(a, *column)].total_cmp(&(values[(b, *column)])));
        different.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
    };
    let mut order: Vec<usize> = (0..values.nrows()).collect();
    order.sort_by(|a, b| compare(*a, *b));
    order.windows(2).find(|pair| compare(pair[0], pair[1]).is_eq()).map(|pair| (pair[0], pair[1]))
}

/// Attributes that are the same for all classes.
fn constant_columns(values: MatRef<f64>) -> Vec<bool> {
    values.col_iter().map(|column| column.iter().all(|value| *value == column[0])).collect()
}

/// Calibrated stacking (Chao et al. 2016): lowers the `scores` [rows, classes] of classes that were `seen` in training
/// by
/// `amount`. They would otherwise win over unseen classes almost always.
/// # Errors
/// When `seen` has another length than a row of the scores, or the amount is not finite.
pub fn calibrate(scores: &mut Mat<f64>, seen: &[bool], amount: f64) -> Result<()> {
    ensure!(seen.len() == scores.ncols(), "{} classes, but scores of {}", seen.len(), scores.ncols());
    ensure!(amount.is_finite(), "the amount to subtract from seen classes is {amount:?}");
    for (column, _) in scores.col_iter_mut().zip(seen).filter(|(_, seen)| **seen) {
        column.iter_mut().for_each(|score| *score -= amount);
    }
    Ok(())
}

/// # Errors
/// When rows, classes and signatures of training do not fit together; every class needs a row.
fn check_training(x: MatRef<f64>, classes: &[usize], signatures: &Signatures) -> Result<()> {
    ensure!(x.nrows() > 0 && x.ncols() > 0, "no rows to train on");
    ensure!(classes.len() == x.nrows(), "{} classes for {} rows", classes.len(), x.nrows());
    crate::linalg::ensure_finite(x, "features")?;
    let names = signatures.classes();
    ensure!(names.len() > 1, "only one class; training needs at least two");
    let mut seen = vec![false; names.len()];
    for class in classes {
        ensure!(*class < names.len(), "class {class}, but there are signatures of {} classes", names.len());
        seen[*class] = true;
    }
    if let Some(class) = seen.iter().position(|seen| !seen) {
        bail!("class \"{}\" has no training rows; leave its signature out of training", names[class]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn names(prefix: &str, count: usize) -> Vec<String> {
        (0..count).map(|at| format!("{prefix}{at}")).collect()
    }

    fn refused(values: Mat<f64>) -> String {
        Signatures::new(names("c", values.nrows()), names("a", values.ncols()), values).unwrap_err().to_string()
    }

    #[test]
    fn signatures_that_name_no_class_for_sure_are_refused() {
        assert!(refused(Mat::from_fn(2, 2, |_, column| column as f64)).contains("\"c0\" and \"c1\" have the same"));
        let missing =
            refused(Mat::from_fn(2, 2, |row, column| if (row, column) == (1, 0) { f64::NAN } else { row as f64 }));
        assert!(missing.contains("class \"c1\" has no value of attribute \"a0\""), "{missing}");
        assert!(refused(Mat::zeros(0, 2)).contains("no classes"));
        let twice =
            Signatures::new(vec!["x".into(), "x".into()], names("a", 1), Mat::from_fn(2, 1, |row, _| row as f64));
        assert!(twice.unwrap_err().to_string().contains("given twice"));
    }

    #[test]
    fn classes_are_selected_by_name_and_made_binary_at_the_mean() {
        let values = Mat::from_fn(3, 2, |row, column| [[0.1, 5.0], [0.9, 5.0], [0.9, 50.0]][row][column]);
        let all = Signatures::new(names("c", 3), names("a", 2), values).unwrap();
        let some = all.select(&["c2", "c0"]).unwrap();
        assert_eq!((some.classes()[1].as_str(), some.values()[(0, 1)]), ("c0", 50.0));
        assert!(all.select(&["c7"]).unwrap_err().to_string().contains("\"c7\" has no attributes"));
        let binary = all.binary().unwrap();
        assert_eq!(row_of(&binary, 0), [0.0, 0.0]);
        assert_eq!(row_of(&binary, 1), [1.0, 0.0]);
        assert_eq!(row_of(&binary, 2), [1.0, 1.0]);
    }

    fn row_of(signatures: &Signatures, row: usize) -> Vec<f64> {
        signatures.values().row(row).iter().copied().collect()
    }

    #[test]
    fn calibration_lowers_seen_classes_alone() {
        let mut scores = Mat::from_fn(2, 3, |row, column| (row + column) as f64);
        calibrate(&mut scores, &[true, false, true], 0.5).unwrap();
        assert_eq!(scores, Mat::from_fn(2, 3, |row, column| (row + column) as f64 - [0.5, 0.0, 0.5][column]));
        assert!(calibrate(&mut scores, &[true], 0.5).is_err());
    }
}
