//! Writing files whole, and never replacing what is not a file.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use tempfile::Builder;

use super::read::kind;
use super::unfinished::{PREFIX, Unfinished};

/// Writes a file that the user named: under a temporary name in the same folder, renamed once it is completely on disk, so
/// that a killed run leaves the old file or none. Missing folders are created.
///
/// A new file gets the permissions that the umask allows, an existing one keeps its own. A symlink stays, and its target
/// is written. A device or a pipe (`/dev/stdout`, `>(gzip)`) is written to, never replaced.
/// # Errors
/// When the path is a folder, a socket, or a FIFO without a reader, or the file cannot be written: the message names the
/// path. What `write` could not make is its own error.
pub fn write_atomically(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let in_context = || format!("{}: cannot be written", path.display());
    let target = followed(path).with_context(in_context)?;
    match fs::metadata(&target) {
        Ok(found) if found.is_file() => {}
        Ok(found) if found.is_dir() => bail!("{}: cannot be written: is a folder", path.display()),
        Ok(_) => return write_through(&target, write).map_err(|error| error.of_output(in_context)),
        Err(_) => make_folder(folder_of(&target))?,
    }
    let file = Unfinished::beside(&target).with_context(in_context)?;
    let file = filled(file, write).map_err(|error| error.of_output(in_context))?;
    file.as_file().sync_all().with_context(in_context)?;
    file.named().with_context(in_context)?.persist(&target).with_context(in_context)
}

/// Writes the file `name`, a path from a record, in the output folder `folder`: under a temporary name, then renamed.
/// Missing folders are created. It does not wait for the disk, which would take most of the time for the thousands of
/// small files of a dataset.
/// # Errors
/// When `name` leads out of the folder, by `..`, from the root, or through a symlink; when a device, a FIFO or a folder
/// has the name; when the file cannot be written. The message names the path.
pub fn write_inside(folder: &Path, name: &Path, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    put_inside(folder, name, |target| {
        let file = Unfinished::beside(target).map_err(Failed::to_write)?;
        filled(file, write)?.named().map_err(Failed::to_write)
    })
}

/// Like [`write_inside`], for a file that is not written but created, such as a link: `make` gets an unused path in the
/// right folder.
/// # Errors
/// As for [`write_inside`].
pub fn make_inside(folder: &Path, name: &Path, make: impl Fn(&Path) -> io::Result<()>) -> Result<()> {
    put_inside(folder, name, |target| {
        let made = Builder::new().prefix(PREFIX).make_in(folder_of(target), |path| make(path));
        Ok(made.map_err(Failed::to_write)?.into_temp_path())
    })
}

/// Fails immediately where [`write_atomically`] would fail after hours of work.
/// # Errors
/// When the path is a folder, or no file can be created beside it; the message names the path.
pub fn check_writable(path: &Path) -> Result<()> {
    let in_context = || format!("{}: cannot be written", path.display());
    let target = followed(path).with_context(in_context)?;
    match fs::metadata(&target) {
        Ok(found) if found.is_file() => {}
        Ok(found) if found.is_dir() => bail!("{}: cannot be written: is a folder", path.display()),
        Ok(_) => return Ok(()),
        Err(_) => make_folder(folder_of(&target))?,
    }
    Unfinished::beside(&target).map(drop).with_context(in_context)
}

/// The path with its symlinks followed, even if the last leads to a file that does not exist yet.
fn followed(path: &Path) -> Result<PathBuf> {
    // `/dev/stdout` leads to a name such as `pipe:[123]`, which cannot be opened by that name.
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Ok(path.to_owned());
    }
    let mut target = path.to_owned();
    for _ in 0..40 {
        match fs::read_link(&target) {
            Ok(next) => target = folder_of(&target).join(next),
            Err(_) => return Ok(target),
        }
    }
    bail!("symlinks lead in a circle");
}

/// Why a file was not written.
enum Failed {
    /// It cannot be written.
    ToWrite(anyhow::Error),
    /// Its content could not be made.
    ToMake(anyhow::Error),
}

impl Failed {
    fn to_write(error: impl Into<anyhow::Error>) -> Self {
        Self::ToWrite(error.into())
    }

