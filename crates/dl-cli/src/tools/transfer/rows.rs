//! What all methods that fit something share: the records, the layer, and reading their rows.

use anyhow::{Result, bail, ensure};
use dl_record::Record;
use dl_transfer::rows::{Row, RowIntake};

use crate::common::{
    Common, Domains, FirstPass, Inputs, Io, Job, NO_DOMAIN, SideArgs, Sided, clipped, first_pass, only_records,
};

/// Options of every method.
#[derive(clap::Args, Debug)]
#[command(mut_arg("inputs", only_records))]
pub(super) struct RowArgs {
    #[command(flatten)]
    pub(super) inputs: Inputs,

    /// Layer to read [default: the only one in the records]
    #[arg(long, value_name = "LAYER")]
    pub(super) layer: Option<String>,

    #[command(flatten)]
    pub(super) common: Common,
}

/// What was read of the rows.
pub(super) struct Taken {
    pub(super) intake: RowIntake,
    pub(super) first: FirstPass,
}

/// The error of an input without records, which is not wrong where no model file was asked for.
#[derive(Debug)]
pub(super) struct NoInput;

impl std::fmt::Display for NoInput {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.write_str("the input has no records; pipe records with features of one row in, from dl-embed")
    }
}

impl std::error::Error for NoInput {}

impl Taken {
    /// Why a record could not be read.
    /// # Errors
    /// When it could not.
    pub(super) fn why(&self, record: &Record) -> Result<()> {
        let row = self.intake.clone().take(record)?;
        ensure!(row.domain.is_some(), NO_DOMAIN);
        Ok(())
    }
}

impl RowArgs {
    pub(super) fn job(&self) -> Job<'_> {
        Job { common: &self.common, inputs: &self.inputs }
    }

    /// Passes the rows to `work`, with the number of columns.
    /// # Errors
    /// When no record is fit.
    pub(super) fn each_row(&self, io: &mut Io, mut work: impl FnMut(Row, usize) -> Result<()>) -> Result<Taken> {
        let mut intake = RowIntake::new(self.layer.clone());
        let mut why = None;
        let first = first_pass(io, self.job(), |record| {
            let row = intake.take(record).inspect_err(|error| {
                why.get_or_insert_with(|| format!("{}: {error:#}", id_of(record)));
            })?;
            work(row, intake.columns)
        })?;
        if first.accepted.is_empty() {
            return Err(NoInput.into());
        }
        let (good, all) = (first.good(), first.accepted.len());
        match why {
            Some(why) if good == 0 => bail!("no record can be used: {why}"),
            None if good == 0 => {
                bail!("no record can be used; pipe records with features of one row in, from dl-embed")
            }
            // A first record that is unlike the others makes them all fail.
            Some(why) if 2 * good < all => {
                io.messages.note(format_args!("{} of {all} records cannot be used; the first: {why}", all - good));
            }
            _ => {}
        }
        Ok(Taken { intake, first })
    }

    /// Gathers the rows of each side. `after` is called after each record that was accepted, also one of no side.
    /// # Errors
    /// When a side has no record.
    pub(super) fn sided<S>(
        &self,
        io: &mut Io,
        sides: &SideArgs,
        new: impl Fn(usize) -> S,
        add: impl Fn(&mut S, Row),
        join: impl FnMut(&mut S, S),
        mut after: impl FnMut(),
    ) -> Result<(Sided<S>, Taken)> {
        let mut domains = Domains::new();
        let taken = self.each_row(io, |row, columns| {
            domains.push(sides, row, || new(columns), |set, row| add(set, row))?;
            after();
            Ok(())
        })?;
        domains.note_repeated(&io.messages);
        Ok((domains.sided(sides, join)?, taken))
    }
}

/// How a message names a record.
fn id_of(record: &Record) -> String {
    match record.id() {
        Ok(Some(id)) => format!("record \"{}\"", clipped(&id, 48)),
        _ => "a record without an id".to_owned(),
    }
}
