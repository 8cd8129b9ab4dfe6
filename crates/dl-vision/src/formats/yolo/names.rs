//! Reads what a YOLO folder says about itself: the class names and the splits.
//!
//! `data.yaml` is written for Ultralytics' programs, `obj.data` with `obj.names` for darknet, `classes.txt` by
//! labelImg, `notes.json` by Label Studio. The first one that exists is used; if it cannot be read, that is an error,
//! because the names in another file may be in another order.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use dl_record::file::{decode, lines, read_regular};
use serde::Deserialize;

use super::line::Keypoints;
use super::paths::{exists, inside};
use super::yaml::{self, Document, Value};
use crate::formats::files::{entries, has_ending};

/// YAML files to look for first; others with `names` come next.
const YAML_FILES: [&str; 4] = ["data.yaml", "data.yml", "dataset.yaml", "dataset.yml"];

/// Lists of names, one per line.
const LISTS: [&str; 4] = ["classes.txt", "obj.names", "predefined_classes.txt", "_darknet.labels"];

/// Keys of a `data.yaml` that are not splits.
pub(super) const NO_SPLITS: [&str; 9] =
    ["names", "nc", "path", "download", "kpt_shape", "kpt_names", "flip_idx", "roboflow", "channels"];

/// What a folder says about itself.
#[derive(Debug, Default)]
pub(super) struct Description {
    /// The class names in order, empty for a class without a name; `None` if no file names the classes.
    pub(super) names: Option<Vec<String>>,
    /// The keypoints that follow a box.
    pub(super) keypoints: Option<Keypoints>,
    /// Splits with their folders and lists, as written.
    pub(super) splits: Vec<(String, Vec<String>)>,
    /// Notes for the user.
    pub(super) notes: Vec<String>,
}

/// Reads what the folder says about itself. Names given by the user take precedence.
/// # Errors
/// When a file cannot be read; the message names it.
pub(super) fn describe(folder: &Path, given: &[String]) -> Result<Description> {
    let mut description = Description::default();
    let mut taken: Option<(PathBuf, Vec<String>)> = None;
    let below = entries(folder)?;
    let yamls = yaml_files(folder, &below);
    for path in &yamls {
        match in_yaml(folder, path) {
            // Without names it may belong to another program, or list only the splits.
            Ok(mut found) if found.names.is_some() || YAML_FILES.iter().any(|name| path.ends_with(name)) => {
                found.notes.splice(0..0, description.notes);
                description = found;
                if let Some(names) = description.names.take() {
                    taken = Some((path.clone(), names));
                    break;
                }
            }
            Ok(_) => {}
            Err(error) if !given.is_empty() => {
                description.notes.push(format!("{}: {error:#}; ignored", path.display()));
            }
            Err(error) => return Err(error.context(path.display().to_string())),
        }
    }
    for path in below.iter().rev().filter(|path| has_ending(path, &["data"])) {
        let splits = match darknet_data(path) {
            Ok(splits) => splits,
            Err(error) if taken.is_none() && given.is_empty() && path.ends_with("obj.data") => {
                return Err(error.context(path.display().to_string()));
            }
            // Many programs name their files this way.
            Err(_) => continue,
        };
        let names = splits.iter().find(|(key, _)| key == "names").and_then(|(_, names)| inside(folder, names.first()?));
        if description.splits.is_empty() {
            description.splits = splits.into_iter().filter(|(key, _)| key != "names").collect();
        }
        if let Some(names) = names {
            compare(&mut description, &mut taken, given, &names, in_list(&names))?;
        }
    }
    for path in lists(folder, &below) {
        let names = if has_ending(&path, &["json"]) { in_notes(&path) } else { in_list(&path) };
        compare(&mut description, &mut taken, given, &path, names)?;
    }
    description.names = if given.is_empty() { taken.map(|(_, names)| names) } else { Some(given.to_vec()) };
    Ok(description)
}

/// Uses the names of a source, or compares them with those that are already known.
fn compare(
    description: &mut Description,
    taken: &mut Option<(PathBuf, Vec<String>)>,
    given: &[String],
    path: &Path,
    names: Result<Vec<String>>,
) -> Result<()> {
    match (names, &taken) {
        (_, _) if !given.is_empty() => {}
        (Ok(names), None) => *taken = Some((path.to_owned(), names)),
        (Err(error), None) => return Err(error.context(path.display().to_string())),
        (Ok(names), Some((_, known))) if names == *known => {}
        (names, Some((first, _))) => {
            let how = match names {
                Ok(_) => "it names other classes".to_owned(),
                Err(error) => format!("{error:#}"),
            };
            description.notes.push(format!("{}: {how}; the names of {} are used", path.display(), first.display()));
        }
    }
    Ok(())
}

