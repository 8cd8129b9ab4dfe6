//! Tables: CSV and TSV files, also compressed with gzip, or records whose fields are the columns.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use csv::{ReaderBuilder, StringRecord};
use dl_record::Reader;
use dl_record::file::open_named;
use dl_train::table::RawTable;
use flate2::bufread::MultiGzDecoder;
use serde_json::Value;

use super::{Common, Inputs, Io, Messages, STRICT};

/// Fields of records that are not columns.
const NO_COLUMNS: [&str; 2] = ["id", "error"];

/// A table that was read, and what failed.
#[derive(Debug, Default)]
pub(crate) struct ReadTable {
    pub(crate) table: RawTable,
    /// Rows that failed.
    pub(crate) failed: usize,
}

/// Says what inputs of tables can be.
pub(crate) fn only_tables(inputs: clap::Arg) -> clap::Arg {
    inputs.value_name("TABLE").help(
        "Tables (.csv, .tsv, also .gz) with a header, or records (.jsonl) whose fields are the columns; `-` is stdin [default: \
         stdin]",
    )
}

/// Reads the tables of all inputs, which have the same columns, one after another.
pub(crate) fn read_tables(io: &mut Io, inputs: &Inputs, common: &Common) -> Result<ReadTable> {
    ensure!(
        !(inputs.inputs.is_empty() && io.input_is_terminal),
        "no input: name a table (.csv, .tsv) or a file of records (.jsonl), or pipe one in; see {} --help",
        io.command
    );
    let mut read = ReadTable::default();
    let stdin = ["-".to_owned()];
    let names = if inputs.inputs.is_empty() { &stdin[..] } else { &inputs.inputs[..] };
    for name in names {
        read_into(io, name, common, &mut read)?;
    }
    ensure!(read.table.rows > 0, "{}: no row could be read", names.join(", "));
    Ok(read)
}

/// Reads one table; `-` is stdin.
pub(crate) fn read_table(io: &mut Io, name: &str, common: &Common) -> Result<ReadTable> {
    read_tables(io, &Inputs { inputs: vec![name.to_owned()] }, common)
}

fn read_into(io: &mut Io, name: &str, common: &Common, read: &mut ReadTable) -> Result<()> {
    let messages = io.messages.clone();
    let shown = if name == "-" { "<stdin>" } else { name };
    let mut stream: Box<dyn BufRead + '_> = match name {
        "-" => {
            io.note_terminal();
            Box::new(&mut *io.input)
        }
        name => {
            let file = open_named(Path::new(name)).with_context(|| name.to_owned())?;
            Box::new(BufReader::new(file))
        }
    };
    let head = stream.fill_buf().with_context(|| shown.to_owned())?;
    if head.starts_with(&[0x1f, 0x8b]) {
        stream = Box::new(BufReader::new(MultiGzDecoder::new(stream)));
    }
    let head = stream.fill_buf().with_context(|| format!("{shown}: cannot be decompressed"))?;
    if head.starts_with(b"\xEF\xBB\xBF") {
        stream.consume(3);
    }
    let head = stream.fill_buf().with_context(|| shown.to_owned())?;
    ensure!(!head.is_empty(), "{shown}: is empty; expected a header and rows, or records");
    ensure!(
        !head.starts_with(b"\xFF\xFE") && !head.starts_with(b"\xFE\xFF") && !head.contains(&0),
        "{shown}: is not a table in UTF-8; convert it first"
    );
    let mut rows = Rows { read, name: shown, messages: &messages, strict: common.strict };
    match head.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => rows.records(stream),
        _ => {
            let delimiter = delimiter(name, head);
            rows.csv(stream, delimiter)
        }
    }
}

/// A tab for .tsv; else the most frequent delimiter in the header.
fn delimiter(name: &str, head: &[u8]) -> u8 {
    if name.trim_end_matches(".gz").ends_with(".tsv") {
        return b'\t';
    }
    let header = head.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or(head);
    let count = |delimiter: u8| header.iter().filter(|byte| **byte == delimiter).count();
    let [comma, others @ ..] = *b",;\t|";
    others.into_iter().fold(comma, |best, next| if count(next) > count(best) { next } else { best })
}

/// A CSV file that remembers where a quote was opened: at the end, it must have been closed.
struct Quotes<R> {
    stream: R,
    delimiter: u8,
    line: usize,
    state: Place,
}

/// Where a byte of a CSV file is.
#[derive(Clone, Copy)]
enum Place {
    /// Of a cell.
    Start,
    /// In a cell without quotes.
    Plain,
    /// In quotes, opened in this line.
    Quoted(usize),
    /// After a quote, which closes the cell if it is not the first of two.
    Closing(usize),
}

