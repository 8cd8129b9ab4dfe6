//! Texts, one per line.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use dl_record::Record;
use dl_record::file::{MOST_LIST_BYTES, decode};

use super::{Found, Sample};

/// Reads the lines of files, holding one line at a time. The id is `FILE:LINE`. Blank lines are skipped and counted.
/// # Errors
/// When a file cannot be opened. A line that is not text is a sample with a failure.
pub fn read(paths: &[PathBuf]) -> Result<impl Iterator<Item = Result<Found>> + use<>> {
    let name = |path: &Path| if path == Path::new("-") { "<stdin>".to_owned() } else { path.display().to_string() };
    let files = paths.iter().map(|path| Ok((name(path), open(path)?))).collect::<Result<Vec<_>>>()?;
    Ok(files.into_iter().flat_map(|(name, input)| of_file(name, input)))
}

fn of_file(name: String, mut input: Box<dyn BufRead>) -> impl Iterator<Item = Result<Found>> {
    let (mut number, mut blank, mut is_done) = (0_u64, 0_u64, false);
    std::iter::from_fn(move || {
        while !is_done {
            number += 1;
            let mut line = Vec::new();
            let read = input.by_ref().take(MOST_LIST_BYTES).read_until(b'\n', &mut line);
            match read.with_context(|| format!("{name}: line {number} cannot be read")) {
                Err(error) => {
                    is_done = true;
                    return Some(Err(error));
                }
                Ok(0) => {
                    is_done = true;
                    let lines = if blank == 1 { "1 blank line".to_owned() } else { format!("{blank} blank lines") };
                    return (blank > 0).then(|| Ok(Found::Note(format!("{name}: {lines} skipped"))));
                }
                Ok(length) if length as u64 == MOST_LIST_BYTES && line.last() != Some(&b'\n') => {
                    is_done = true;
                    return Some(Err(anyhow!("{name}: line {number} is longer than {} MiB", MOST_LIST_BYTES >> 20)));
                }
                Ok(_) => {}
            }
            while line.last().is_some_and(|end| matches!(end, b'\n' | b'\r')) {
                line.pop();
            }
            if line.iter().all(u8::is_ascii_whitespace) {
                blank += 1;
                continue;
            }
            return Some(sample(&name, number, line));
        }
        None
    })
}

fn sample(name: &str, number: u64, line: Vec<u8>) -> Result<Found> {
    let place = format!("{name}:{number}");
    let mut record = Record::default();
    record.set_id(&place)?;
    let failure = match String::from_utf8(line) {
        Ok(text) => record.set_text(&text).err(),
        Err(_) => Some(anyhow!("not UTF-8; save the file as UTF-8")),
    };
    Ok(Sample { place, record, failure, lost: Vec::new() }.into())
}

/// A text file named by the user (`-` is stdin), as UTF-8 without a byte order mark. UTF-16 is held in memory, UTF-8 is
/// not.
pub(super) fn open(path: &Path) -> Result<Box<dyn BufRead>> {
    let path = if path == Path::new("-") { Path::new("/dev/stdin") } else { path };
    let in_context = || path.display().to_string();
    let mut file = File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => anyhow!("{}: no such file", path.display()),
        _ => anyhow!("{}: {error}", path.display()),
    })?;
    anyhow::ensure!(!path.is_dir(), "{}: is a folder, not a file", path.display());
    let mut head = Vec::new();
    file.by_ref().take(4096).read_to_end(&mut head).with_context(in_context)?;
    if head.starts_with(b"\xFF\xFE") || head.starts_with(b"\xFE\xFF") || head.contains(&0) {
        file.take(MOST_TEXT).read_to_end(&mut head).with_context(in_context)?;
        anyhow::ensure!(
            head.len() as u64 <= MOST_TEXT,
            "{}: UTF-16 of more than {} MiB",
            path.display(),
            MOST_TEXT >> 20
        );
        let text = decode(head).with_context(in_context)?;
        return Ok(Box::new(Cursor::new(text)));
    }
    if head.starts_with(b"\xEF\xBB\xBF") {
        head.drain(..3);
    }
    Ok(Box::new(BufReader::new(Cursor::new(head).chain(file))))
}

/// The most bytes of a UTF-16 file.
const MOST_TEXT: u64 = 1 << 30;
