//! Files below a folder, in the same order on every machine.

use std::ffi::OsStr;
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use super::walk::Walk;

/// File extensions of the images to find in a folder.
pub const IMAGE_ENDINGS: [&str; 16] = [
    "jpg", "jpeg", "png", "jpe", "jfif", "bmp", "dib", "gif", "tif", "tiff", "webp", "ppm", "pgm", "pbm", "pnm", "pam",
];

/// Does the path have one of these extensions, in upper or lower case?
pub fn has_ending(path: &Path, endings: &[&str]) -> bool {
    path.extension().is_some_and(|found| endings.iter().any(|ending| found.eq_ignore_ascii_case(ending)))
}

/// `name` without its image extension, if it has one.
pub(super) fn without_image_ending(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, ending)) if IMAGE_ENDINGS.iter().any(|known| known.eq_ignore_ascii_case(ending)) => stem,
        _ => name,
    }
}

/// Fails with a message for the user unless `path` is a folder.
pub(super) fn require_folder(path: &Path) -> Result<()> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => bail!("{}: is a file, not a folder", path.display()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => bail!("{}: no such folder", path.display()),
        Err(error) => Err(anyhow!("{}: {error}", path.display())),
    }
}

/// All files below `folder` with one of these extensions; see [`Walk`].
pub(super) fn below(folder: &Path, endings: &'static [&'static str]) -> impl Iterator<Item = Result<PathBuf>> + use<> {
    let found = Walk::new(folder, endings);
    found.map(|found| found.map_err(|unusable| anyhow!("{}: {}", unusable.path, unusable.reason)))
}

/// The entries of a folder, sorted by name in reverse.
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

/// The path below `folder`, with `/` as separator, as in an id.
/// # Errors
/// When the path is not Unicode.
pub(super) fn relative(path: &Path, folder: &Path) -> Result<String> {
    let parts = path.strip_prefix(folder).unwrap_or(path).iter();
    let parts = parts.map(OsStr::to_str).collect::<Option<Vec<_>>>();
    Ok(parts.ok_or_else(|| not_unicode(path))?.join("/"))
}

/// The path as text, as in a record.
/// # Errors
/// When the path is not Unicode.
pub(super) fn as_text(path: &Path) -> Result<String> {
    path.to_str().map(str::to_owned).ok_or_else(|| not_unicode(path))
}

fn not_unicode(path: &Path) -> anyhow::Error {
    anyhow!("{}: the name is not Unicode and cannot be stored in a record; rename the file", escaped(path))
}

/// The path as text that is unique for every path: bytes that are not Unicode are written `\xff`.
pub fn escaped(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    text
}

/// The last component of a path of any system: annotation programs on Windows write `C:\\images\\a.jpg`.
pub(super) fn last_part(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// The existing file that an annotation names: its path below one of `folders`, else its last component there. A path
/// that leads out of a folder is looked up only by its last component.
pub(super) fn find_named(folders: &[PathBuf], stated: &str) -> Option<PathBuf> {
    let stated = stated.replace('\\', "/");
    let names = [stays_inside(&stated).then_some(stated.as_str()), Some(last_part(&stated))];
    let names = names.into_iter().flatten().filter(|name| !name.is_empty());
    names.flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|path| path.is_file())
}

/// Does the path stay inside the folder that it is joined to?
pub(super) fn stays_inside(path: &str) -> bool {
    Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

/// The image at `stem`, a path without extension.
pub(super) fn image_at(stem: &Path) -> Option<PathBuf> {
    let at = |ending: &str| {
        let mut path = stem.as_os_str().to_owned();
        path.push(".");
        path.push(ending);
        PathBuf::from(path)
    };
    let cases = |ending: &str| [ending.to_owned(), ending.to_uppercase(), ending[..1].to_uppercase() + &ending[1..]];
    IMAGE_ENDINGS.iter().flat_map(|ending| cases(ending)).map(|ending| at(&ending)).find(|path| path.is_file())
}

/// The path without its last extension: `a.b` for `a.b.xml`.
pub(super) fn without_ending(path: &Path) -> PathBuf {
    path.file_stem().map_or_else(|| path.to_owned(), |stem| path.with_file_name(stem))
}
