//! stdin that is not records: paths of images are accepted, and common mistakes are explained.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Result, bail};
use dl_record::{Failure, Line, Record};
use dl_vision::formats::{IMAGE_ENDINGS, has_ending};

/// First bytes of files that somebody may pipe in.
const SIGNATURES: [(&[u8], &str); 6] = [
    (b"\xFF\xD8\xFF", "JPEG"),
    (b"\x89PNG\r\n", "PNG"),
    (b"GIF8", "GIF"),
    (b"RIFF", "WebP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
];

/// The longest path of a line, in bytes.
const LONGEST_PATH: usize = 4096;

/// The lines of stdin; names that end in NUL, as `find -print0` prints them, become lines.
/// # Errors
/// When stdin is an image or compressed.
pub(super) fn lines<'a>(stdin: &'a mut (dyn BufRead + Send), tool: &str) -> Result<Box<dyn BufRead + Send + 'a>> {
    // An error is reported when the lines are read.
    let beginning = stdin.fill_buf().unwrap_or_default();
    if let Some((_, format)) = SIGNATURES.iter().find(|(bytes, _)| beginning.starts_with(bytes)) {
        bail!("stdin is a {format} image, but {tool} reads records or names of images; name the file as an argument");
    }
    if beginning.starts_with(b"\x1F\x8B") {
        bail!("stdin is compressed; pipe it through gzip -dc first");
    }
    let starts_with_name =
        !beginning.starts_with(b"{") && !beginning.starts_with(b"\xFF\xFE") && !beginning.starts_with(b"\xFE\xFF");
    if starts_with_name && beginning.contains(&0) {
        return Ok(Box::new(BufReader::with_capacity(1 << 16, NulToNewline(stdin))));
    }
    Ok(Box::new(stdin))
}

struct NulToNewline<'a>(&'a mut (dyn BufRead + Send));

impl Read for NulToNewline<'_> {
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
        lines(&mut stdin, "dl-test")?.read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn names_that_end_in_nul_become_lines() {
        assert_eq!(text(b"a b.jpg\0c\nd.jpg\0").unwrap(), "a b.jpg\nc\nd.jpg\n");
        assert_eq!(text(b"{\"id\":\"\0\"}\n").unwrap(), "{\"id\":\"\0\"}\n");
    }

    #[test]
    fn an_image_on_stdin_is_refused() {
        let error = text(b"\xFF\xD8\xFF\xE0\0").unwrap_err().to_string();
        assert!(error.contains("stdin is a JPEG image"), "{error}");
        assert!(text(b"\x1F\x8B\x08").unwrap_err().to_string().contains("gzip -dc"));
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
            [("none.jpg", "no such file"), ("", "a folder"), ("a.jsonl", "not a JSON object"), ("*", "not a")]
        {
            let line = read(at(path));
            let failure = line.record.error().unwrap().unwrap();
            assert!(line.broken && failure.message.contains(why) && failure.input.is_some(), "{}", failure.message);
        }
    }
}
