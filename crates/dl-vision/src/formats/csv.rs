//! Tables: one row per sample, with columns for its text, image, label and id.

use std::cell::Cell;
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result, anyhow, bail, ensure};
use csv::{ByteRecord, Reader, ReaderBuilder};
use dl_record::Record;
use dl_record::file::MOST_LIST_BYTES;

use super::files::{as_text, find_named, has_ending};
use super::{Found, Sample, add_size, lines};

/// The columns and the form of a table. Without a header, the columns are named 1, 2, 3, ...
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The column with the text.
    pub text: Option<String>,
    /// The column with the image path.
    pub image: Option<String>,
    /// The column with the label.
    pub label: Option<String>,
    /// The column with the id; `None`: the id is `FILE:LINE`.
    pub id: Option<String>,
    /// The cell delimiter; `None`: it is detected.
    pub delimiter: Option<u8>,
    /// The first row is a sample.
    pub no_header: bool,
    /// Quotes are ordinary characters.
    pub no_quotes: bool,
    /// The folder with the images; `None`: that of the table.
    pub images: Option<PathBuf>,
}

/// Reads a table row by row. Rows with a blank text are skipped and counted.
/// # Errors
/// When the file cannot be read, or lacks a column. A row with a wrong number of cells is a sample with a failure.
pub fn read(path: &Path, config: &Config) -> Result<impl Iterator<Item = Result<Found>> + use<>> {
    let name = path.display().to_string();
    let mut input = lines::open(path)?;
    let head = input.fill_buf().with_context(|| name.clone())?;
    let delimiter = config.delimiter.unwrap_or_else(|| delimiter(path, head));
    let left = Rc::new(Cell::new(MOST_LIST_BYTES));
    let mut table = ReaderBuilder::new()
        .delimiter(delimiter)
        .quoting(!config.no_quotes)
        .has_headers(!config.no_header)
        .flexible(true)
        .from_reader(Bounded { input, after_return: false, left: left.clone() });
    let (columns, cells) = columns(&mut table, config, &name)?;
    let beside = path.parent().unwrap_or(Path::new("")).to_owned();
    let images = config.images.clone().unwrap_or(beside);
    let mut row = ByteRecord::new();
    let (mut is_done, mut blank) = (false, 0_usize);
    Ok(std::iter::from_fn(move || {
        if is_done {
            return None;
        }
        loop {
            left.set(MOST_LIST_BYTES);
            let read = table.read_byte_record(&mut row);
            if matches!(read, Ok(true)) && is_blank(&row, &columns, cells) {
                blank += 1;
                continue;
            }
            return match read {
                Ok(true) => {
                    let line = row.position().map_or(0, csv::Position::line);
                    Some(sample(&row, &columns, cells, format!("{name}:{line}"), &images))
                }
                Ok(false) => {
                    is_done = true;
                    let rows = if blank == 1 { "1 row".to_owned() } else { format!("{blank} rows") };
                    (blank > 0).then(|| Ok(Found::Note(format!("{name}: {rows} without a text skipped"))))
                }
                Err(error) => {
                    is_done = true;
                    Some(Err(anyhow!("{name}: line {}: {error}", table.position().line())))
                }
            };
        }
    }))
}

/// Indices of the columns.
struct Columns {
    text: Option<usize>,
    image: Option<usize>,
    label: Option<usize>,
    id: Option<usize>,
}

/// The configured columns, and the number of all columns.
fn columns(table: &mut Reader<Bounded>, config: &Config, name: &str) -> Result<(Columns, usize)> {
    ensure!(config.text.is_some() || config.image.is_some(), "name the column of the text or of the image");
    // Without a header, this is the first row, which will be read again.
    let first = table.byte_headers().with_context(|| name.to_owned())?.clone();
    ensure!(!first.is_empty(), "{name}: the table is empty");
    let header: Vec<String> = if config.no_header {
        (1..=first.len()).map(|number| number.to_string()).collect()
    } else {
        first.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect()
    };
    let find = |column: &Option<String>| -> Result<Option<usize>> {
        let Some(column) = column else { return Ok(None) };
        let mut found = header.iter().enumerate().filter(|(_, cell)| *cell == column.trim());
        match (found.next(), found.next()) {
            (Some((at, _)), None) => Ok(Some(at)),
            (Some(_), Some(_)) => bail!("{name}: more than one column is named \"{column}\""),
            (None, _) => {
                let columns = header.iter().take(30).cloned().collect::<Vec<_>>().join(", ");
                bail!("{name}: no column \"{column}\"; the columns are: {columns}")
            }
        }
    };
    let columns = Columns {
        text: find(&config.text)?,
        image: find(&config.image)?,
        label: find(&config.label)?,
        id: find(&config.id)?,
    };
    Ok((columns, header.len()))
}

