//! What a file or stream is, by its first bytes.

use std::io::{BufRead, ErrorKind};

/// How many bytes tell.
const BEGINNING: usize = 16;

/// Something that is not text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Foreign {
    Image(&'static str),
    /// A compressed file, and the command that unpacks it to stdout.
    Compressed(&'static str),
    Zip,
    Model,
    /// UTF-16 without a byte order mark, by the name that iconv has for it.
    Utf16(&'static str),
}

/// First bytes of images.
const IMAGES: [(&[u8], &str); 6] = [
    (b"\xFF\xD8\xFF", "JPEG"),
    (b"\x89PNG\r\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
];

/// First bytes of compressed files; those of gzip are read.
const COMPRESSED: [(&[u8], &str); 2] = [(b"\x28\xB5\x2F\xFD", "zstd -dc"), (b"\xFD7zXZ\0", "xz -dc")];

/// The largest header of a safetensors file, in bytes.
const LARGEST_HEADER: u64 = 100_000_000;

impl Foreign {
    /// What begins like this; none for text.
    pub(super) fn of(beginning: &[u8]) -> Option<Self> {
        let starts = |(bytes, _): &&(&[u8], &str)| beginning.starts_with(bytes);
        if let Some(&(_, format)) = IMAGES.iter().find(starts) {
            return Some(Self::Image(format));
        }
        if let Some(&(_, command)) = COMPRESSED.iter().find(starts) {
            return Some(Self::Compressed(command));
        }
        match () {
            () if beginning.starts_with(b"RIFF") && beginning.get(8..12) == Some(&b"WEBP"[..]) => {
                Some(Self::Image("WebP"))
            }
            // The size, and four zeros: a name may begin with BM.
            () if beginning.starts_with(b"BM") && beginning.get(6..10) == Some(&[0; 4][..]) => Some(Self::Image("BMP")),
            () if is_pnm(beginning) => Some(Self::Image("PNM")),
            () if is_model(beginning) => Some(Self::Model),
            () if beginning.starts_with(b"PK\x03\x04") => Some(Self::Zip),
            () => utf16_without_mark(beginning).map(Self::Utf16),
        }
    }
}

/// Whether a file begins as a model file of safetensors or PyTorch does.
pub(crate) fn is_model(beginning: &[u8]) -> bool {
    let header = beginning.first_chunk::<8>().map(|length| u64::from_le_bytes(*length));
    let is_safetensors =
        header.is_some_and(|length| length <= LARGEST_HEADER) && beginning.get(8..10) == Some(&b"{\""[..]);
    let is_pickle = beginning.starts_with(b"\x80\x02\x8A\x0A");
    // The first entry of PyTorch's zip.
    let is_zip = beginning.starts_with(b"PK\x03\x04") && beginning.windows(8).any(|name| name == b"data.pkl");
    is_safetensors || is_pickle || is_zip
}

/// `P6` and a line break, or a blank and the width: `P1 front.jpg` is a name.
fn is_pnm(beginning: &[u8]) -> bool {
    let [b'P', b'1'..=b'6', rest @ ..] = beginning else { return false };
    match rest {
        [b'\n' | b'\r' | b'\t', ..] => true,
        [b' ', rest @ ..] => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            digits > 0 && rest.get(digits).is_some_and(u8::is_ascii_whitespace)
        }
        _ => false,
    }
}

/// Every other byte is a zero, at least four times, and the others are ASCII.
fn utf16_without_mark(beginning: &[u8]) -> Option<&'static str> {
    let (pairs, _) = beginning.as_chunks::<2>();
    let is_text = |byte: u8| byte != 0 && byte.is_ascii();
    match () {
        () if pairs.len() < 4 => None,
        () if pairs.iter().all(|[low, high]| is_text(*low) && *high == 0) => Some("UTF-16LE"),
        () if pairs.iter().all(|[high, low]| is_text(*low) && *high == 0) => Some("UTF-16BE"),
        () => None,
    }
}

/// Takes the first bytes off a stream: fewer if the stream ends, or a line, whose sender may wait for the answer.
/// The second value: whether it has ended. An error occurs again when the stream is read further.
pub(super) fn beginning(stream: &mut (impl BufRead + ?Sized)) -> (Vec<u8>, bool) {
    let mut beginning = Vec::with_capacity(BEGINNING);
    while beginning.len() < BEGINNING && !beginning.contains(&b'\n') {
        let count = match stream.fill_buf() {
            Ok([]) => return (beginning, true),
            Ok(bytes) => {
                let count = bytes.len().min(BEGINNING - beginning.len());
                beginning.extend_from_slice(&bytes[..count]);
                count
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        stream.consume(count);
    }
    (beginning, false)
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read};

    use super::*;

    /// A stream that arrives byte by byte.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let most = buffer.len().min(1);
            self.0.read(&mut buffer[..most])
        }
    }

    #[test]
    fn files_are_recognized_and_names_and_records_are_not() {
        let safetensors = [&64_u64.to_le_bytes()[..], b"{\"a\":{}}"].concat();
        let files: [(&[u8], Foreign); 11] = [
            (b"\xFF\xD8\xFF\xE0\0\x10JFIF", Foreign::Image("JPEG")),
            (b"\x89PNG\r\n\x1A\n", Foreign::Image("PNG")),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Foreign::Image("WebP")),
            (b"BM\x36\0\x03\0\0\0\0\0\x36\0\0\0", Foreign::Image("BMP")),
            (b"P6\n640 480\n255\n", Foreign::Image("PNM")),
            (b"P4 640 480\n", Foreign::Image("PNM")),
            (b"\x28\xB5\x2F\xFD\x04", Foreign::Compressed("zstd -dc")),
            (b"PK\x03\x04\x14\0\0\0", Foreign::Zip),
            (&safetensors, Foreign::Model),
            (b"{\0\"\0i\0d\0\"\0:\0", Foreign::Utf16("UTF-16LE")),
            (b"\0{\0\"\0i\0d\0\"\0:", Foreign::Utf16("UTF-16BE")),
        ];
        for (bytes, expected) in files {
            assert_eq!(Foreign::of(bytes), Some(expected), "{bytes:?}");
        }
        let texts: [&[u8]; 8] = [
            b"{\"id\":\"a\"}\n",
            b"BMW 320 red.jpg\n",
            b"P1 front.jpg\n",
            b"P1 2.jpg\n",
            b"RIFF.jpg\n",
            b"a.jpg\0b.jpg\0",
            b"\xFF\xFE{\0\"\0i\0d\0",
            b"",
        ];
        for text in texts {
            assert_eq!(Foreign::of(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_beginning_is_the_same_however_the_stream_is_cut() {
        let text = b"a photo with a long name.jpg\n";
        assert_eq!(beginning(&mut &text[..]), (text[..BEGINNING].to_vec(), false));
        assert_eq!(beginning(&mut BufReader::new(Slow(text))), (text[..BEGINNING].to_vec(), false));
        assert_eq!(beginning(&mut BufReader::new(Slow(b"{}\n{}\n"))), (b"{}\n".to_vec(), false));
        assert_eq!(beginning(&mut BufReader::new(Slow(b"{}"))), (b"{}".to_vec(), true));
    }
}