fn yaml_files(folder: &Path, below: &[PathBuf]) -> Vec<PathBuf> {
    let first = YAML_FILES.iter().map(|name| folder.join(name)).filter(|path| exists(path));
    let is_first = |path: &&PathBuf| YAML_FILES.iter().any(|name| path.ends_with(name));
    let others = below.iter().rev().filter(|path| has_ending(path, &["yaml", "yml"]) && !is_first(path));
    first.chain(others.cloned()).collect()
}

/// Lists of names in the folder and in the subfolders that annotation programs use.
fn lists(folder: &Path, below: &[PathBuf]) -> Vec<PathBuf> {
    let subfolders = below.iter().rev().filter(|path| path.is_dir());
    let mut folders = vec![folder.to_owned()];
    for subfolder in subfolders {
        folders.push(subfolder.clone());
        folders.push(subfolder.join("labels"));
    }
    let mut found: Vec<PathBuf> = Vec::new();
    for (index, place) in folders.iter().enumerate() {
        found.extend(LISTS.iter().map(|name| place.join(name)).filter(|path| exists(path)));
        if index == 0 {
            let others = below.iter().rev().filter(|path| has_ending(path, &["names"]) && !path.ends_with(LISTS[1]));
            found.extend(others.cloned());
        }
    }
    found.extend(Some(folder.join("notes.json")).filter(|path| exists(path)));
    found
}

pub(super) fn text_of(path: &Path) -> Result<String> {
    read_regular(path, yaml::MOST_BYTES).and_then(decode)
}

fn in_list(path: &Path) -> Result<Vec<String>> {
    Ok(lines(&text_of(path)?))
}

/// The export of Label Studio.
fn in_notes(path: &Path) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Notes {
        categories: Vec<Category>,
    }

    #[derive(Deserialize)]
    struct Category {
        id: usize,
        name: String,
    }

    let notes: Notes = serde_json::from_str(&text_of(path)?)?;
    in_order(notes.categories.into_iter().map(|category| (category.id, category.name)))
}

/// Reads lines of `key = value`.
fn darknet_data(path: &Path) -> Result<Vec<(String, Vec<String>)>> {
    let text = text_of(path)?;
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let pairs = pairs.map(|(key, value)| (key.trim().to_owned(), vec![value.trim().to_owned()]));
    Ok(pairs.filter(|(key, _)| ["names", "train", "valid", "test"].contains(&key.as_str())).collect())
}

/// Reads a YAML file.
/// # Errors
/// When it cannot be read, or its values have unexpected types. The message does not name the path.
pub(super) fn in_yaml(folder: &Path, path: &Path) -> Result<Description> {
    let document = Document::parse(&text_of(path)?)?;
    let Some(root) = document.root() else { return Ok(Description::default()) };
    let mut keys = HashSet::new();
    let twice = root.map().into_iter().flatten().filter_map(|(key, _)| key.text()).find(|key| !keys.insert(*key));
    if let Some(key) = twice
        && root.get("names").is_some()
    {
        bail!("the key {key:?} occurs twice; keep one");
    }
    let names = root.get("names").map(|names| names_of(folder, names)).transpose().context("names")?;
    let keypoints = root.get("kpt_shape").map(keypoints_of).transpose().context("kpt_shape")?;
    let mut notes = Vec::new();
    let count = root.get("nc").and_then(|count| count.text()?.parse::<usize>().ok());
    if let (Some(count), Some(names)) = (count, &names)
        && count != names.len()
    {
        let are = if names.len() == 1 { "name" } else { "names" };
        notes.push(format!("{}: it has nc: {count}, but {} {are}; using `names`", path.display(), names.len()));
    }
    let base = root.get("path").and_then(Value::text).map(|base| format!("{}/", base.trim_end_matches('/')));
    let mut splits = Vec::new();
    for (key, value) in root.map().into_iter().flatten() {
        let Some(key) = key.text().filter(|key| !NO_SPLITS.contains(key)) else { continue };
        let texts: Vec<&str> = match value.list() {
            Some(items) => items.filter_map(Value::text).collect(),
            None => value.text().into_iter().collect(),
        };
        let with_base = |text: &str| format!("{}{text}", base.as_deref().unwrap_or_default());
        // As in Ultralytics' programs, an absolute path is used as is.
        let paths = texts.iter().map(|text| if text.starts_with('/') { (*text).to_owned() } else { with_base(text) });
        splits.push((key.to_owned(), paths.collect::<Vec<_>>()));
    }
    splits.retain(|(_, paths)| !paths.is_empty());
    Ok(Description { names, keypoints, splits, notes })
}