/// Does a row of the right length have a blank text and no image?
fn is_blank(row: &ByteRecord, columns: &Columns, cells: usize) -> bool {
    let text = columns.text.filter(|_| columns.image.is_none() && row.len() == cells);
    text.and_then(|column| row.get(column)).is_some_and(|text| text.iter().all(u8::is_ascii_whitespace))
}

fn sample(row: &ByteRecord, columns: &Columns, cells: usize, place: String, images: &Path) -> Result<Found> {
    let mut record = Record::default();
    record.set_id(&place)?;
    let mut lost = Vec::new();
    let failure = fill(&mut record, row, columns, cells, images, &mut lost).err();
    Ok(Sample { place, record, failure, lost }.into())
}

fn fill(
    record: &mut Record,
    row: &ByteRecord,
    columns: &Columns,
    cells: usize,
    images: &Path,
    lost: &mut Vec<String>,
) -> Result<()> {
    ensure!(row.len() == cells, "the row has {} cells, expected {cells}", row.len());
    let cell = |column: Option<usize>| -> Result<Option<&str>> {
        let Some(cell) = column.and_then(|column| row.get(column)) else { return Ok(None) };
        str::from_utf8(cell).map(Some).context("the row is not UTF-8; save the file as UTF-8")
    };
    if let Some(id) = cell(columns.id)? {
        ensure!(!id.is_empty(), "the id is empty");
        record.set_id(&id.to_owned())?;
    }
    if let Some(image) = cell(columns.image)? {
        ensure!(!image.trim().is_empty(), "the image path is empty");
        let direct = images.join(image.trim());
        let path =
            if direct.is_file() { None } else { find_named(&[images.to_owned()], image.trim()) }.unwrap_or(direct);
        record.set_image(&as_text(&path)?)?;
        add_size(record)?;
    }
    if let Some(text) = cell(columns.text)? {
        record.set_text(&text.to_owned())?;
    }
    match cell(columns.label)? {
        Some(label) if label.trim().is_empty() => lost.push("the label is empty".to_owned()),
        Some(label) => record.set_label(&label.trim().to_owned())?,
        None => {}
    }
    Ok(())
}

/// A tab for .tsv; else the most frequent delimiter in the first line.
fn delimiter(path: &Path, head: &[u8]) -> u8 {
    if has_ending(path, &["tsv", "tab"]) {
        return b'\t';
    }
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or(head);
    let mut counts = [(b',', 0_usize), (b';', 0), (b'\t', 0), (b'|', 0)];
    let mut is_quoted = false;
    for byte in line {
        is_quoted ^= *byte == b'"';
        if let Some((_, count)) = counts.iter_mut().find(|(delimiter, _)| delimiter == byte && !is_quoted) {
            *count += 1;
        }
    }
    let most = counts.iter().map(|(_, count)| *count).max().unwrap_or_default();
    counts.iter().find(|(_, count)| *count == most).map_or(b',', |(delimiter, _)| *delimiter)
}

/// Converts all line breaks to one byte, as for all text here, so that lines are counted right; and limits the length
/// of a row, which is endless if a quote is not closed.
struct Bounded {
    input: Box<dyn BufRead>,
    /// Was the last byte a carriage return?
    after_return: bool,
    /// How many more bytes the row may have.
    left: Rc<Cell<u64>>,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut written = 0;
        while written == 0 {
            let bytes = self.input.fill_buf()?;
            let count = bytes.len().min(buffer.len());
            if count == 0 {
                return Ok(0);
            }
            for byte in &bytes[..count] {
                let is_second = *byte == b'\n' && self.after_return;
                self.after_return = *byte == b'\r';
                if !is_second {
                    buffer[written] = if self.after_return { b'\n' } else { *byte };
                    written += 1;
                }
            }
            self.input.consume(count);
        }
        let left = self.left.get().checked_sub(written as u64);
        let message = "a row of more than 64 MiB; if a quote is not closed, use --no-quotes";
        self.left.set(left.ok_or_else(|| std::io::Error::other(message))?);
        Ok(written)
    }
}
