//! The file name of an image that a program writes for a record, from the record's id.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use anyhow::{Result, bail};

/// The most bytes of a part of a name: file systems allow 255, and an extension and a number must fit.
const MOST_BYTES: usize = 200;

/// Names in use, with the number of files with each.
#[derive(Default)]
pub(crate) struct FileNames(HashMap<PathBuf, usize>);

impl FileNames {
    /// The name of a file inside the output folder, and whether a number was added because the name was in use.
    /// # Errors
    /// When the id cannot be a file name.
    pub(crate) fn take(&mut self, id: &str, endings: &[&str]) -> Result<(PathBuf, bool)> {
        let base = name(id, endings)?;
        if !self.0.contains_key(&base) {
            self.0.insert(base.clone(), 1);
            return Ok((base, false));
        }
        loop {
            let files = self.0.entry(base.clone()).or_default();
            *files += 1;
            let other = numbered(&base, *files);
            if !self.0.contains_key(&other) {
                self.0.insert(other.clone(), 1);
                return Ok((other, true));
            }
        }
    }
}

/// `a/b.jpg` -> `a/b-2.jpg`
fn numbered(name: &Path, number: usize) -> PathBuf {
    let [stem, ending] = [name.file_stem(), name.extension()].map(|part| part.unwrap_or_default().to_string_lossy());
    name.with_file_name(format!("{stem}-{number}.{ending}"))
}

/// The id as a name inside a folder, with one of the extensions.
fn name(id: &str, endings: &[&str]) -> Result<PathBuf> {
    // A data: URI as an id is too long for a file name.
    if id.len() > 1000 || id.starts_with("data:") {
        bail!("the record's id cannot be a file name; give it a short one");
    }
    let part = |component: Component| match component {
        Component::Normal(part) => Some(tame(&part.to_string_lossy())),
        Component::ParentDir => Some("up".to_owned()),
        _ => None,
    };
    let mut parts: Vec<String> = Path::new(id).components().filter_map(part).collect();
    let Some(last) = parts.last_mut() else { bail!("the record's id \"{id}\" cannot be a file name") };
    let ending = Path::new(last.as_str()).extension();
    if !ending.is_some_and(|found| endings.iter().any(|known| found.eq_ignore_ascii_case(known))) {
        last.push('.');
        last.push_str(endings[0]);
    }
    Ok(parts.iter().collect())
}

/// Without control characters, and not longer than a file system takes.
fn tame(part: &str) -> String {
    let mut tame: String = part.chars().map(|letter| if letter.is_control() { '_' } else { letter }).collect();
    if tame.len() > MOST_BYTES {
        let end = (0..=MOST_BYTES).rev().find(|end| tame.is_char_boundary(*end));
        tame.truncate(end.unwrap_or(0));
    }
    tame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_files_never_have_one_name() {
        let mut names = FileNames::default();
        let mut take = |id: &str| names.take(id, &["jpg", "jpeg"]).map(|(path, _)| path.display().to_string());
        let expected = [
            ("a.jpg", "a.jpg"),
            ("a", "a-2.jpg"),
            ("a.png", "a.png.jpg"),
            ("a", "a-3.jpg"),
            ("a-2", "a-2-2.jpg"),
            ("x/../y", "x/up/y.jpg"),
            ("/x/up/y.jpg", "x/up/y-2.jpg"),
            ("b\u{1b}[2J\n", "b_[2J_.jpg"),
        ];
        for (id, name) in expected {
            assert_eq!(take(id).unwrap(), name);
        }
        for id in ["", "/", ".", "data:image/png;base64,"] {
            take(id).unwrap_err();
        }
    }

    #[test]
    fn a_long_name_is_shortened_to_one_that_can_be_written() {
        let mut names = FileNames::default();
        for number in 0..3 {
            let (path, renamed) = names.take(&"é".repeat(400), &["jpg"]).unwrap();
            assert!(path.as_os_str().len() < 255 && renamed == (number > 0), "{}", path.display());
        }
    }
}
