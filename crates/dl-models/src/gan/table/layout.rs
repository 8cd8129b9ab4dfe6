//! Where the columns of a table are in a row of numbers.

use dl_ops::{Span, SpanKind};

use super::{Category, Column, ColumnKind, TableSchema};

/// How the columns of a table are laid out in the rows that a generator makes, and in its conditions.
#[derive(Clone, Debug, PartialEq)]
pub struct TableLayout {
    /// The functions of the generator's last layer, column by column: for numbers, a tangent for the place in the mode and
    /// a softmax of the modes; for categories, a softmax. Constants have none.
    pub spans: Vec<Span>,
    /// For each column of the table, the first of its spans; `None` for constants.
    pub first: Vec<Option<usize>>,
    /// The categorical columns, of which one is a condition.
    pub conditions: Vec<Condition>,
    /// Numbers of a row.
    pub width: usize,
    /// Numbers of a condition: all categories of all categorical columns, one of them 1.
    pub condition_width: usize,
}

/// A categorical column.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// Its index in the table.
    pub column: usize,
    /// Where it is in a row.
    pub span: Span,
    /// Where it is in a condition.
    pub start: usize,
    /// How many rows have each of its categories.
    pub counts: Vec<u64>,
}

impl TableLayout {
    /// The layout of a table.
    pub fn new(schema: &TableSchema) -> Self {
        let mut layout =
            Self { spans: Vec::new(), first: Vec::new(), conditions: Vec::new(), width: 0, condition_width: 0 };
        for (index, column) in schema.columns.iter().enumerate() {
            layout.add(index, column);
        }
        layout
    }

    fn add(&mut self, index: usize, column: &Column) {
        let first = self.spans.len();
        match &column.kind {
            ColumnKind::Constant { .. } => {
                self.first.push(None);
                return;
            }
            ColumnKind::Numeric { modes, missing, .. } => {
                self.push(1, SpanKind::Tanh);
                self.push(modes.len() + usize::from(*missing), SpanKind::Softmax);
            }
            ColumnKind::Categorical { categories } => {
                let span = self.push(categories.len(), SpanKind::Softmax);
                let counts = categories.iter().map(|Category { count, .. }| *count).collect();
                self.conditions.push(Condition { column: index, span, start: self.condition_width, counts });
                self.condition_width += span.length;
            }
        }
        self.first.push(Some(first));
    }

    fn push(&mut self, length: usize, kind: SpanKind) -> Span {
        let span = Span { start: self.width, length, kind };
        self.width += length;
        self.spans.push(span);
        span
    }
}
