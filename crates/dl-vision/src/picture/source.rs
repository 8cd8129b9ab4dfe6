//! The source of an image: a file that a record names, or a `data:` URI.

use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dl_record::file::open_regular;
use image::ImageFormat;

/// The most bytes of an image file.
const MOST_FILE_BYTES: u64 = 1 << 30;

/// A stream that can be read again from the start.
pub(super) trait Input: BufRead + Seek {}

impl<T: BufRead + Seek> Input for T {}

/// An image file that is not yet decoded.
pub struct Source {
    pub(super) input: Box<dyn Input>,
    /// Bytes of the file.
    pub(super) length: u64,
    pub(super) format: ImageFormat,
}

impl Source {
    /// Opens the image at `source`, a path or a `data:` URI (base64), and detects its format from the first bytes.
    /// # Errors
    /// When it does not exist, is not a regular file, is empty, too large, or does not begin like an image.
    pub fn open(source: &str) -> Result<Self> {
        let (mut input, length): (Box<dyn Input>, u64) = match from_uri(source) {
            Some(bytes) => {
                let bytes = bytes?;
                let length = bytes.len() as u64;
                (Box::new(Cursor::new(bytes)), length)
            }
            None => {
                let file = open_regular(Path::new(source))?;
                let length = file.metadata().context("cannot be read")?.len();
                (Box::new(BufReader::with_capacity(1 << 16, file)), length)
            }
        };
        check_length(length)?;
        let start = input.fill_buf().context("cannot be read")?;
        let format = format_of(start)?;
        Ok(Self { input, length, format })
    }

    /// Bytes of the file.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The usual file extension of its format.
    pub fn ending(&self) -> &'static str {
        self.format.extensions_str().first().copied().unwrap_or("bin")
    }

    /// Copies the file unchanged.
    /// # Errors
    /// When it cannot be read or written.
    pub fn copy_to(&mut self, output: &mut dyn Write) -> Result<()> {
        self.input.rewind()?;
        // No more than its length when it was opened.
        io::copy(&mut self.input.by_ref().take(self.length), output)?;
        Ok(())
    }
}

/// The source in messages: a path in full, a URI by its beginning.
pub(super) fn name(source: &str) -> String {
    match source.split_once(',') {
        Some((head, data)) if source.starts_with("data:") => {
            let head: String = head.chars().take(60).collect();
            format!("{head},... ({} characters)", data.len())
        }
        _ => source.to_owned(),
    }
}

fn from_uri(source: &str) -> Option<Result<Vec<u8>>> {
    let uri = source.strip_prefix("data:")?;
    let decoded = || {
        let (head, data) = uri.split_once(',').context("a data: URI needs a comma before its data")?;
        if !head.ends_with(";base64") {
            bail!("only base64 data: URIs are supported (data:image/png;base64,...)");
        }
        STANDARD.decode(data.trim()).context("invalid base64")
    };
    Some(decoded())
}

fn check_length(length: u64) -> Result<()> {
    if length == 0 {
        bail!("the file is empty");
    }
    if length > MOST_FILE_BYTES {
        bail!("the file is larger than {} MiB", MOST_FILE_BYTES >> 20);
    }
    Ok(())
}

fn format_of(start: &[u8]) -> Result<ImageFormat> {
    use ImageFormat::{Bmp, Gif, Jpeg, Png, Pnm, Tiff, WebP};
    // BigTIFF, which is TIFF with wider offsets.
    if start.starts_with(b"II+\0") || start.starts_with(b"MM\0+") {
        return Ok(Tiff);
    }
    match image::guess_format(start) {
        Ok(format @ (Bmp | Gif | Jpeg | Png | Pnm | Tiff | WebP)) => Ok(format),
        _ => bail!("not an image (JPEG, PNG, BMP, GIF, TIFF, WebP and PNM are supported)"),
    }
}
