//! Image files with a comment that tells which program wrote them, so that a second run may replace them, and nothing
//! else.

use std::io::Read;
use std::path::Path;

use dl_record::file::open_regular;
use flate2::Crc;

/// The kind of an image file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ImageFile {
    Jpg,
    Png,
}

/// The bytes of an image file with a comment by which [`is_marked`] recognizes it.
pub(crate) fn marked(mut bytes: Vec<u8>, kind: ImageFile, mark: &str) -> Vec<u8> {
    let (at, comment) = match kind {
        ImageFile::Jpg => {
            let length = (mark.len() as u16 + 2).to_be_bytes();
            let comment = [&[0xFF, 0xFE], &length[..], mark.as_bytes()].concat();
            // After the header segment of JFIF, which has 18 bytes and is the first.
            (if bytes.get(2..4) == Some(&[0xFF, 0xE0][..]) { 20 } else { 2 }, comment)
        }
        ImageFile::Png => {
            let chunk = [&b"tEXtComment\0"[..], mark.as_bytes()].concat();
            let mut checksum = Crc::new();
            checksum.update(&chunk);
            let length = (chunk.len() as u32 - 4).to_be_bytes();
            // After the signature and the header.
            (33, [&length[..], &chunk, &checksum.sum().to_be_bytes()].concat())
        }
    };
    if at <= bytes.len() {
        bytes.splice(at..at, comment);
    }
    bytes
}

/// Whether a file has this comment.
pub(crate) fn is_marked(path: &Path, mark: &str) -> bool {
    let mut head = Vec::new();
    let Ok(file) = open_regular(path) else { return false };
    file.take(128).read_to_end(&mut head).is_ok() && head.windows(mark.len()).any(|bytes| bytes == mark.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{ImageFormat, Rgb, RgbImage};

    use super::*;

    #[test]
    fn marked_files_are_recognized_and_are_still_images() {
        let folder = tempfile::tempdir().unwrap();
        for (kind, format) in [(ImageFile::Png, ImageFormat::Png), (ImageFile::Jpg, ImageFormat::Jpeg)] {
            let mut bytes = Cursor::new(Vec::new());
            RgbImage::from_pixel(9, 7, Rgb([128; 3])).write_to(&mut bytes, format).unwrap();
            let path = folder.path().join(format!("{kind:?}"));
            std::fs::write(&path, bytes.get_ref()).unwrap();
            assert!(!is_marked(&path, "made by dl-test"));
            std::fs::write(&path, marked(bytes.into_inner(), kind, "made by dl-test")).unwrap();
            assert!(is_marked(&path, "made by dl-test") && !is_marked(&path, "made by dl-other"));
            let read = image::ImageReader::open(&path).unwrap().with_guessed_format().unwrap().decode().unwrap();
            assert_eq!((read.width(), read.height()), (9, 7));
        }
    }
}
