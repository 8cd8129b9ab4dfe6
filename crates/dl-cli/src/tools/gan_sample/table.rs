//! Rows of a generator of tables.

use std::path::Path;

use anyhow::{Context, Result, bail};
use candle_core::Device;
use dl_models::Checkpoint;
use dl_models::gan::table::{ColumnKind, Request, Sampled, TableGenerator, TableSchema};
use dl_record::{Record, Writer, write_atomically};
use serde_json::Value;

use super::Args;
use crate::common::{Io, Outcome, counted, few};

/// Rows that are made at once.
const TOGETHER: usize = 1000;
/// Fields of records that are texts.
const TEXTS: [&str; 4] = ["id", "image", "text", "label"];

pub(super) fn run(args: &Args, file: Checkpoint, io: &mut Io) -> Result<Outcome> {
    args.check_no_image()?;
    let count = args.samples()?;
    let generator = TableGenerator::open(file, &Device::Cpu)?;
    let categories: Vec<[usize; 2]> =
        args.condition.label.iter().map(|label| category(&generator, label)).collect::<Result<_>>()?;
    let schema = &generator.config().table;
    let mut forced = 0;
    let mut kept: Vec<Vec<Option<String>>> = Vec::new();
    let mut writer = Writer::new(&mut io.output);
    io.messages.progress_to(count as u64, "rows");
    for start in (0..count).step_by(TOGETHER) {
        let requests: Vec<Request> = (start..count.min(start + TOGETHER))
            .map(|place| args.first + place)
            .map(|number| Request { number, category: categories.get(number % categories.len().max(1)).copied() })
            .collect();
        for (request, Sampled { cells, forced: put_in }) in
            requests.iter().zip(generator.rows(&requests, args.common.seed)?)
        {
            forced += usize::from(put_in);
            writer.write(&record(schema, request.number, &cells)?)?;
            if args.csv.is_some() {
                kept.push(cells);
            }
            io.messages.bar().inc(1);
        }
    }
    writer.flush()?;
    if let Some(path) = &args.csv {
        write_csv(path, schema, kept.iter().map(Vec::as_slice)).context("--csv")?;
    }
    if forced > 0 {
        io.messages.note(format_args!(
            "the generator made {} of the requested label only after it was put in; it may not know the label well",
            counted(forced, "row")
        ));
    }
    Ok(Outcome::AllWell)
}

/// The column and category of `COLUMN=VALUE`, or of a value of the label's column.
fn category(generator: &TableGenerator, label: &str) -> Result<[usize; 2]> {
    let schema = &generator.config().table;
    let named = label.split_once('=').filter(|(column, _)| schema.column(column).is_some());
    let with_categories = || {
        let columns = schema.columns.iter().filter(|column| matches!(column.kind, ColumnKind::Categorical { .. }));
        few(columns.map(|column| column.name.as_str()))
    };
    let (column, value) = match (named, &schema.label) {
        (Some(named), _) => named,
        (None, Some(column)) => (column.as_str(), label),
        (None, None) => bail!(
            "--label {label}: the model has no column of labels; name one, as in COLUMN=VALUE: {}",
            with_categories()
        ),
    };
    let place = schema.columns.iter().position(|known| known.name == column).unwrap_or(0);
    let ColumnKind::Categorical { categories } = &schema.columns[place].kind else {
        bail!("--label {label}: the column {column} has no categories");
    };
    let category = categories.iter().position(|category| category.name.as_deref().unwrap_or("") == value);
    let condition = generator.layout().conditions.iter().position(|condition| condition.column == place);
    match (condition, category) {
        (Some(condition), Some(category)) => Ok([condition, category]),
        _ if named.is_none() && label.contains('=') => {
            bail!("--label {label}: the model has no such column of categories; it has {}", with_categories())
        }
        _ => bail!(
            "--label {label}: {column} has no such value; choose from {}",
            few(categories.iter().map(|category| category.name.as_deref().unwrap_or("(empty)")))
        ),
    }
}

/// A record with a field for each column: numbers as numbers, also those of categories.
fn record(schema: &TableSchema, number: usize, cells: &[Option<String>]) -> Result<Record> {
    let mut record = Record::default();
    record.set_id(&format!("sample-{number:06}"))?;
    for (column, cell) in schema.columns.iter().zip(cells) {
        let value = match cell {
            None => Value::Null,
            Some(text) if TEXTS.contains(&column.name.as_str()) => Value::String(text.clone()),
            // Only what is written the same way again: 007 is a text.
            Some(text) => match serde_json::from_str::<Value>(text) {
                Ok(value @ Value::Number(_)) if is_written_as(&value, text) => value,
                Ok(value @ Value::Number(_)) if matches!(column.kind, ColumnKind::Numeric { .. }) => value,
                _ => Value::String(text.clone()),
            },
        };
        record.set(&column.name, &value)?;
    }
    Ok(record)
}

fn is_written_as(value: &Value, text: &str) -> bool {
    let again = value.to_string();
    again == text
}

/// Writes rows as CSV with a header.
pub(crate) fn write_csv<'a>(
    path: &Path,
    schema: &TableSchema,
    rows: impl Iterator<Item = &'a [Option<String>]>,
) -> Result<()> {
    let mut rows = Some(rows);
    write_atomically(path, |output| {
        let mut writer = csv::Writer::from_writer(output);
        writer.write_record(schema.columns.iter().map(|column| &column.name))?;
        for row in rows.take().into_iter().flatten() {
            writer.write_record(row.iter().map(|cell| cell.as_deref().unwrap_or("")))?;
        }
        Ok(writer.flush()?)
    })
}

impl Args {
    /// Refuses the options of images.
    fn check_no_image(&self) -> Result<()> {
        let options = [
            ("--grid", self.grid.is_some()),
            ("--output-dir", self.output_dir.is_some()),
            ("--interpolate", self.interpolate.is_some()),
            ("--latents", self.latents.is_some()),
            ("--truncation", self.truncation != 1.0),
            ("--prompt", !self.condition.prompt.is_empty()),
            ("--conditions", self.condition.conditions.is_some()),
        ];
        let used = options.iter().find(|(_, is_used)| *is_used);
        if let Some((option, _)) = used {
            bail!("{option}: is for images, but the model makes rows of a table");
        }
        Ok(())
    }
}
