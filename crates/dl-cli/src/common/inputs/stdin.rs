//! Streams that are not records: paths of images are accepted on stdin, and common mistakes are explained.

use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;

use anyhow::{Context, Result, bail};
use dl_record::{Failure, Line, Record};
use dl_vision::formats::{IMAGE_ENDINGS, has_ending};

use super::kind::RECORD_ENDINGS;
use crate::common::beginning::{Foreign, beginning};
use crate::common::gzip::{is_gzip, unpacked};

/// The longest path of a line, in bytes.
const LONGEST_PATH: usize = 4096;

/// What stdin holds.
pub(super) enum Stdin<'a> {
    /// Records or names of images. Names that end in NUL, as `find -print0` prints them, are lines.
    Lines(Box<dyn BufRead + Send + 'a>),
    /// Images one after another.
    Frames(Box<dyn BufRead + Send + 'a>),
}

/// Finds out what stdin holds.
/// # Errors
/// When it is compressed other than by gzip, a model file or UTF-16 without a byte order mark, or images but not
/// `takes_frames`.
pub(super) fn open<'a>(stdin: &'a mut (dyn BufRead + Send), takes_frames: bool, tool: &str) -> Result<Stdin<'a>> {
    let (beginning, is_end) = beginning(stdin);
    match Foreign::of(&beginning) {
        None => {}
        Some(Foreign::Image(_)) if takes_frames => return Ok(Stdin::Frames(rejoined(beginning, is_end, stdin))),
        Some(Foreign::Image(format)) => bail!(
            "stdin is a {format} image, but {tool} reads records; dl-propose, dl-embed and dl-detect make them of images"
        ),
        Some(Foreign::Compressed(command)) => bail!("stdin is compressed; pipe it through {command} first"),
        Some(Foreign::Zip) => {
            bail!("stdin is a zip file, but {tool} reads records or names of images; unpack it first")
        }
        Some(Foreign::Model) => bail!("stdin is a model file, but {tool} reads records or names of images"),
        Some(Foreign::Utf16(name)) => bail!("stdin is UTF-16; convert it with iconv -f {name} -t UTF-8"),
    }
    if is_gzip(&beginning) {
        let records = records_in(rejoined(beginning, is_end, stdin));
        let Some(records) = records else {
            bail!("stdin is compressed, and not records; pipe it through gzip -dc first")
        };
        return Ok(Stdin::Lines(records));
    }
    // A record has no NUL; a byte order mark of UTF-16 is left to the reader of records.
    let is_of_records = [&b"{"[..], b"\xFF\xFE", b"\xFE\xFF"].iter().any(|start| beginning.starts_with(start));
    let whole = rejoined(beginning, is_end, stdin);
    if is_of_records {
        return Ok(Stdin::Lines(whole));
    }
    Ok(Stdin::Lines(Box::new(BufReader::with_capacity(1 << 16, NulToNewline(whole)))))
}

/// The lines of a file that is named as one of records.
/// # Errors
/// When it is an image, compressed other than by gzip, a model file or UTF-16 without a byte order mark. The message
/// gives the reason.
pub(super) fn lines_of_file<'a>(
    mut file: impl BufRead + Send + 'a,
    name: &str,
    tool: &str,
) -> Result<Box<dyn BufRead + Send + 'a>> {
    let (beginning, is_end) = beginning(&mut file);
    match Foreign::of(&beginning) {
        None if is_gzip(&beginning) => records_in(rejoined(beginning, is_end, file))
            .with_context(|| format!("is compressed, and not a file of records; use gzip -dc {name} | {tool}")),
        None => Ok(rejoined(beginning, is_end, file)),
        Some(Foreign::Image(format)) => bail!("is a {format} image, not a file of records; rename it"),
        Some(Foreign::Compressed(command)) => bail!("is compressed; use {command} {name} | {tool}"),
        Some(Foreign::Zip) => bail!("is a zip file, not a file of records; unpack it first"),
        Some(Foreign::Model) => bail!("is a model file, not a file of records"),
        Some(Foreign::Utf16(encoding)) => bail!("is UTF-16; convert it with iconv -f {encoding} -t UTF-8 {name}"),
    }
}

/// The records in a stream that is compressed by gzip; none if it holds something else.
fn records_in<'a>(stream: Box<dyn BufRead + Send + 'a>) -> Option<Box<dyn BufRead + Send + 'a>> {
    let mut whole = unpacked(stream);
    let (beginning, is_end) = beginning(&mut whole);
    let is_text = Foreign::of(&beginning).is_none() && !is_gzip(&beginning);
    is_text.then(|| rejoined(beginning, is_end, whole))
}