fn names_of(folder: &Path, value: Value) -> Result<Vec<String>> {
    if let Some(items) = value.list() {
        return items.enumerate().map(|(class, name)| name_of(class, name)).collect();
    }
    if let Some(pairs) = value.map() {
        let pairs = pairs.map(|(key, name)| {
            let class = key.text().and_then(|key| key.trim().parse().ok());
            let class: usize =
                class.with_context(|| format!("the key {:?} is not a number", key.text().unwrap_or("")))?;
            Ok((class, name_of(class, name)?))
        });
        return in_order(pairs.collect::<Result<Vec<_>>>()?.into_iter());
    }
    match value.text() {
        Some(text) if text.parse::<f64>().is_err() => {
            // `names: data/coco.names`, and lists that are written as a string.
            if has_ending(Path::new(text.trim()), &["names", "txt"]) {
                let path = inside(folder, text).with_context(|| format!("{text:?} is not in the folder"))?;
                return in_list(&path).with_context(|| path.display().to_string());
            }
            let text = text.trim().trim_start_matches('[').trim_end_matches(']');
            Ok(text.split(',').map(|name| name.trim().trim_matches(['\'', '"']).to_owned()).collect())
        }
        _ => bail!("it is not a list of class names"),
    }
}

fn name_of(class: usize, name: Value) -> Result<String> {
    if name.is_null() {
        return Ok(String::new());
    }
    let text = name.text().with_context(|| format!("the value for class {class} is not a name"))?;
    Ok(text.to_owned())
}

/// The names, sorted by their class numbers.
fn in_order(pairs: impl Iterator<Item = (usize, String)>) -> Result<Vec<String>> {
    let mut by_class = BTreeMap::new();
    for (class, name) in pairs {
        if by_class.insert(class, name).is_some() {
            bail!("class {class} has two names");
        }
    }
    if let Some(missing) = (0..by_class.len()).find(|class| !by_class.contains_key(class)) {
        bail!("class {missing} has no name; the classes are 0, 1, 2, ...");
    }
    Ok(by_class.into_values().collect())
}

/// A note that several classes share a name, because records do not distinguish them.
pub(super) fn merged(names: &[String]) -> Option<String> {
    let mut first = HashMap::new();
    let mut found = None;
    let mut count = 0_usize;
    for (class, name) in names.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
        let before = *first.entry(name.as_str()).or_insert(class);
        if before != class {
            count += 1;
            found.get_or_insert((before, class, name));
        }
    }
    let (before, class, name) = found?;
    let more = if count > 1 { format!(", and {} more share a name", count - 1) } else { String::new() };
    Some(format!("the classes {before} and {class} are both named {name:?}{more}; they are merged"))
}

/// The description file of a dataset in a parent folder.
pub(super) fn description_around(folder: &Path) -> Option<PathBuf> {
    let around = folder.ancestors().skip(1).take(2);
    around.flat_map(|folder| YAML_FILES.map(|name| folder.join(name))).find(|path| path.is_file())
}

fn keypoints_of(value: Value) -> Result<Keypoints> {
    let numbers = value.list().map(|items| items.map(|item| item.text()?.parse().ok()).collect::<Option<Vec<usize>>>());
    match numbers.flatten().as_deref() {
        Some([count @ 1..=10_000, dimensions @ 2..=3]) => {
            Ok(Keypoints { count: *count, with_visibility: *dimensions == 3 })
        }
        _ => Err(anyhow!("it is not [number of keypoints, 2 or 3]")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(yaml: &str) -> Result<Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.names"), "cat\nbig dog\n").unwrap();
        std::fs::write(folder.path().join("data.yaml"), yaml).unwrap();
        in_yaml(folder.path(), &folder.path().join("data.yaml"))?.names.context("no names")
    }

    #[test]
    fn names_are_read_from_all_forms_of_yaml() {
        for yaml in [
            "names: [cat, 'big dog']\nnc: 2",
            "# a comment\npath: ../x\nnames:\n  - cat  # tame\n  - \"big dog\"\n",
            "names:\n  1: big dog\n  0: cat\n",
            "names: {0: cat, 1: big dog}",
            "names: {'0': cat, '1': big dog}",
            "names: cat, big dog",
            "names: \"['cat', 'big dog']\"",
            "names: data/a.names",
            "base: &base {names: [cat, big dog]}\n<<: *base",
            "\u{feff}names:\r\n- cat\r\n- big dog\r\n",
        ] {
            assert_eq!(names(yaml).unwrap(), ["cat", "big dog"], "{yaml}");
        }
        assert_eq!(names("names: [1, yes, No, 2.50, ~]").unwrap(), ["1", "yes", "No", "2.50", ""]);
        for bad in [
            "nc: 2",
            "names: 3",
            "names: {0: a, 2: b}",
            "names: {0: a, '0': b}",
            "names: {a: 0}",
            "names: {-1: a}",
            "names: [[a]]",
            "names: [",
            "names: /etc/some.names",
            "",
        ] {
            assert!(names(bad).is_err(), "{bad}");
        }
    }
}
