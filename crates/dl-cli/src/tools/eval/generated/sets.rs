//! Rows of features from two streams, the generated and the real records, of the same layer of the same network.

use anyhow::{Result, bail};
use dl_record::{Matrix, Record};
use dl_transfer::rows::RowIntake;
use serde_json::{Map, Value, json};

use crate::common::{Common, Inputs, Io, Job, Messages, Outcome, Tally, counted, each_record};
use crate::tools::eval::report::{Cell, Format, Report};
use crate::tools::eval::source::carrying;

/// Places in the help, behind the options of both sets: those of a metric, and the last one.
pub(super) const OF_METRIC: usize = 100;
const LAST: usize = 200;

/// Options of every metric of two sets.
#[derive(clap::Args, Clone, Debug)]
#[command(mut_arg("inputs", crate::common::only_records))]
pub(in crate::tools::eval) struct SetArgs {
    #[command(flatten)]
    inputs: Inputs,

    /// Records of the real samples (.jsonl), with features of the same network and layer; `-` is stdin
    #[arg(long, value_name = "FILE")]
    against: String,

    /// Layer whose features are compared [default: the only one in the records]
    #[arg(long, value_name = "LAYER")]
    layer: Option<String>,

    /// Output format [default: table on a terminal, otherwise json]
    #[arg(long, value_enum, display_order = LAST)]
    pub(super) format: Option<Format>,

    #[command(flatten)]
    pub(in crate::tools::eval) common: Common,
}

/// Where features come from, and how many they are.
#[derive(Clone, Debug, Default)]
pub(super) struct Origin {
    rows: RowIntake,
    /// Records that failed or carry `error`, in all streams.
    errors: usize,
    /// Of these, those that failed here.
    failed: usize,
}

impl Origin {
    /// Of the features of `layer`; without a name, of the only layer of the first record.
    pub(super) fn new(layer: Option<String>) -> Self {
        Self { rows: RowIntake::new(layer), ..Self::default() }
    }

    /// Calls `work` with the features of each record. Returns the number of rows.
    pub(super) fn each_row(
        &mut self,
        io: &mut Io,
        job: Job,
        what: &str,
        mut work: impl FnMut(&Record, Vec<f32>) -> Result<()>,
    ) -> Result<usize> {
        let tally = each_record(io, job, |record, _| {
            let row = self.rows.take(&record)?;
            work(&record, row.features)
        })?;
        self.count(&io.messages, tally, what);
        Ok(tally.good)
    }

    fn count(&mut self, messages: &Messages, tally: Tally, what: &str) {
        if tally.carried > 0 {
            messages.note(format_args!("{what}: {} \"error\"; left out", carrying(tally.carried)));
        }
        self.failed += tally.failed;
        self.errors += tally.failed + tally.carried;
    }

    /// Reports sets that are too small for their number of columns.
    pub(super) fn warn(&self, io: &Io, sets: &[(&str, usize)]) {
        let columns = self.rows.columns;
        for (what, rows) in sets.iter().filter(|(_, rows)| *rows < 10 * columns) {
            io.messages.note(format_args!(
                "only {} for {columns} columns: below {}, 10 per column, figures depend on the number of rows; \
                 compare only figures of equal numbers",
                counted(*rows, &format!("{what} row")),
                10 * columns
            ));
        }
    }

