//! How many records the inputs hold, for the progress display.

use std::fs::File;
use std::path::Path;

use dl_vision::formats::{IMAGE_ENDINGS, Walk};

use super::glob::Matches;
use super::kind::{Kind, is_glob};
use crate::common::gzip::is_gzip;

/// How much of a file is read to count its lines; longer files are estimated from that.
const MOST_READ: u64 = 256 << 20;

/// A function that counts the records of `inputs`, which may take a while. It returns none if an input is a pipe.
pub(super) fn counter(inputs: &[String]) -> impl FnOnce() -> Option<u64> + Send + 'static {
    let inputs = inputs.to_vec();
    let stdin = stdin();
    move || {
        let stdin = stdin.as_ref().and_then(|(file, start)| lines(file, *start));
        if inputs.is_empty() {
            return stdin;
        }
        inputs.iter().map(|input| if input == "-" { stdin } else { records(input) }).sum()
    }
}

/// stdin, if it is a file, and where it is about to be read.
fn stdin() -> Option<(File, u64)> {
    #[cfg(unix)]
    {
        use std::io::Seek;
        use std::os::fd::AsFd;

        let mut file = File::from(std::io::stdin().as_fd().try_clone_to_owned().ok()?);
        let start = file.stream_position().ok()?;
        Some((file, start))
    }
    #[cfg(not(unix))]
    None
}

fn records(input: &str) -> Option<u64> {
    if !is_glob(input) {
        return records_at(Path::new(input));
    }
    Matches::new(input).ok()?.map(|found| found.map_or(Some(1), |path| records_at(&path))).sum()
}

fn records_at(path: &Path) -> Option<u64> {
    match Kind::of(path) {
        Kind::Folder => Some(Walk::new(path, &IMAGE_ENDINGS).count() as u64),
        // Opening a named pipe would wait for its writer.
        Kind::Records => path.is_file().then(|| lines(&File::open(path).ok()?, 0))?,
        Kind::Image => Some(1),
    }
}

/// The lines of a file from `start` on. Its position is left alone: stdin's is shared.
#[cfg(unix)]
fn lines(file: &File, start: u64) -> Option<u64> {
    use std::os::unix::fs::FileExt;

    let stat = file.metadata().ok().filter(|stat| stat.is_file())?;
    let size = stat.len().saturating_sub(start);
    let mut buffer = vec![0; 1 << 18];
    let (mut read, mut lines, mut last) = (0, 0_u64, b'\n');
    while read < MOST_READ {
        let count = file.read_at(&mut buffer, start + read).ok()?;
        if read == 0 && is_gzip(&buffer[..count]) {
            return None;
        }
        let Some(end) = buffer[..count].last() else { return Some(lines + u64::from(last != b'\n')) };
        last = *end;
        lines += buffer[..count].iter().filter(|byte| **byte == b'\n').count() as u64;
        read += count as u64;
    }
    Some((lines as f64 * (size as f64 / read as f64)).round().max(lines as f64) as u64)
}

#[cfg(not(unix))]
fn lines(_: &File, _: u64) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn images_and_lines_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        fs::create_dir(at("images")).unwrap();
        for name in ["images/a.png", "images/b.jpg", "images/c.txt"] {
            fs::write(at(name), "").unwrap();
        }
        fs::write(at("a.jsonl"), "{}\n{}\n{}").unwrap();
        let count = |inputs: &[&str]| counter(&inputs.iter().map(|name| at(name)).collect::<Vec<_>>())();
        assert_eq!(count(&["images", "a.jsonl", "images/a.png"]), Some(2 + 3 + 1));
        assert_eq!(count(&["images/*"]), Some(3));
        assert_eq!(count(&["*"]), Some(2 + 3));
        assert_eq!(count(&["none.jsonl", "images"]), None);
    }
}
