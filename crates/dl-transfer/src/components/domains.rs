//! The rows of two domains, source first, read without a copy of all of them.

use std::ops::Range;

use anyhow::{Result, ensure};
use dl_record::rng;
use faer::{Mat, MatRef};
use rand::seq::index::sample;

#[derive(Clone, Copy)]
pub(crate) struct Domains<'a> {
    pub(crate) source: MatRef<'a, f64>,
    pub(crate) target: MatRef<'a, f64>,
}

impl<'a> Domains<'a> {
    /// # Errors
    /// When a domain has fewer than two rows, widths differ or are 0, or a number is not finite.
    pub(crate) fn new(source: MatRef<'a, f64>, target: MatRef<'a, f64>) -> Result<Self> {
        for (name, rows) in [("source", source), ("target", target)] {
            let count = rows.nrows();
            ensure!(count > 1, "the {name} has {count} rows; aligning domains needs at least 2 of each");
            ensure!(rows.ncols() > 0, "the rows of the {name} have no columns");
            if !rows.is_all_finite() {
                let finite = |row: &usize| rows.row(*row).iter().all(|value| value.is_finite());
                let row = (0..count).find(|row| !finite(row)).unwrap_or_default();
                anyhow::bail!("row {row} of the {name} holds a number that is not finite; leave it out");
            }
        }
        let (own, other) = (source.ncols(), target.ncols());
        ensure!(own == other, "rows of the source have {own} columns, those of the target {other}");
        Ok(Self { source, target })
    }

    pub(crate) fn rows(&self) -> usize {
        self.source.nrows() + self.target.nrows()
    }

    pub(crate) fn columns(&self) -> usize {
        self.source.ncols()
    }

    /// The rows of a range [n, d].
    pub(crate) fn block(&self, range: Range<usize>) -> Mat<f64> {
        let border = self.source.nrows();
        let mut block = Mat::zeros(range.len(), self.columns());
        let (start, end) = (range.start.min(border), range.end.min(border));
        let own = end - start;
        block.subrows_mut(0, own).copy_from(self.source.subrows(start, own));
        let first = range.start.max(border) - border;
        let others = range.len() - own;
        block.subrows_mut(own, others).copy_from(self.target.subrows(first, others));
        block
    }

    /// All rows [n, d].
    pub(crate) fn stacked(&self) -> Mat<f64> {
        self.block(0..self.rows())
    }

    /// `count` rows [count, d] drawn without replacement, in their order; all if there are fewer.
    pub(crate) fn draw(&self, count: usize, seed: u64, purpose: &str) -> Mat<f64> {
        let count = count.min(self.rows());
        let mut chosen = sample(&mut rng(seed, purpose), self.rows(), count).into_vec();
        chosen.sort_unstable();
        let border = self.source.nrows();
        let mut drawn = Mat::zeros(count, self.columns());
        for (to, from) in chosen.into_iter().enumerate() {
            let row = if from < border { self.source.row(from) } else { self.target.row(from - border) };
            drawn.row_mut(to).copy_from(row);
        }
        drawn
    }

    /// At most `count` rows to look at their distances.
    pub(crate) fn sample(&self, count: usize, seed: u64) -> Mat<f64> {
        self.draw(count, seed, "distances")
    }

    /// e [n, 1]: its product with rows is the mean of the source minus that of the target.
    pub(crate) fn contrast(&self) -> Mat<f64> {
        let (source, target) = (self.source.nrows(), self.target.nrows());
        let of = |row| if row < source { 1.0 / source as f64 } else { -1.0 / target as f64 };
        Mat::from_fn(source + target, 1, |row, _| of(row))
    }
}
