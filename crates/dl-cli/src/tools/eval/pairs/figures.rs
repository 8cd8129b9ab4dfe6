//! The mean of a metric over pairs of images, and its report.

use serde_json::{Map, Value, json};

use super::Metric;
use crate::tools::eval::report::{Cell, Report};

/// Sums over all pairs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Figures {
    images: usize,
    /// Pairs with a finite figure, and their sum.
    finite: usize,
    sum: f64,
}

impl Figures {
    pub(super) fn add(&mut self, figure: f64) {
        self.images += 1;
        if figure.is_finite() {
            self.finite += 1;
            self.sum += figure;
        }
    }

    /// The mean over the pairs whose figure is finite; `None` when none is. Equal images have an infinite PSNR.
    fn mean(self) -> Option<f64> {
        (self.finite > 0).then(|| self.sum / self.finite as f64)
    }

    pub(super) fn report<M: Metric>(self, errors: usize, metric: &M) -> Report {
        let equal = self.images - self.finite;
        let mut json = Map::from_iter([
            (M::NAME.to_owned(), json!(self.mean())),
            ("images".to_owned(), json!(self.images)),
            ("infinite".to_owned(), json!(equal)),
        ]);
        let mut header = vec![M::NAME.to_owned(), "images".to_owned(), "infinite".to_owned()];
        let mut row = vec![Cell::Figure(self.mean()), Cell::Count(self.images), Cell::Count(equal)];
        for (name, value) in metric.details() {
            let cell = match &value {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                // Too wide for a table.
                _ => None,
            };
            if let Some(text) = cell {
                header.push(name.to_owned());
                row.push(Cell::Text(text));
            }
            json.insert(name.to_owned(), value);
        }
        json.insert("errors".to_owned(), json!(errors));
        Report { json: Value::Object(json), header, rows: vec![row] }
    }
}
