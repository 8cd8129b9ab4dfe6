//! The class names of a network, which are in none of its files: darknet reads them from a `.names` file.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use dl_vision::labels::builtin;

use crate::checkpoint::printable;
use crate::file::labels_beside;

/// The class names of the weights at `path`, and a note where they come from if that is a guess. `stated`: the `.cfg`'s
/// `names=`.
///
/// They are in the stated file or in NAME.names, beside the weights. Without them, 80 classes are taken for COCO's and
/// 20 for VOC's.
/// # Errors
/// When a file cannot be read, or has another number of names.
pub(super) fn labels_of(path: &Path, stated: Option<&str>, classes: usize) -> Result<(Vec<String>, Option<String>)> {
    let folder = path.parent().unwrap_or(Path::new(""));
    // A path such as data/coco.names is that of the program that wrote it.
    let stated = stated.and_then(|names| names.rsplit(['/', '\\']).next()).map(str::to_owned);
    let own = path.with_extension("names").file_name().and_then(|name| name.to_str()).map(str::to_owned);
    let names: Vec<String> = [stated, own].into_iter().flatten().collect();
    if let Some(name) = names.iter().find(|name| !name.is_empty() && folder.join(name).exists()) {
        let of_file = || format!("its class names {}", printable(name));
        let labels = labels_beside(folder, name).with_context(of_file)?;
        let found = labels.len();
        ensure!(found == classes, "its class names {} are {found}, for {classes} classes", printable(name));
        return Ok((labels, None));
    }
    let missing = names.last().map_or(".names", String::as_str);
    let guessed = match classes {
        80 => Some(("COCO", "coco")),
        20 => Some(("Pascal VOC", "voc")),
        _ => None,
    };
    if let Some((dataset, labels)) = guessed.and_then(|(dataset, name)| Some((dataset, builtin(name)?))) {
        let note =
            format!("the {classes} classes are taken for those of {dataset}: {missing} does not exist beside it");
        return Ok((labels, Some(note)));
    }
    let numbers = (0..classes).map(|class| class.to_string()).collect();
    Ok((numbers, Some(format!("classes are named by their numbers: {missing} does not exist beside it"))))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn names_are_read_beside_the_weights_or_guessed_with_a_note() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("net.weights");
        let (labels, note) = labels_of(&path, None, 80).unwrap();
        assert!(labels[0] == "person" && note.unwrap().contains("COCO: net.names does not exist"), "{labels:?}");
        assert_eq!(labels_of(&path, None, 20).unwrap().0[0], "aeroplane");
        let (labels, note) = labels_of(&path, None, 3).unwrap();
        assert!(labels == ["0", "1", "2"] && note.unwrap().contains("numbers"));
        fs::write(path.with_extension("names"), "a\nb\nc\n").unwrap();
        assert_eq!(labels_of(&path, None, 3).unwrap(), (vec!["a".into(), "b".into(), "c".into()], None));
        let error = labels_of(&path, None, 4).unwrap_err().to_string();
        assert_eq!(error, "its class names net.names are 3, for 4 classes");
        fs::write(folder.path().join("other.names"), "x\ny\nz\n").unwrap();
        assert_eq!(labels_of(&path, Some("data/other.names"), 3).unwrap().0, ["x", "y", "z"]);
        assert_eq!(labels_of(&path, Some("data/none.names"), 3).unwrap().0, ["a", "b", "c"]);
    }
}
