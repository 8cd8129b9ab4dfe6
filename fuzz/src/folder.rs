//! Several files in one input, such as a dataset or a model folder.
//!
//! A file begins after a line `%%%% NAME` and ends before the next such line. So seeds stay readable, and a mutation can
//! change one file or the set of files.

use std::fs;
use std::path::{Component, Path, PathBuf};

use tempfile::TempDir;

const MARK: &[u8] = b"%%%% ";

/// A file of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) name: Vec<u8>,
    pub(crate) bytes: Vec<u8>,
}

/// The files of an input; empty if it is a single file.
pub(crate) fn split(data: &[u8]) -> Vec<File> {
    let mut files = Vec::new();
    let Some(mut rest) = data.strip_prefix(MARK) else { return files };
    loop {
        let line = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let (name, body) = (rest[..line].to_vec(), &rest[(line + 1).min(rest.len())..]);
        let next = find(body);
        files.push(File { name, bytes: body[..next.unwrap_or(body.len())].to_vec() });
        match next {
            Some(next) => rest = &body[next + 1 + MARK.len()..],
            None => return files,
        }
    }
}

/// The position of the newline before the next mark.
fn find(body: &[u8]) -> Option<usize> {
    body.windows(1 + MARK.len()).position(|window| window[0] == b'\n' && &window[1..] == MARK)
}

/// Joins files into one input, the inverse of [`split`].
pub(crate) fn join(files: &[File]) -> Vec<u8> {
    let mut data = Vec::new();
    for (index, file) in files.iter().enumerate() {
        if index > 0 {
            data.push(b'\n');
        }
        data.extend_from_slice(MARK);
        data.extend_from_slice(&file.name);
        data.push(b'\n');
        data.extend_from_slice(&file.bytes);
    }
    data
}

/// The bytes of the file `name`, if the input has it.
pub(crate) fn part<'a>(files: &'a [File], name: &str) -> Option<&'a [u8]> {
    files.iter().find(|file| file.name == name.as_bytes()).map(|file| file.bytes.as_slice())
}

/// The files of an input on disk; they are removed on drop.
pub(crate) struct Folder {
    folder: TempDir,
}

impl Folder {
    /// Writes the files of an input, or a single file called `name`. Names that lead out of the folder or that the file
    /// system rejects are skipped.
    pub(crate) fn of(data: &[u8], name: &str) -> Self {
        let folder = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        let files = split(data);
        if files.is_empty() {
            folder.put(name, data);
        }
        for file in files {
            if let Some(name) = inside(&file.name) {
                // If a file and a folder have the same name, the first is kept.
                let path = folder.path().join(name);
                if path.parent().is_some_and(|parent| fs::create_dir_all(parent).is_ok()) {
                    let _ = fs::write(path, file.bytes);
                }
            }
        }
        folder
    }

    /// Writes one more file.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        // The input may have created a folder of this name.
        let _ = path.parent().map(fs::create_dir_all);
        let _ = fs::write(&path, bytes);
        path
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The path as a command-line argument.
    pub(crate) fn arg(&self, name: &str) -> String {
        self.path().join(name).display().to_string()
    }
}

/// The name as a path, if it stays in the folder.
fn inside(name: &[u8]) -> Option<&Path> {
    let path = Path::new(str::from_utf8(name).ok()?);
    let parts = path.components().count();
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    (plain && (1..=8).contains(&parts) && name.len() < 200 && !name.contains(&0)).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitting_reverses_joining() {
        let file = |name: &str, bytes: &[u8]| File { name: name.into(), bytes: bytes.into() };
        let files = [file("a/b.txt", b"one\ntwo\n"), file("c", b""), file("d", b"%%%% no mark\0\xff")];
        assert_eq!(split(&join(&files)), files);
        assert_eq!(split(b"a file\n%%%% x\n"), []);
    }

    #[test]
    fn nothing_is_written_outside_the_folder() {
        let folder = Folder::of(b"%%%% ../x\n1\n%%%% /x\n2\n%%%% a/b\n3\n%%%% a\n4", "");
        assert_eq!(fs::read(folder.path().join("a/b")).expect("it was written"), b"3");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }
}
