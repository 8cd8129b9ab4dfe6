//! Files of records that are compressed by gzip are read as they are.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use anyhow::Result;
use dl_record::file::open_named;
use flate2::bufread::MultiGzDecoder;

/// How gzip begins.
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// How many bytes are read or unpacked at once.
const BUFFER: usize = 1 << 16;

/// Whether what begins like this is compressed by gzip.
pub(super) fn is_gzip(beginning: &[u8]) -> bool {
    beginning.starts_with(&MAGIC)
}

/// The text of a compressed stream, unpacked as it is read: of one or several members, as gzip and cat make them.
pub(super) fn unpacked<'a>(stream: impl BufRead + Send + 'a) -> Box<dyn BufRead + Send + 'a> {
    Box::new(BufReader::with_capacity(BUFFER, Unpacked(MultiGzDecoder::new(stream))))
}

/// Opens a file of records that the user named, compressed or not; it may be a pipe.
/// # Errors
/// When it does not exist, cannot be read, or is a folder. The message gives the reason, without the path.
pub(crate) fn open_records(path: &Path) -> Result<Box<dyn BufRead + Send>> {
    let mut file: BufReader<File> = BufReader::with_capacity(BUFFER, open_named(path)?);
    let gzip = is_gzip(file.fill_buf()?);
    Ok(if gzip { unpacked(file) } else { Box::new(file) })
}

/// Says what is wrong when the stream is damaged or ends too early.
struct Unpacked<R>(MultiGzDecoder<R>);

impl<R: BufRead> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => io::Error::new(error.kind(), "the compressed data end too early"),
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
                io::Error::new(error.kind(), format!("the compressed data are damaged: {error}"))
            }
            _ => error,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn members_are_read_one_after_another_and_damage_is_named() {
        let both = [packed(b"{\"id\":\"a\"}\n"), packed(b"{\"id\":\"b\"}\n")].concat();
        assert!(is_gzip(&both));
        let read = |bytes: &[u8]| {
            let mut text = String::new();
            unpacked(bytes).read_to_string(&mut text).map(|_| text)
        };
        assert_eq!(read(&both).unwrap(), "{\"id\":\"a\"}\n{\"id\":\"b\"}\n");
        assert!(read(&both[..both.len() - 5]).unwrap_err().to_string().contains("end too early"));
        let mut damaged = both.clone();
        damaged[14] ^= 0xff;
        assert!(read(&damaged).is_err());
    }
}
