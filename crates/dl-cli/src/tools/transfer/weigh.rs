//! What `kmm`, `kliep` and `domain-classifier` share: source records get a `weight`.

use anyhow::Result;
use dl_transfer::WeightSummary;
use dl_transfer::{FeatureTable, Mat};

use super::rows::{RowArgs, Taken};
use crate::common::{Io, Outcome, SideArgs, Sided, numbers, second_pass};

/// Options of every method of this kind.
#[derive(clap::Args, Debug)]
pub(super) struct WeighArgs {
    #[command(flatten)]
    sides: SideArgs,

    #[command(flatten)]
    pub(super) rows: RowArgs,
}

/// Rows with their places among the records that were accepted.
#[derive(Debug)]
struct Placed {
    table: FeatureTable,
    places: Vec<usize>,
}

impl Placed {
    fn append(&mut self, other: Self) {
        self.table.append(other.table);
        self.places.extend(other.places);
    }
}

/// The rows of both sides.
pub(super) struct Sides {
    pub(super) source: Mat<f64>,
    pub(super) target: Mat<f64>,
    sided: Sided<Placed>,
    taken: Taken,
}

impl WeighArgs {
    /// Reads both sides.
    pub(super) fn read(&self, io: &mut Io) -> Result<Sides> {
        let place = std::cell::Cell::new(0);
        let (sided, taken) = self.rows.sided(
            io,
            &self.sides,
            |columns| Placed { table: FeatureTable::of_width(columns), places: Vec::new() },
            |set, row| {
                set.table.push_row(row);
                set.places.push(place.get());
            },
            Placed::append,
            || place.set(place.get() + 1),
        )?;
        let (source, target) = (sided.source.table.matrix(), sided.target.table.matrix());
        Ok(Sides { source, target, sided, taken })
    }

    /// Reports a solver that stopped before it converged.
    pub(super) fn note_stopped(&self, io: &Io, converged: bool, iterations: usize) {
        if !converged {
            io.messages.note(format_args!("the solver stopped after {iterations} iterations, before it converged"));
        }
    }

    /// Writes the records, those of the source with their weights.
    pub(super) fn write(&self, io: &mut Io, sides: Sides, weights: &[f64], summary: WeightSummary) -> Result<Outcome> {
        let Sides { sided, taken, .. } = sides;
        let rows = weights.len();
        io.messages.note(format_args!(
            "the weights of {rows} source records are worth {:.0} equal ones; the largest is {}",
            summary.effective_size,
            numbers::short(summary.largest)
        ));
        let mut of_place = vec![None; taken.first.good()];
        for (place, weight) in sided.source.places.iter().zip(weights) {
            of_place[*place] = Some(*weight);
        }
        let mut weights = of_place.into_iter();
        let why = |record: &dl_record::Record| taken.why(record);
        second_pass(io, self.rows.job(), &taken.first, why, |record| match weights.next().flatten() {
            Some(weight) => record.set_weight(weight).map(|()| true),
            None => Ok(true),
        })
    }
}