    /// The error, which names the output only if that is to blame.
    fn of_output(self, in_context: impl FnOnce() -> String) -> anyhow::Error {
        match self {
            Self::ToWrite(error) => error.context(in_context()),
            Self::ToMake(error) => error,
        }
    }
}

/// Writes to a device or a pipe, which cannot be replaced.
fn write_through(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<(), Failed> {
    filled(open_for_writing(path).map_err(Failed::ToWrite)?, write).map(drop).map_err(|failed| match failed {
        Failed::ToWrite(error) => {
            // Unlike a reader of stdout, the reader of a path that the user named must get everything.
            let is_gone = |cause: &(dyn std::error::Error + 'static)| {
                cause.downcast_ref::<io::Error>().is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
            };
            let is_gone = error.chain().any(is_gone);
            Failed::ToWrite(if is_gone { anyhow!("the program that reads from it has ended") } else { error })
        }
        failed => failed,
    })
}

#[cfg(unix)]
fn open_for_writing(path: &Path) -> Result<File> {
    use std::os::unix::fs::OpenOptionsExt;

    use rustix::fs::{OFlags, fcntl_setfl};

    // Do not wait for a reader of a FIFO, which may never come; writing then waits for the reader as usual.
    let flags = OFlags::NONBLOCK.bits() as i32;
    let file = File::options().write(true).custom_flags(flags).open(path).map_err(|error| {
        let has_no_reader = error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error());
        if has_no_reader { anyhow!("no program reads from it") } else { error.into() }
    })?;
    fcntl_setfl(&file, OFlags::empty()).map_err(io::Error::from)?;
    Ok(file)
}

#[cfg(not(unix))]
fn open_for_writing(path: &Path) -> Result<File> {
    Ok(File::options().write(true).open(path)?)
}

fn put_inside(
    folder: &Path,
    name: &Path,
    make: impl FnOnce(&Path) -> Result<tempfile::TempPath, Failed>,
) -> Result<()> {
    let target = folder.join(name);
    let in_context = || format!("{}: cannot be written", target.display());
    make_folder(folder)?;
    let mut parts = name.components().peekable();
    let mut reached = folder.to_owned();
    if parts.peek().is_none() {
        bail!("{}: cannot be written: the name is empty", folder.display());
    }
    while let Some(part) = parts.next() {
        let Component::Normal(part) = part else {
            bail!("{}: cannot be written: the name leads out of the folder", target.display());
        };
        reached.push(part);
        let found = fs::symlink_metadata(&reached).ok().map(|found| found.file_type());
        match (found, parts.peek().is_some()) {
            (Some(found), true) if found.is_symlink() => bail!(
                "{}: cannot be written: {} is a symlink, and nothing is written through one inside the output folder",
                target.display(),
                reached.display()
            ),
            (Some(found), true) if !found.is_dir() => {
                bail!("{}: cannot be written: {} is not a folder", target.display(), reached.display())
            }
            (None, true) => make_folder(&reached)?,
            // A symlink of this name is replaced itself; its target is kept.
            (Some(found), false) if !found.is_file() && !found.is_symlink() => {
                bail!("{}: cannot be written: {}", target.display(), kind(found))
            }
            _ => {}
        }
    }
    let made = make(&target).map_err(|error| error.of_output(in_context))?;
    made.persist(&target).with_context(in_context)
}

/// The folder of a file; `.` of a bare name.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn make_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{}: the folder cannot be created", folder.display()))
}