/// The stream again, with the beginning that was taken off it.
fn rejoined<'a>(beginning: Vec<u8>, is_end: bool, rest: impl BufRead + Send + 'a) -> Box<dyn BufRead + Send + 'a> {
    let beginning = Cursor::new(beginning);
    // A terminal that has ended is not read again.
    if is_end { Box::new(beginning) } else { Box::new(beginning.chain(rest)) }
}

struct NulToNewline<R>(R);

impl<R: Read> Read for NulToNewline<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(buffer)?;
        buffer[..count].iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = b'\n');
        Ok(count)
    }
}

/// A line of stdin that is the path of an image, as `ls` and `find` print it, becomes the record of the image. Folders,
/// globs and files of records are left to the arguments, so that a stream cannot open them.
pub(super) fn named_image(line: Line) -> Result<Line> {
    let failure = if line.broken { line.record.error()? } else { None };
    let Some(Failure { input: Some(path), message, tool }) = failure else { return Ok(line) };
    if path.len() > LONGEST_PATH || path.starts_with(['{', '[', '"']) {
        return Ok(line);
    }
    let is_image = has_ending(Path::new(&path), &IMAGE_ENDINGS);
    if is_image && Path::new(&path).is_file() {
        return Ok(Line { place: line.place, record: Record::for_image(&path)?, broken: false });
    }
    let message = if is_image {
        format!("{path}: no such file; paths on stdin are relative to the current folder")
    } else if Path::new(&path).is_dir() {
        format!("{path}: a folder on stdin; name it as an argument")
    } else if has_ending(Path::new(&path), &RECORD_ENDINGS) {
        format!("{path}: a file of records on stdin; name it as an argument")
    } else {
        format!("{message}; each line must be a record or the path of an image")
    };
    let mut line = line;
    line.record.set_error(&Failure { tool, message, input: Some(path) })?;
    Ok(line)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn text(mut stdin: &[u8]) -> Result<String> {
        let mut text = String::new();
        match open(&mut stdin, false, "dl-test")? {
            Stdin::Lines(mut stream) => stream.read_to_string(&mut text)?,
            Stdin::Frames(_) => panic!("frames"),
        };
        Ok(text)
    }

    #[test]
    fn names_that_end_in_nul_become_lines() {
        assert_eq!(text(b"a b.jpg\0c\nd.jpg\0").unwrap(), "a b.jpg\nc\nd.jpg\n");
        assert_eq!(text(b"{\"id\":\"\0\"}\n").unwrap(), "{\"id\":\"\0\"}\n");
        // The first buffer has no NUL yet.
        let mut stdin = BufReader::with_capacity(3, &b"photos/front of the house.jpg\0b.jpg\0"[..]);
        let mut names = String::new();
        let Stdin::Lines(mut stream) = open(&mut stdin, false, "dl-test").unwrap() else { panic!("frames") };
        stream.read_to_string(&mut names).unwrap();
        assert_eq!(names, "photos/front of the house.jpg\nb.jpg\n");
    }

    #[test]
    fn a_file_of_records_that_is_something_else_is_refused_with_a_remedy() {
        let error =
            |bytes: &'static [u8]| lines_of_file(bytes, "a.jsonl", "dl-test").map(drop).unwrap_err().to_string();
        assert_eq!(error(b"\xFD7zXZ\0"), "is compressed; use xz -dc a.jsonl | dl-test");
        assert!(error(b"\x89PNG\r\n\x1A\n").contains("is a PNG image"));
    }

    #[test]
    fn an_image_on_stdin_is_refused() {
        let error = text(b"\xFF\xD8\xFF\xE0\0").unwrap_err().to_string();
        assert!(error.contains("stdin is a JPEG image"), "{error}");
        assert!(text(b"\xFD7zXZ\0").unwrap_err().to_string().contains("xz -dc"));
    }

    #[test]
    fn only_images_are_opened_by_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        for name in ["my cat.JPG", "a.jsonl"] {
            fs::write(at(name), "").unwrap();
        }
        let read = |text: String| {
            let line = dl_record::Reader::new(text.as_bytes(), "<stdin>", "dl-test").next().unwrap().unwrap();
            named_image(line).unwrap()
        };
        let line = read(at("my cat.JPG"));
        assert_eq!((line.broken, line.record.image().unwrap()), (false, Some(at("my cat.JPG"))));
        for (path, why) in
            [("none.jpg", "no such file"), ("", "a folder"), ("a.jsonl", "a file of records"), ("*", "not a")]
        {
            let line = read(at(path));
            let failure = line.record.error().unwrap().unwrap();
            assert!(line.broken && failure.message.contains(why) && failure.input.is_some(), "{}", failure.message);
        }
    }
}
