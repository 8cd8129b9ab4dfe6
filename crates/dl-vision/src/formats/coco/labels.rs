//! Labels for the categories of a file.

use std::collections::{BTreeSet, HashMap, HashSet};

use anyhow::{Context, Result, bail};

use super::few;
use super::fields::{Category, Entry, Id};

/// The label of each category: its name, with the id appended if several used categories share the name.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    by_id: HashMap<Id, String>,
    /// Names that several used categories share.
    shared: BTreeSet<String>,
}

impl Labels {
    /// Makes labels for `categories`; the annotations use those in `used`. Roboflow's exports have a root category that
    /// no annotation uses and that may share the name of another one.
    /// # Errors
    /// When a category has no id, or two with different names have the same id.
    pub fn new(categories: &[Entry<Category>], used: &HashSet<Id>) -> Result<Self> {
        let mut names: Vec<(Id, String)> = Vec::with_capacity(categories.len());
        let mut by_id: HashMap<Id, String> = HashMap::with_capacity(categories.len());
        for (index, entry) in categories.iter().enumerate() {
            let category = entry.clone().good().and_then(|category| {
                let id = category.id.required("id")?.clone();
                let name = category.name.optional("name")?.cloned().unwrap_or_else(|| nameless(&id));
                Ok((id, name))
            });
            let (id, name) = category.with_context(|| format!("categories[{index}]"))?;
            match by_id.insert(id.clone(), name.clone()) {
                None => names.push((id, name)),
                Some(other) if other == name => {}
                Some(other) => bail!("the categories \"{other}\" and \"{name}\" have the same id, {id}"),
            }
        }
        // How many have each name; and of those in use, how many and the first one.
        let mut same: HashMap<&str, (usize, usize, Option<&Id>)> = HashMap::new();
        for (id, name) in &names {
            let (count, in_use, one) = same.entry(name).or_default();
            *count += 1;
            if used.contains(id) {
                *in_use += 1;
                *one = Some(id);
            }
        }
        let shared =
            same.iter().filter(|(_, (_, in_use, _))| *in_use > 1).map(|(name, _)| (*name).to_owned()).collect();
        for (id, label) in &mut by_id {
            let (count, in_use, one) = same[label.as_str()];
            let alone = count == 1 || in_use == 1 && one == Some(id);
            while !alone && same.contains_key(label.as_str()) {
                *label = with_id(label, id);
            }
        }
        Ok(Self { by_id, shared })
    }

    /// A note for the user about names that several categories share.
    pub fn note(&self) -> Option<String> {
        let names: BTreeSet<String> = self.shared.iter().map(|name| format!("\"{name}\"")).collect();
        (!names.is_empty()).then(|| {
            format!("several used categories share the name {}; the id is added to their labels", few::list(&names))
        })
    }

    /// The label of a category.
    pub fn get(&self, id: &Id) -> Option<&str> {
        self.by_id.get(id).map(String::as_str)
    }

    /// Ids and labels, sorted by id.
    pub fn sorted(&self) -> Vec<(Id, String)> {
        let mut all: Vec<_> = self.by_id.iter().map(|(id, label)| (id.clone(), label.clone())).collect();
        all.sort_unstable();
        all
    }
}

/// The name of a category that has none.
pub fn nameless(id: &Id) -> String {
    match id {
        Id::Number(number) => format!("cat_{number}"),
        Id::Text(text) => format!("cat_{text}"),
    }
}

/// The label of a category that shares its name.
pub(super) fn with_id(name: &str, id: &Id) -> String {
    match id {
        Id::Number(number) => format!("{name} ({number})"),
        Id::Text(text) => format!("{name} ({text})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(json: &str, used: &[i64]) -> Result<Vec<String>> {
        let used = used.iter().map(|id| Id::Number(*id)).collect();
        let labels = Labels::new(&serde_json::from_str::<Vec<_>>(json).unwrap(), &used)?;
        Ok(labels.sorted().into_iter().map(|(_, label)| label).collect())
    }

    #[test]
    fn only_categories_in_use_count_as_sharing_a_name() {
        let fish = r#"[{"id": 0, "name": "fish"}, {"id": "1", "name": "fish"}, {"id": 2.0}]"#;
        assert_eq!(labels(fish, &[1]).unwrap(), ["fish (0)", "fish", "cat_2"]);
        assert_eq!(labels(fish, &[0, 1]).unwrap(), ["fish (0)", "fish (1)", "cat_2"]);
        assert_eq!(labels(fish, &[]).unwrap(), ["fish (0)", "fish (1)", "cat_2"]);
        let taken = r#"[{"id": 0, "name": "a"}, {"id": 1, "name": "a"}, {"id": 2, "name": "a (0)"}]"#;
        assert_eq!(labels(taken, &[0, 1]).unwrap(), ["a (0) (0)", "a (1)", "a (0)"]);
    }

    #[test]
    fn one_id_for_two_names_is_an_error_that_names_both() {
        let error = labels(r#"[{"id": 3, "name": "a"}, {"id": "3", "name": "b"}]"#, &[]).unwrap_err();
        assert_eq!(error.to_string(), "the categories \"a\" and \"b\" have the same id, 3");
        let error = labels(r#"[{"name": "a"}]"#, &[]).unwrap_err();
        assert_eq!(format!("{error:#}"), "categories[0]: it has no id");
    }
}