fn filled<W: Write>(file: W, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<W, Failed> {
    let mut output = Watched { file: BufWriter::new(file), has_failed: false };
    let written = write(&mut output);
    match (written, output.has_failed) {
        (Ok(()), _) => output.file.into_inner().map_err(|error| Failed::to_write(error.into_error())),
        (Err(error), true) => Err(Failed::ToWrite(error)),
        (Err(error), false) => Err(Failed::ToMake(error)),
    }
}

/// A writer that remembers that it failed.
struct Watched<W: Write> {
    file: BufWriter<W>,
    has_failed: bool,
}

impl<W: Write> Write for Watched<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).inspect_err(|_| self.has_failed = true)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush().inspect_err(|_| self.has_failed = true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(path: &Path, text: &str) -> Result<()> {
        write_atomically(path, |output| Ok(output.write_all(text.as_bytes())?))
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/model.bin");
        put(&path, "old").unwrap();
        let error = write_atomically(&path, |output| {
            output.write_all(b"half of the n")?;
            bail!("no such record")
        });
        assert_eq!(error.unwrap_err().to_string(), "no such record");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_names_the_output() {
        let error = write_atomically(Path::new("/dev/full"), |output| Ok(output.write_all(&[0; 1 << 20])?));
        assert_eq!(error.unwrap_err().to_string(), "/dev/full: cannot be written");
    }

    #[test]
    fn a_folder_is_rejected_before_any_work() {
        let folder = tempfile::tempdir().unwrap();
        let error = check_writable(folder.path()).unwrap_err().to_string();
        assert!(error.ends_with("cannot be written: is a folder"), "{error}");
        check_writable(&folder.path().join("new/model.bin")).unwrap();
        assert!(!folder.path().join("new/model.bin").exists());
        put(folder.path(), "x").unwrap_err();
    }

    #[test]
    fn a_name_from_a_record_stays_inside() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str| write_inside(folder.path(), Path::new(name), |output| Ok(output.write_all(b"new")?));
        put("a/b.txt").unwrap();
        assert_eq!(fs::read(folder.path().join("a/b.txt")).unwrap(), b"new");
        for name in ["", "..", "../x", "a/../../x", "/x", "a", "a/b.txt/c"] {
            put(name).unwrap_err();
        }
    }

    #[cfg(unix)]
    mod unix {
        use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
        use std::process::Command;

        use super::*;

        #[test]
        fn an_old_file_keeps_its_permissions() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("secret");
            put(&path, "old").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
            put(&path, "new").unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        }

        #[test]
        fn a_link_that_the_user_named_stays_and_its_target_is_written() {
            let folder = tempfile::tempdir().unwrap();
            let at = |name: &str| folder.path().join(name);
            symlink("b", at("a")).unwrap();
            symlink("real", at("b")).unwrap();
            for text in ["first", "second"] {
                put(&at("a"), text).unwrap();
                assert_eq!(fs::read_to_string(at("real")).unwrap(), text);
                assert!(at("a").is_symlink() && at("b").is_symlink());
            }
            symlink("circle", at("circle")).unwrap();
            put(&at("circle"), "x").unwrap_err();
        }

        #[test]
        fn devices_and_pipes_are_written_to_and_stay() {
            put(Path::new("/dev/null"), "x").unwrap();
            assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
            let folder = tempfile::tempdir().unwrap();
            let fifo = folder.path().join("fifo");
            assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
            let error = format!("{:#}", put(&fifo, "x").unwrap_err());
            assert!(error.contains("no program reads from it"), "{error}");
            let reader = {
                let fifo = fifo.clone();
                std::thread::spawn(move || fs::read_to_string(fifo).unwrap())
            };
            let text = "x".repeat(1 << 17);
            while put(&fifo, &text).is_err() {
                std::thread::yield_now();
            }
            assert_eq!(reader.join().unwrap(), text);
            assert!(fs::metadata(&fifo).unwrap().file_type().is_fifo());
        }

        #[test]
        fn nothing_is_written_through_a_link_inside_the_output_folder() {
            let folder = tempfile::tempdir().unwrap();
            let (out, home) = (folder.path().join("out"), folder.path().join("home"));
            fs::create_dir_all(&out).unwrap();
            fs::create_dir_all(&home).unwrap();
            fs::write(home.join("file"), "mine").unwrap();
            symlink(&home, out.join("way")).unwrap();
            symlink(home.join("file"), out.join("leaf")).unwrap();
            let put = |name: &str| write_inside(&out, Path::new(name), |output| Ok(output.write_all(b"new")?));
            let error = put("way/file").unwrap_err().to_string();
            assert!(error.contains("is a symlink"), "{error}");
            put("leaf").unwrap();
            assert_eq!(fs::read(home.join("file")).unwrap(), b"mine");
            assert_eq!(fs::read(out.join("leaf")).unwrap(), b"new");
            make_inside(&out, Path::new("leaf"), |path| symlink(home.join("file"), path)).unwrap();
            assert!(out.join("leaf").is_symlink());
        }
    }
}
