//! Images one after another in a stream, as `ffmpeg -f image2pipe` writes the frames of a video.
//!
//! Where an image ends follows from its format: JPEG (ITU T.81, annex B) and PNG have an end marker, BMP and WebP state
//! their length, and binary PNM has as many bytes as its header says. No frame is decoded here.

use std::io::{self, BufRead, ErrorKind, Read};

use anyhow::{Context, Result, bail, ensure};
use image::ImageFormat;

/// The most bytes of a frame: larger images are refused when they are opened, too.
const MOST_FRAME_BYTES: usize = 256 << 20;

/// One image of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The image file.
    pub bytes: Vec<u8>,
    /// Its media type, for a `data:` URI.
    pub media_type: &'static str,
}

/// Cuts a stream into images.
pub struct Frames<R> {
    stream: R,
    ended: bool,
}

impl<R: BufRead> Frames<R> {
    /// The images of `stream`.
    pub fn new(stream: R) -> Self {
        Self { stream, ended: false }
    }

    fn frame(&mut self) -> Result<Option<Frame>> {
        let mut cut = Cut { stream: &mut self.stream, bytes: Vec::new() };
        if !cut.has_more()? {
            return Ok(None);
        }
        cut.up_to(12)?;
        let format = image::guess_format(&cut.bytes).ok();
        let ended = match format {
            Some(ImageFormat::Jpeg) => cut.jpeg()?,
            Some(ImageFormat::Png) => cut.png()?,
            Some(ImageFormat::Bmp) => cut.stated_length(2, 0)?,
            Some(ImageFormat::WebP) => cut.stated_length(4, 8)?,
            Some(ImageFormat::Pnm) => cut.pnm()?,
            // Their length is not known before they are decoded: nothing can follow them.
            Some(ImageFormat::Gif | ImageFormat::Tiff) => cut.rest()?,
            _ => bail!("not an image (JPEG, PNG, BMP, WebP and binary PNM are supported in a stream)"),
        };
        // Of a frame that is cut off, the decoder says what is missing.
        self.ended = !ended;
        let media_type = format.map_or("application/octet-stream", |format| format.to_mime_type());
        Ok(Some(Frame { bytes: cut.bytes, media_type }))
    }
}

impl<R: BufRead> Iterator for Frames<R> {
    type Item = Result<Frame>;

    /// The next image. After an error, where the next one begins is unknown, and the stream ends.
    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let frame = self.frame().transpose();
        self.ended |= !matches!(frame, Some(Ok(_)));
        frame
    }
}

/// A frame while it is cut off the stream. Each step returns whether the stream had all of it.
struct Cut<'a, R> {
    stream: &'a mut R,
    bytes: Vec<u8>,
}

