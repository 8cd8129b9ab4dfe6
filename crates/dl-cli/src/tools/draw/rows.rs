//! Reading a file of one JSON object per line, of any length.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result, bail};
use dl_record::file::{MOST_LIST_BYTES, decode, read_named};
use serde_json::{Map, Value};

/// The most bytes of a line.
const MOST_LINE: u64 = 16 << 20;

/// Calls `each` with the number and the object of each line that is not blank.
/// # Errors
/// When the file cannot be read, a line is not an object, or `each` fails. The message does not name the path.
pub(super) fn each_row(path: &Path, mut each: impl FnMut(usize, Map<String, Value>) -> Result<()>) -> Result<()> {
    let mut take = |number: usize, line: &str| -> Result<()> {
        let line = line.trim();
        if line.is_empty() {
            return Ok(());
        }
        each(number, serde_json::from_str(line).with_context(|| format!("line {number}: not a JSON object"))?)
    };
    let large = fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() > MOST_LIST_BYTES);
    if !large {
        let text = decode(read_named(path, MOST_LIST_BYTES)?)?;
        return (1..).zip(text.lines()).try_for_each(|(number, line)| take(number, line));
    }
    let mut file = BufReader::with_capacity(1 << 16, File::open(path)?);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        file.by_ref().take(MOST_LINE).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            break;
        }
        if line.len() as u64 == MOST_LINE {
            bail!("line {number} is longer than {} MiB", MOST_LINE >> 20);
        }
        let text = std::str::from_utf8(&line).with_context(|| format!("line {number} is not UTF-8"))?;
        take(number, text.trim_start_matches('\u{feff}'))?;
    }
    Ok(())
}
