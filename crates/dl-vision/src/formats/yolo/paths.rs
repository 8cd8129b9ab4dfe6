//! Finds the paths that descriptions and lists of a dataset name, only inside its folder.

use std::path::{Component, Path, PathBuf};

use crate::formats::files::stays_inside;

/// Longer than any file system allows.
const MOST_BYTES: usize = 4096;

/// Finds `path` below `folder`. Datasets get moved: their files name `../train/images`, `/content/set/images/a.jpg` or
/// `C:\set\images\a.jpg` for what is now below the folder, so leading components are dropped until the path exists. A
/// path that exists outside of the folder gives `None`.
pub(super) fn inside(folder: &Path, path: &str) -> Option<PathBuf> {
    if path.len() > MOST_BYTES || path.contains('\0') {
        return None;
    }
    let path = path.trim().replace('\\', "/");
    if leads_out(folder, Path::new(&path)) {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    // `C:` would be absolute on Windows.
    parts.retain(|part| stays_inside(part));
    if parts.is_empty() {
        return Some(folder.to_owned());
    }
    (0..parts.len()).map(|start| folder.join(parts[start..].join("/"))).find(|path| path.exists())
}

/// Whether the folder has an entry of this name, even a dangling link: reading it then reports what is wrong.
pub(super) fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Whether the path exists outside of the folder. A link inside of the folder is inside, wherever it leads.
fn leads_out(folder: &Path, path: &Path) -> bool {
    let target = folder.join(path);
    let around = target.parent().and_then(|around| around.canonicalize().ok());
    let out = around.is_some_and(|around| folder.canonicalize().is_ok_and(|folder| !around.starts_with(folder)));
    // The folder itself is not outside, although its parent is.
    out && target.exists() && !path.components().all(|part| part == Component::CurDir)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_path_is_found_inside_the_folder_or_not_at_all() {
        let base = tempfile::tempdir().unwrap();
        let folder = base.path().join("set");
        fs::create_dir_all(folder.join("train/images")).unwrap();
        fs::write(folder.join("train/images/a.jpg"), "").unwrap();
        fs::write(base.path().join("a.jpg"), "").unwrap();
        fs::write(folder.join("a.jpg"), "").unwrap();
        let found = |path: &str| inside(&folder, path).map(|found| found.strip_prefix(&folder).unwrap().to_owned());
        for path in [
            "train/images",
            "../train/images",
            "/content/x/train/images",
            "D:\\sets\\x\\train\\images",
            "./train/images/",
        ] {
            assert_eq!(found(path).as_deref(), Some(Path::new("train/images")), "{path}");
        }
        assert_eq!(found("data/train/../train/images/a.jpg").as_deref(), Some(Path::new("train/images/a.jpg")));
        assert_eq!(found(".").as_deref(), Some(Path::new("")));
        for path in ["../a.jpg", "/etc/passwd", "none.jpg", &"x/".repeat(1_000_000), "a\0b"] {
            assert_eq!(found(path), None);
        }
    }
}
