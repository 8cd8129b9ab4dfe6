//! Reading files up to a size limit.

use std::fs::{self, File, FileType};
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Result, anyhow, bail};

use super::decode;

/// The maximum size in bytes of a list of names, the annotations of one image, or a config.
pub const MOST_LIST_BYTES: u64 = 64 << 20;

/// Opens a file whose path is untrusted.
/// # Errors
/// When it does not exist, cannot be opened, or is a folder, a device, a FIFO or a socket. The message gives the reason, without the path.
pub fn open_regular(path: &Path) -> Result<File> {
    // The kind first: opening a FIFO waits for a writer.
    let found = fs::metadata(path).map_err(why)?.file_type();
    if !found.is_file() {
        bail!("{}, not a file", kind(found));
    }
    File::open(path).map_err(why)
}

/// Reads a file of at most `most` bytes whose path is untrusted.
/// # Errors
/// As for [`open_regular`], and when the file is larger.
pub fn read_regular(path: &Path, most: u64) -> Result<Vec<u8>> {
    let file = open_regular(path)?;
    let length = file.metadata().map_err(why)?.len();
    if length > most {
        bail!("is larger than {}", size(most));
    }
    bounded(file, length, most)
}

/// Reads a file of at most `most` bytes that the user named; it may be a pipe.
/// # Errors
/// When it does not exist, cannot be read, is a folder, or is larger. The message gives the reason, without the path.
pub fn read_named(path: &Path, most: u64) -> Result<Vec<u8>> {
    let file = open_named(path)?;
    let length = file.metadata().map_err(why)?.len();
    bounded(file, length.min(most), most)
}

/// Opens a file that the user named; it may be a pipe.
/// # Errors
/// When it does not exist, cannot be read, or is a folder. The message gives the reason, without the path.
pub fn open_named(path: &Path) -> Result<File> {
    if path.is_dir() {
        bail!("is a folder, not a file");
    }
    File::open(path).map_err(why)
}

/// Reads a text that the user named, see [`decode`](super::decode()).
/// # Errors
/// As for [`read_named`], and when it is not text. The message names the path.
pub fn read_text(path: &Path, most: u64) -> Result<String> {
    let text = read_named(path, most).and_then(decode::decode);
    text.map_err(|error| error.context(path.display().to_string()))
}

/// Reads a list of names, one per line, without surrounding whitespace and without blank lines at the end. Any other blank
/// line is an empty name, since line numbers may matter.
/// # Errors
/// As for [`read_text`].
pub fn read_list(path: &Path) -> Result<Vec<String>> {
    Ok(decode::lines(&read_text(path, MOST_LIST_BYTES)?))
}

/// Whether two paths lead to the same existing file.
pub fn is_same(a: &Path, b: &Path) -> bool {
    match (fs::metadata(a), fs::metadata(b)) {
        #[cfg(unix)]
        (Ok(a), Ok(b)) => {
            use std::os::unix::fs::MetadataExt;
            (a.dev(), a.ino()) == (b.dev(), b.ino())
        }
        #[cfg(not(unix))]
        (Ok(_), Ok(_)) => a.canonicalize().ok().is_some_and(|a| b.canonicalize().is_ok_and(|b| a == b)),
        _ => false,
    }
}

fn bounded(file: File, expected: u64, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(expected)? + 1);
    file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(why)?;
    if bytes.len() as u64 > most {
        bail!("is larger than {}", size(most));
    }
    Ok(bytes)
}

fn why(error: io::Error) -> anyhow::Error {
    match error.kind() {
        // Keeps the kind, so that a caller can distinguish a missing file from a broken one.
        io::ErrorKind::NotFound => io::Error::new(error.kind(), "no such file").into(),
        io::ErrorKind::IsADirectory => anyhow!("is a folder, not a file"),
        _ => anyhow::Error::new(error).context("cannot be read"),
    }
}

pub(super) fn kind(found: FileType) -> &'static str {
    if found.is_dir() {
        return "is a folder";
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if found.is_fifo() {
            return "is a FIFO";
        }
        if found.is_socket() {
            return "is a socket";
        }
    }
    "is a device"
}

fn size(bytes: u64) -> String {
    if bytes >= 1 << 20 { format!("{} MiB", bytes >> 20) } else { format!("{bytes} bytes") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_regular_file_within_the_limit_is_read_from_an_untrusted_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        fs::write(&path, "12345").unwrap();
        assert_eq!(read_regular(&path, 5).unwrap(), b"12345");
        let error = |path: &Path, most| read_regular(path, most).unwrap_err().to_string();
        assert_eq!(error(&path, 4), "is larger than 4 bytes");
        assert_eq!(error(folder.path(), 4), "is a folder, not a file");
        assert_eq!(error(&folder.path().join("none"), 4), "no such file");
        #[cfg(unix)]
        assert_eq!(error(Path::new("/dev/zero"), 4), "is a device, not a file");
    }

    #[cfg(unix)]
    #[test]
    fn a_device_that_the_user_named_is_read_up_to_the_limit() {
        assert_eq!(read_named(Path::new("/dev/null"), 4).unwrap(), b"");
        assert_eq!(read_named(Path::new("/dev/zero"), 4).unwrap_err().to_string(), "is larger than 4 bytes");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_and_its_target_are_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("a"), "").unwrap();
        fs::write(at("b"), "").unwrap();
        std::os::unix::fs::symlink(at("a"), at("link")).unwrap();
        assert!(is_same(&at("a"), &at("link")));
        assert!(!is_same(&at("a"), &at("b")) && !is_same(&at("none"), &at("none")));
    }
}
