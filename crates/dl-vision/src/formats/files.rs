//! Files below a folder, in an order that is the same on every machine.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

/// File name endings by which pictures are found in a folder.
pub const PICTURE_ENDINGS: [&str; 11] =
    ["jpg", "jpeg", "png", "bmp", "gif", "tif", "tiff", "webp", "ppm", "pgm", "pbm"];

/// Has the path one of these endings, in upper or lower case?
pub(super) fn has_ending(path: &Path, endings: &[&str]) -> bool {
    path.extension().is_some_and(|found| endings.iter().any(|ending| found.eq_ignore_ascii_case(ending)))
}

/// `name` without the ending of a picture, if it has one.
pub(super) fn without_picture_ending(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, ending)) if PICTURE_ENDINGS.iter().any(|known| known.eq_ignore_ascii_case(ending)) => stem,
        _ => name,
    }
}

/// Fails, in words for the user, unless `path` is a folder.
pub(super) fn want_folder(path: &Path) -> Result<()> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => bail!("{}: is a file, not a folder", path.display()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => bail!("{}: no such folder", path.display()),
        Err(error) => Err(anyhow!("{}: {error}", path.display())),
    }
}

/// All files below `folder` with one of these endings, sorted folder by folder. Names that begin with a dot are skipped. Only
/// the folders on the way to the current file are held in memory.
pub(super) fn below(folder: &Path, endings: &'static [&'static str]) -> impl Iterator<Item = Result<PathBuf>> + use<> {
    let mut open = vec![vec![folder.to_owned()]];
    std::iter::from_fn(move || {
        loop {
            let Some(path) = open.last_mut()?.pop() else {
                open.pop();
                continue;
            };
            if path.is_dir() {
                match entries(&path) {
                    Ok(entries) => open.push(entries),
                    Err(error) => return Some(Err(error)),
                }
            } else if has_ending(&path, endings) {
                return Some(Ok(path));
            }
        }
    })
}

/// The entries of a folder, last name first.
pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let in_context = || format!("{}: cannot be read", folder.display());
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).with_context(in_context)? {
        let path = entry.with_context(in_context)?.path();
        if !path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
            entries.push(path);
        }
    }
    entries.sort_by(|a, b| b.cmp(a));
    Ok(entries)
}

/// The path below `folder`, with `/` between its parts, as an id is written.
/// # Errors
/// When the path is not Unicode.
pub(super) fn relative(path: &Path, folder: &Path) -> Result<String> {
    let parts = path.strip_prefix(folder).unwrap_or(path).iter();
    let parts = parts.map(OsStr::to_str).collect::<Option<Vec<_>>>();
    Ok(parts.ok_or_else(|| not_unicode(path))?.join("/"))
}

/// The path as text, as a record holds it.
/// # Errors
/// When the path is not Unicode.
pub(super) fn as_text(path: &Path) -> Result<String> {
    path.to_str().map(str::to_owned).ok_or_else(|| not_unicode(path))
}

fn not_unicode(path: &Path) -> anyhow::Error {
    anyhow!("{}: the name is not Unicode, which a record is; rename the file", path.display())
}