    /// Writes figures, each with its name, and after them what was compared.
    pub(super) fn report(
        &self,
        io: &mut Io,
        format: Option<Format>,
        figures: Vec<(&str, Option<f64>)>,
        sets: &[(&str, usize)],
        more: Map<String, Value>,
    ) -> Result<Outcome> {
        self.warn(io, sets);
        let text = |text: &Option<String>| Cell::Text(text.clone().unwrap_or_else(|| "unknown".to_owned()));
        let columns = self.rows.columns;
        let names = figures.iter().map(|(name, _)| *name).chain(sets.iter().map(|(name, _)| *name));
        let header = names.chain(["columns", "layer", "network"]).map(str::to_owned).collect();
        let cells = figures.iter().map(|(_, figure)| Cell::Figure(*figure));
        let counts = sets.iter().map(|(_, rows)| *rows).chain([columns]).map(Cell::Count);
        let row = cells.chain(counts).chain([text(&self.rows.layer), text(&self.rows.network)]).collect();
        let mut object: Map<String, Value> =
            figures.iter().map(|(name, figure)| ((*name).to_owned(), json!(figure))).collect();
        object.extend(more);
        object.extend(sets.iter().map(|(name, rows)| ((*name).to_owned(), json!(rows))));
        let rest = [
            ("columns", json!(columns)),
            ("layer", json!(self.rows.layer)),
            ("network", json!(self.rows.network)),
            ("errors", json!(self.errors)),
        ];
        object.extend(rest.map(|(name, value)| (name.to_owned(), value)));
        Report { json: Value::Object(object), header, rows: vec![row] }.write(io, format)?;
        Ok(Outcome::of(self.failed))
    }
}

/// The names and numbers of rows of both sets.
pub(super) type Counts = [(&'static str, usize); 2];

/// Two sets of rows.
pub(super) struct Sets {
    pub(super) generated: Matrix,
    pub(super) real: Matrix,
    pub(super) origin: Origin,
    /// Names of the records, for messages.
    pub(super) generated_ids: Vec<String>,
    pub(super) real_ids: Vec<String>,
}

impl Sets {
    /// The names and numbers of rows of both.
    pub(super) fn counts(&self) -> Counts {
        [("generated", self.generated.rows), ("real", self.real.rows)]
    }
}

impl SetArgs {
    /// Reads the real records, then the generated ones, calling `work` with each of either: whether it is real, the
    /// record, and its features. `None`, after a message, when a set has no row.
    pub(super) fn each_row(
        &self,
        io: &mut Io,
        mut work: impl FnMut(bool, &Record, Vec<f32>) -> Result<()>,
    ) -> Result<Option<(Origin, Counts)>> {
        let is_stdin = self.inputs.inputs.is_empty() || self.inputs.inputs.iter().any(|input| input == "-");
        if self.against == "-" && is_stdin {
            bail!("--against -: stdin is also the generated records; name a file for one of the two");
        }
        let against = Inputs { inputs: vec![self.against.clone()] };
        let mut origin = Origin::new(self.layer.clone());
        let job = |inputs| Job { common: &self.common, inputs };
        let real = origin.each_row(io, job(&against), &self.against, |record, row| work(true, record, row))?;
        let generated =
            origin.each_row(io, job(&self.inputs), "generated records", |record, row| work(false, record, row))?;
        for (what, rows) in [("real", real), ("generated", generated)] {
            if rows == 0 {
                io.messages.error(format_args!("nothing to measure: no {what} record with features"));
                return Ok(None);
            }
        }
        Ok(Some((origin, [("generated", generated), ("real", real)])))
    }

    /// Reads both sets into memory.
    pub(super) fn read(&self, io: &mut Io) -> Result<Option<Sets>> {
        let mut sets = [const { (Vec::<f32>::new(), Vec::<String>::new()) }; 2];
        let read = self.each_row(io, |is_real, record, row| {
            let (data, ids) = &mut sets[usize::from(is_real)];
            data.extend(row);
            let number = ids.len() + 1;
            ids.push(record.id().ok().flatten().unwrap_or_else(|| format!("record {number}")));
            Ok(())
        })?;
        let [(generated, generated_ids), (real, real_ids)] = sets;
        Ok(read.map(|(origin, _)| {
            let columns = origin.rows.columns;
            let matrix = |data, rows| Matrix { rows, columns, data };
            Sets {
                generated: matrix(generated, generated_ids.len()),
                real: matrix(real, real_ids.len()),
                origin,
                generated_ids,
                real_ids,
            }
        }))
    }
}