impl<R: BufRead> Cut<'_, R> {
    fn has_more(&mut self) -> Result<bool> {
        loop {
            match self.stream.fill_buf() {
                Ok(bytes) => return Ok(!bytes.is_empty()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("cannot be read"),
            }
        }
    }

    /// Takes bytes until the frame has `length` of them.
    fn up_to(&mut self, length: usize) -> Result<bool> {
        ensure!(length <= MOST_FRAME_BYTES, "a frame of more than {} MiB", MOST_FRAME_BYTES >> 20);
        let missing = length.saturating_sub(self.bytes.len());
        let taken = self.stream.by_ref().take(missing as u64).read_to_end(&mut self.bytes).context("cannot be read")?;
        Ok(taken == missing)
    }

    fn byte(&mut self, index: usize) -> Result<Option<u8>> {
        Ok(if self.up_to(index + 1)? { Some(self.bytes[index]) } else { None })
    }

    /// Takes bytes up to and including the next `wanted` after `start`; returns its place.
    fn find(&mut self, wanted: u8, start: usize) -> Result<Option<usize>> {
        if !self.up_to(start)? {
            return Ok(None);
        }
        if let Some(at) = self.bytes[start..].iter().position(|byte| *byte == wanted) {
            return Ok(Some(start + at));
        }
        let room = (MOST_FRAME_BYTES - self.bytes.len()) as u64;
        let taken = self.stream.by_ref().take(room).read_until(wanted, &mut self.bytes).context("cannot be read")?;
        ensure!(taken as u64 != room, "a frame of more than {} MiB", MOST_FRAME_BYTES >> 20);
        Ok(self.bytes.last().filter(|last| taken > 0 && **last == wanted).map(|_| self.bytes.len() - 1))
    }

    /// Segments with their lengths; in the coded data after the header of a scan, a marker is 0xFF followed by something
    /// else than a stuffed zero or a restart. Thumbnails within a segment have end markers of their own.
    fn jpeg(&mut self) -> Result<bool> {
        let mut at = 2;
        loop {
            let Some(mark) = self.find(0xFF, at)? else { return Ok(false) };
            let Some(marker) = self.byte(mark + 1)? else { return Ok(false) };
            at = mark + 2;
            match marker {
                0xD9 => {
                    // The beginning was taken before it was known where the frame ends.
                    ensure!(self.bytes.len() == at, "a JPEG of only {at} bytes");
                    return Ok(true);
                }
                // Another fill byte before the marker.
                0xFF => at -= 1,
                0x00 | 0x01 | 0xD0..=0xD8 => {}
                _ => {
                    if !self.up_to(at + 2)? {
                        return Ok(false);
                    }
                    let length = usize::from(u16::from_be_bytes([self.bytes[at], self.bytes[at + 1]])).max(2);
                    at += length;
                    if !self.up_to(at)? {
                        return Ok(false);
                    }
                }
            }
        }
    }

    /// Chunks: length, type, data and checksum.
    fn png(&mut self) -> Result<bool> {
        let mut at = 8;
        loop {
            if !self.up_to(at + 8)? {
                return Ok(false);
            }
            let Some((head, _)) = self.bytes[at..].split_first_chunk::<4>() else { return Ok(false) };
            let length = u32::from_be_bytes(*head) as usize;
            let is_end = &self.bytes[at + 4..at + 8] == b"IEND";
            at = at.saturating_add(length).saturating_add(12);
            if !self.up_to(at)? {
                return Ok(false);
            }
            if is_end {
                return Ok(true);
            }
        }
    }

    /// A length in four bytes, little-endian, that does not count the first `more` bytes.
    fn stated_length(&mut self, at: usize, more: usize) -> Result<bool> {
        let Some(length) = self.bytes.get(at..).and_then(|bytes| bytes.first_chunk::<4>()) else { return Ok(false) };
        let length = u32::from_le_bytes(*length) as usize;
        // RIFF pads to an even length.
        let length = if more > 0 { length + length % 2 } else { length };
        ensure!(length + more >= self.bytes.len(), "an image that states a length of only {length} bytes");
        self.up_to(length + more)
    }

    /// `P4`, `P5` and `P6`: numbers, one blank, and the pixels.
    fn pnm(&mut self) -> Result<bool> {
        let kind = self.bytes[1];
        ensure!(
            (b'4'..=b'6').contains(&kind),
            "PNM of the kind P{}, which cannot be cut into frames; write P5 or P6, JPEG or PNG",
            char::from(kind)
        );
        let mut at = 2;
        let mut number = || -> Result<Option<usize>> {
            let mut value: Option<usize> = None;
            loop {
                let Some(byte) = self.byte(at)? else { return Ok(None) };
                at += 1;
                match byte {
                    b'0'..=b'9' => {
                        let digits = value.unwrap_or(0).saturating_mul(10);
                        value = Some(digits.saturating_add(usize::from(byte - b'0')));
                    }
                    b'#' => match self.find(b'\n', at)? {
                        Some(end) => at = end + 1,
                        None => return Ok(None),
                    },
                    _ if !byte.is_ascii_whitespace() => bail!("a PNM with a damaged header"),
                    _ if value.is_some() => return Ok(value),
                    _ => {}
                }
                ensure!(at < 1 << 16, "a PNM with a damaged header");
            }
        };
        let (Some(width), Some(height)) = (number()?, number()?) else { return Ok(false) };
        let row = if kind == b'4' {
            width.div_ceil(8)
        } else {
            let Some(most) = number()? else { return Ok(false) };
            let channels = if kind == b'6' { 3 } else { 1 };
            width.saturating_mul(channels).saturating_mul(if most > 255 { 2 } else { 1 })
        };
        let length = row.saturating_mul(height).saturating_add(at);
        ensure!(length >= self.bytes.len(), "a PNM of only {length} bytes");
        self.up_to(length)
    }

    fn rest(&mut self) -> Result<bool> {
        let room = (MOST_FRAME_BYTES - self.bytes.len()) as u64;
        let taken = io::copy(&mut self.stream.by_ref().take(room), &mut self.bytes).context("cannot be read")?;
        ensure!(taken != room, "a frame of more than {} MiB", MOST_FRAME_BYTES >> 20);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Cursor};

    use image::RgbImage;

    use super::*;

    fn encoded(format: ImageFormat, shade: u8) -> Vec<u8> {
        if format == ImageFormat::Pnm {
            return [&b"P6 #9\n9 7\n255\n"[..], &[shade; 9 * 7 * 3]].concat();
        }
        let image = RgbImage::from_fn(9, 7, |x, y| image::Rgb([shade, (x * 20) as u8, (y * 30) as u8]));
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn a_stream_is_cut_at_the_end_of_each_image() {
        use ImageFormat::{Bmp, Jpeg, Png, Pnm, WebP};
        let files: Vec<Vec<u8>> =
            [Jpeg, Png, Bmp, WebP, Pnm, Jpeg, Pnm].iter().map(|format| encoded(*format, 90)).collect();
        let stream = files.concat();
        for capacity in [1, 7, 1 << 16] {
            let reader = BufReader::with_capacity(capacity, &stream[..]);
            let found: Vec<Frame> = Frames::new(reader).collect::<Result<_>>().unwrap();
            assert_eq!(found.iter().map(|frame| frame.bytes.clone()).collect::<Vec<_>>(), files, "{capacity}");
            assert_eq!(found[0].media_type, "image/jpeg");
        }
    }

    #[test]
    fn an_end_marker_inside_a_segment_does_not_end_a_jpeg() {
        let mut jpeg = encoded(ImageFormat::Jpeg, 10);
        // A comment that contains a whole thumbnail.
        let comment = [&[0xFF, 0xFE, 0, 10][..], &[0xFF, 0xD8, 0xFF, 0xD9, 1, 2, 3, 4]].concat();
        jpeg.splice(2..2, comment);
        let stream = [jpeg.clone(), jpeg.clone()].concat();
        let found: Vec<Frame> = Frames::new(&stream[..]).collect::<Result<_>>().unwrap();
        assert_eq!((found.len(), &found[1].bytes), (2, &jpeg));
    }

    #[test]
    fn a_last_frame_that_is_cut_off_is_kept_and_noise_is_an_error() {
        let jpeg = encoded(ImageFormat::Jpeg, 10);
        for length in 3..jpeg.len() {
            let stream = [&jpeg[..], &jpeg[..length]].concat();
            let found: Vec<Frame> = Frames::new(&stream[..]).collect::<Result<_>>().unwrap();
            assert_eq!(found[1].bytes.len(), length);
        }
        let stream = [&jpeg[..], b"some text that is no image"].concat();
        let mut frames = Frames::new(&stream[..]);
        assert!(frames.next().unwrap().is_ok());
        assert!(frames.next().unwrap().unwrap_err().to_string().contains("not an image"));
        assert!(frames.next().is_none());
    }

    #[test]
    fn false_lengths_take_no_memory() {
        for bytes in [
            &b"P6 4000000000 4000000000 255\n1234"[..],
            b"\x89PNG\r\n\x1A\n\xFF\xFF\xFF\xFFIHDR",
            b"P5 #\n99999999999999999999999 2 255 ",
            b"BM\xFF\xFF\xFF\xFF\0\0\0\0\0\0",
        ] {
            assert!(Frames::new(bytes).next().unwrap().is_err());
        }
        assert!(Frames::new(&b"P3 1 1 255 1 2 3"[..]).next().unwrap().unwrap_err().to_string().contains("kind P3"));
    }
}
