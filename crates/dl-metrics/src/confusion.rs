//! The confusion matrix and its file.
//!
//! Up to [`MOST_ROWS`] classes are written as rows of counts, `{"labels": [..], "counts": [[..], ..]}`. With more, most
//! pairs never occur: `{"labels": [..], "cells": [[true, predicted, count], ..]}`, classes by index into the labels.

use anyhow::{Context, Result, bail, ensure};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

/// The largest number of classes that is written as rows of counts.
pub const MOST_ROWS: usize = 1000;

/// How often samples of each true class were predicted as each class.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Confusion {
    /// Names of the classes.
    pub labels: Vec<String>,
    /// (true class, predicted class, count) of the pairs that occur, by index into `labels`, in increasing order.
    pub cells: Vec<(usize, usize, u64)>,
}

impl Confusion {
    /// Reads the file in either form.
    /// # Errors
    /// When the text is not a confusion matrix, has no class, or counts and labels disagree.
    pub fn parse(text: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct File {
            labels: Vec<String>,
            counts: Option<Vec<Vec<u64>>>,
            cells: Option<Vec<(usize, usize, u64)>>,
        }

        let file: File =
            serde_json::from_str(text).context("not a confusion matrix; dl-eval classify --confusion writes one")?;
        let labels = file.labels;
        let count = labels.len();
        ensure!(count > 0, "has no class");
        let mut cells = match (file.counts, file.cells) {
            (Some(rows), None) => {
                ensure!(
                    rows.len() == count && rows.iter().all(|row| row.len() == count),
                    "the counts are not {count} rows of {count} for {count} labels"
                );
                let row = |(truth, row): (usize, Vec<u64>)| {
                    row.into_iter().enumerate().map(move |(predicted, count)| (truth, predicted, count))
                };
                rows.into_iter().enumerate().flat_map(row).filter(|(_, _, count)| *count > 0).collect()
            }
            (None, Some(cells)) => cells,
            _ => bail!("not a confusion matrix: expected either \"counts\" or \"cells\""),
        };
        if let Some((truth, predicted, _)) = cells.iter().find(|(truth, predicted, _)| *truth.max(predicted) >= count) {
            bail!("the cell of classes {truth} and {predicted}, counted from 0, is outside the {count} labels");
        }
        cells.sort_unstable();
        Ok(Self { labels, cells })
    }
}

impl Serialize for Confusion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut file = serializer.serialize_struct("Confusion", 2)?;
        file.serialize_field("labels", &self.labels)?;
        if self.labels.len() > MOST_ROWS {
            file.serialize_field("cells", &self.cells)?;
        } else {
            let mut counts = vec![vec![0; self.labels.len()]; self.labels.len()];
            self.cells.iter().for_each(|(truth, predicted, count)| counts[*truth][*predicted] = *count);
            file.serialize_field("counts", &counts)?;
        }
        file.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_round_trip() {
        for count in [2, MOST_ROWS + 1] {
            let labels = (0..count).map(|class| format!("c{class}")).collect();
            let matrix = Confusion { labels, cells: vec![(0, 0, 3), (0, 1, 1), (1, 0, u64::MAX)] };
            let text = serde_json::to_string(&matrix).unwrap();
            assert_eq!(text.contains("\"cells\""), count > MOST_ROWS);
            assert_eq!(Confusion::parse(&text).unwrap(), matrix);
        }
    }

    #[test]
    fn malformed_files_are_refused() {
        for (text, message) in [
            ("[]", "not a confusion matrix"),
            (r#"{"labels": []}"#, "has no class"),
            (r#"{"labels": ["a"]}"#, "either \"counts\" or \"cells\""),
            (r#"{"labels": ["a"], "counts": [[1, 2]]}"#, "not 1 rows of 1"),
            (r#"{"labels": ["a"], "counts": [[-1]]}"#, "not a confusion matrix"),
            (r#"{"labels": ["a"], "cells": [[0, 1, 5]]}"#, "classes 0 and 1, counted from 0, is outside the 1 labels"),
        ] {
            let error = Confusion::parse(text).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
