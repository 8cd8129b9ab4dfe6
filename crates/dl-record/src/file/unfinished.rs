//! A file that is being written.

use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use tempfile::{Builder, NamedTempFile, TempPath};

use super::write::folder_of;

/// The prefix of the names of unfinished files.
pub(super) const PREFIX: &str = ".dl-";

/// A new file. Where the system can, it has no name until it is complete, so that a killed program leaves nothing behind.
pub(super) enum Unfinished {
    /// In this folder.
    Nameless(File, PathBuf),
    Named(NamedTempFile),
}

impl Unfinished {
    /// A file in the folder of `target`, with the permissions of the target or, without one, of a new file.
    pub(super) fn beside(target: &Path) -> Result<Self> {
        let folder = folder_of(target);
        let file = match nameless(folder) {
            Some(file) => Self::Nameless(file, folder.to_owned()),
            None => Self::Named(with_name(folder)?),
        };
        if let Ok(found) = fs::symlink_metadata(target)
            && found.is_file()
        {
            file.as_file().set_permissions(found.permissions())?;
        }
        Ok(file)
    }

    pub(super) fn as_file(&self) -> &File {
        match self {
            Self::Nameless(file, _) => file,
            Self::Named(file) => file.as_file(),
        }
    }

    /// The complete file under a temporary name.
    pub(super) fn named(self) -> io::Result<TempPath> {
        let (mut file, folder) = match self {
            Self::Named(file) => return Ok(file.into_temp_path()),
            Self::Nameless(file, folder) => (file, folder),
        };
        if let Ok(linked) = Builder::new().prefix(PREFIX).make_in(&folder, |path| link(&file, path)) {
            return Ok(linked.into_temp_path());
        }
        // The system does not name it (without /proc, for example).
        let mut copy = with_name(&folder)?;
        copy.as_file().set_permissions(file.metadata()?.permissions())?;
        file.rewind()?;
        io::copy(&mut file, &mut copy)?;
        Ok(copy.into_temp_path())
    }
}

impl Write for Unfinished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Nameless(file, _) => file.write(bytes),
            Self::Named(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Nameless(file, _) => file.flush(),
            Self::Named(file) => file.flush(),
        }
    }
}

fn with_name(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(PREFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The system applies the umask.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// A file without a name; `None` where the system or the file system has none.
#[cfg(target_os = "linux")]
fn nameless(folder: &Path) -> Option<File> {
    use rustix::fs::{Mode, OFlags, open};
    // The system applies the umask.
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    open(folder, flags, Mode::from_raw_mode(0o666)).ok().map(File::from)
}

#[cfg(not(target_os = "linux"))]
fn nameless(_: &Path) -> Option<File> {
    None
}

/// Gives a file without a name this one.
#[cfg(target_os = "linux")]
fn link(file: &File, path: &Path) -> io::Result<()> {
    use std::os::fd::AsRawFd;

    use rustix::fs::{AtFlags, CWD, linkat};
    let own = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(linkat(CWD, own, CWD, path, AtFlags::SYMLINK_FOLLOW)?)
}

#[cfg(not(target_os = "linux"))]
fn link(_: &File, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::super::write_atomically;
    use super::*;

    #[test]
    fn a_file_has_no_name_until_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        // Not every file system has files without names.
        if nameless(folder.path()).is_none() {
            return;
        }
        let names = || fs::read_dir(folder.path()).unwrap().count();
        let path = folder.path().join("a.txt");
        for text in ["first", "second"] {
            let before = names();
            write_atomically(&path, |output| {
                output.write_all(text.as_bytes())?;
                assert_eq!(names(), before);
                Ok(())
            })
            .unwrap();
            assert_eq!((fs::read_to_string(&path).unwrap().as_str(), names()), (text, 1));
        }
    }

    #[test]
    fn a_file_that_always_had_a_name_is_written_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = Unfinished::Named(with_name(folder.path()).unwrap());
        file.write_all(b"text").unwrap();
        file.flush().unwrap();
        file.named().unwrap().persist(folder.path().join("b.txt")).unwrap();
        assert_eq!(fs::read(folder.path().join("b.txt")).unwrap(), b"text");
    }
}
