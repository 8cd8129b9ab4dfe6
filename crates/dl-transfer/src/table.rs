//! The features of the records of a stream, one row each, with what is known of them.

use anyhow::Result;
use dl_record::Record;
use faer::Mat;

use crate::rows::{Row, RowIntake};

/// Features of samples, one row each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeatureTable {
    /// Layer, network, width and digest of the rows.
    pub intake: RowIntake,
    /// `id` of each record; empty where it has none.
    pub ids: Vec<String>,
    /// `label` of each record.
    pub labels: Vec<Option<String>>,
    /// `domain` of each record.
    pub domains: Vec<Option<String>>,
    /// `weight` of each record, at least 0; 1 where it has none.
    pub weights: Vec<f64>,
    /// [rows, columns], row by row.
    pub x: Vec<f32>,
}

impl FeatureTable {
    /// An empty table for the features of `layer`; without a name, of the only layer of the first record.
    pub fn new(layer: Option<String>) -> Self {
        Self { intake: RowIntake::new(layer), ..Self::default() }
    }

    /// An empty table for rows of `columns` numbers, which [`push_row`](Self::push_row) appends.
    pub fn of_width(columns: usize) -> Self {
        Self { intake: RowIntake { columns, ..RowIntake::default() }, ..Self::default() }
    }

    /// Appends the rows of `other`, of the same width.
    pub fn append(&mut self, other: Self) {
        self.ids.extend(other.ids);
        self.labels.extend(other.labels);
        self.domains.extend(other.domains);
        self.weights.extend(other.weights);
        self.x.extend(other.x);
    }

    /// Appends the row of a record. A record that fails changes nothing.
    /// # Errors
    /// As [`RowIntake::take`].
    pub fn push(&mut self, record: &Record) -> Result<()> {
        let row = self.intake.take(record)?;
        self.push_row(row);
        Ok(())
    }

    /// Appends a row that the table's [`intake`](Self::intake) has read.
    pub fn push_row(&mut self, row: Row) {
        let Row { id, label, domain, weight, features } = row;
        self.ids.push(id);
        self.labels.push(label);
        self.domains.push(domain);
        self.weights.push(weight);
        self.x.extend(features);
    }

    /// The rows, one by one.
    pub fn iter(&self) -> impl Iterator<Item = Row> {
        (0..self.len()).map(|index| Row {
            id: self.ids[index].clone(),
            label: self.labels[index].clone(),
            domain: self.domains[index].clone(),
            weight: self.weights[index],
            features: self.row(index).to_vec(),
        })
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Numbers per row; 0 before the first row.
    pub fn columns(&self) -> usize {
        self.intake.columns
    }

    /// The features of a row.
    pub fn row(&self, index: usize) -> &[f32] {
        &self.x[index * self.columns()..][..self.columns()]
    }

    /// All rows as a matrix, [rows, columns].
    pub fn matrix(&self) -> Mat<f64> {
        Mat::from_fn(self.len(), self.columns(), |row, column| f64::from(self.row(row)[column]))
    }

    /// [`classes`](Self::classes) of rows that all have a label; others are left out.
    pub fn known_classes(&self) -> (Vec<String>, Vec<usize>) {
        let (labels, classes) = self.classes();
        (labels, classes.into_iter().flatten().collect())
    }

    /// The classes of the labels, in alphabetical order, and the class of each row; `None` where it has no label.
    pub fn classes(&self) -> (Vec<String>, Vec<Option<usize>>) {
        let mut classes: Vec<String> = self.labels.iter().flatten().cloned().collect();
        classes.sort_unstable();
        classes.dedup();
        let class = |label: &Option<String>| classes.binary_search(label.as_ref()?).ok();
        let of_rows = self.labels.iter().map(class).collect();
        (classes, of_rows)
    }
}