impl<R: Read> Read for Quotes<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        for byte in &buffer[..count] {
            let end = *byte == self.delimiter || matches!(byte, b'\n' | b'\r');
            self.line += usize::from(*byte == b'\n');
            self.state = match self.state {
                Place::Quoted(line) if *byte == b'"' => Place::Closing(line),
                Place::Quoted(line) => Place::Quoted(line),
                Place::Closing(line) if *byte == b'"' => Place::Quoted(line),
                _ if end => Place::Start,
                Place::Start if *byte == b'"' => Place::Quoted(self.line),
                _ => Place::Plain,
            };
        }
        Ok(count)
    }
}

struct Rows<'a> {
    read: &'a mut ReadTable,
    name: &'a str,
    messages: &'a Messages,
    strict: bool,
}

impl Rows<'_> {
    fn fail(&mut self, row: usize, what: &str) -> Result<()> {
        self.messages.error(format_args!("{}: row {row}: {what}; the row is left out", self.name));
        self.read.failed += 1;
        ensure!(!self.strict, STRICT);
        Ok(())
    }

    fn csv(&mut self, stream: impl Read, delimiter: u8) -> Result<()> {
        let name = self.name;
        // The ends of lines are LF, CR LF or CR.
        let quotes = Quotes { stream, delimiter, line: 1, state: Place::Start };
        let mut reader = ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(quotes);
        let header = reader.headers().with_context(|| format!("{name}: the header cannot be read"))?.clone();
        let names: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
        let mut known = BTreeSet::new();
        for (place, column) in names.iter().enumerate() {
            ensure!(!column.is_empty(), "{name}: column {} has no name; give the table a header", place + 1);
            ensure!(known.insert(column), "{name}: two columns are named {column}; rename one");
        }
        if self.read.table.names.is_empty() {
            self.read.table = RawTable::new(names.clone());
        }
        ensure!(
            self.read.table.names == names,
            "{name}: has the columns {}, not {}, as the tables before",
            names.join(", "),
            self.read.table.names.join(", ")
        );
        let before = self.read.table.rows + self.read.failed;
        let mut row = StringRecord::new();
        let mut headers = 0;
        for number in 1.. {
            match reader.read_record(&mut row) {
                Ok(false) => break,
                Ok(true) if row.len() != names.len() => {
                    self.fail(number, &format!("has {} cells, the header {}", row.len(), names.len()))?;
                }
                Ok(true) if row.iter().zip(&names).all(|(cell, name)| cell.trim() == name) => headers += 1,
                Ok(true) => self.read.table.push(row.iter().map(Some)),
                Err(error) if error.is_io_error() => bail!("{name}: row {number}: {error}"),
                Err(_) => self.fail(number, "is not UTF-8; save the table as UTF-8")?,
            }
        }
        if let Place::Quoted(line) = reader.get_ref().state {
            bail!("{name}: line {line}: a quote is opened and never closed; close it, or double a quote that is meant");
        }
        if headers > 0 {
            self.messages.note(format_args!("{name}: the header occurs {headers} more times; those rows are left out"));
        }
        let after = self.read.table.rows + self.read.failed;
        ensure!(after > before, "{name}: has a header, but no rows");
        Ok(())
    }

    fn records(&mut self, stream: impl BufRead) -> Result<()> {
        let mut nested = BTreeSet::new();
        for (line, number) in Reader::new(stream, self.name, self.messages.tool()).zip(1..) {
            let line = line.with_context(|| format!("{}: cannot be read", self.name))?;
            let record = &line.record;
            if line.broken {
                let what = record.error()?.map_or_else(|| "is not a record".to_owned(), |error| error.message);
                self.fail(number, &what)?;
                continue;
            }
            if record.has("error") {
                continue;
            }
            let mut cells = Vec::new();
            for name in record.names().filter(|name| !NO_COLUMNS.contains(name)) {
                let cell = match record.get::<Value>(name)? {
                    None => None,
                    Some(Value::String(text)) => Some(text),
                    // With all of its digits.
                    Some(Value::Number(_) | Value::Bool(_)) => record.raw(name).map(str::to_owned),
                    Some(_) => {
                        nested.insert(name.to_owned());
                        continue;
                    }
                };
                cells.push((name, cell));
            }
            self.read.table.push_fields(&cells);
        }
        if !nested.is_empty() {
            let names: Vec<String> = nested.into_iter().collect();
            self.messages.note(format_args!(
                "{}: fields that are neither texts nor numbers are left out: {}",
                self.name,
                names.join(", ")
            ));
        }
        Ok(())
    }
}
