//! No half files.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

/// Writes a file under a temporary name in the same folder and renames it when all of it is on disk: a run that is
/// killed leaves the old file, or none. Missing folders are made.
/// # Errors
/// When `write` fails, or the file cannot be written; the message names the path.
pub fn write_atomically(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).with_context(|| format!("{}: cannot make the folder", folder.display()))?;
    let in_context = || format!("{}: cannot be written", path.display());
    let file = NamedTempFile::new_in(folder).with_context(in_context)?;
    let mut output = BufWriter::new(file);
    write(&mut output).with_context(in_context)?;
    let file = output.into_inner().map_err(|error| error.into_error()).with_context(in_context)?;
    share(file.as_file()).with_context(in_context)?;
    file.as_file().sync_all().with_context(in_context)?;
    file.persist(path).with_context(in_context)?;
    Ok(())
}

/// Temporary files are born private; a result is as readable as any file.
#[cfg(unix)]
fn share(file: &fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn share(_: &fs::File) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/model.bin");
        write_atomically(&path, |output| Ok(output.write_all(b"old")?)).unwrap();
        write_atomically(&path, |output| {
            output.write_all(b"half of the n")?;
            anyhow::bail!("disk full")
        })
        .unwrap_err();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
