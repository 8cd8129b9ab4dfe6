//! Names and ids of the categories of a written COCO file.

use std::collections::{BTreeSet, HashMap, HashSet};

use anyhow::{Result, bail};
use dl_record::Record;
use serde_json::Value;

use super::fields::Id;
use super::{categories, few, labels};

/// Names and ids of the categories, as far as the records give them.
///
/// A label has one id, unless a dataset has several categories with the same name: then an object's own `category_id`
/// decides, and objects without one get the category that others with that name use.
#[derive(Default)]
pub(super) struct Categories {
    /// The ids of each label, in order of appearance.
    ids: HashMap<String, Vec<Id>>,
    /// The label of each id.
    taken: HashMap<Id, String>,
    used: HashSet<Id>,
    without: BTreeSet<String>,
}

impl Categories {
    /// Adds the categories of a dataset. Labels from an earlier one are not changed.
    pub(super) fn add_dataset(&mut self, dataset: &Record) -> Result<()> {
        let mut new: HashMap<String, Vec<Id>> = HashMap::new();
        for (name, id) in categories(dataset)? {
            if !self.ids.contains_key(&name) && !self.taken.contains_key(&id) {
                self.taken.insert(id.clone(), name.clone());
                new.entry(name).or_default().push(id);
            } else if !self.ids.contains_key(&name) && !new.contains_key(&name) {
                self.without.insert(name);
            }
        }
        self.without.retain(|name| !new.contains_key(name));
        self.ids.extend(new);
        Ok(())
    }

    /// Marks the category with this id as used.
    pub(super) fn add_use(&mut self, id: &Id) {
        self.used.insert(id.clone());
    }

    /// Adds the label of an object, with the id that the object came with. A label keeps the first id that it comes
    /// with; an id belongs to the first label that comes with it.
    pub(super) fn add(&mut self, label: &str, id: Option<&Id>) {
        if let Some(own) = self.own(label, id) {
            self.used.insert(own.clone());
        } else if self.alone(label).is_none() && !self.ids.contains_key(label) {
            match id {
                Some(id) if !self.taken.contains_key(id) => {
                    self.without.remove(label);
                    self.taken.insert(id.clone(), label.to_owned());
                    self.used.insert(id.clone());
                    self.ids.insert(label.to_owned(), vec![id.clone()]);
                }
                _ => drop(self.without.insert(label.to_owned())),
            }
        }
    }

    /// The id that an object came with, if the label still belongs to that category.
    fn own<'a>(&self, label: &str, id: Option<&'a Id>) -> Option<&'a Id> {
        let id = id?;
        let name = self.taken.get(id)?;
        (name == label || labels::with_id(name, id) == label).then_some(id)
    }

    /// The id that is part of a label, as [`Labels`](labels::Labels) makes them for categories that share a name.
    fn alone(&self, label: &str) -> Option<&Id> {
        let (name, rest) = label.rsplit_once(" (")?;
        let id = rest.strip_suffix(')')?;
        self.ids.get(name)?.iter().find(|known| labels::with_id("", known) == format!(" ({id})"))
    }

    /// The id for an object's label: the one that the object came with, else that of the label; of several, a used one,
    /// else the first.
    pub(super) fn id(&self, label: &str, own: Option<&Id>) -> Option<Id> {
        let of_label = || {
            let ids = self.ids.get(label)?;
            ids.iter().find(|id| self.used.contains(id)).or(ids.first())
        };
        self.own(label, own).or_else(of_label).or_else(|| self.alone(label)).cloned()
    }

    /// As [`id`](Self::id), but never ambiguous.
    /// # Errors
    /// When the label has no id, or several that are used.
    pub(super) fn only_id(&self, label: &str, own: Option<&Id>) -> Result<Id> {
        let Some(id) = self.id(label, own) else {
            bail!("the COCO category id of \"{label}\" is unknown; name the file that has it with --truth ANN.json");
        };
        let ids = self.ids.get(label).map(Vec::as_slice).unwrap_or_default();
        let used = ids.iter().filter(|id| self.used.contains(id)).count();
        if ids.len() > 1 && used != 1 && self.own(label, own).is_none() {
            let ids: BTreeSet<String> = ids.iter().map(ToString::to_string).collect();
            bail!("the label \"{label}\" belongs to several categories: {}", few::list(&ids));
        }
        Ok(id)
    }

    /// Numbers the labels without an id, after the highest: first those in `order`, then the rest by name. Returns the
    /// entries of `categories`: those of `dataset`, then the others sorted by id.
    pub(super) fn finish(&mut self, dataset: &Record, order: &[String]) -> Result<Vec<Record>> {
        let highest = self.taken.keys().filter_map(number).max().unwrap_or(0).max(0);
        let mut next = highest.saturating_add(1);
        let mut unnumbered: Vec<&String> = order.iter().filter(|label| self.without.contains(*label)).collect();
        unnumbered.extend(self.without.iter().filter(|label| !order.contains(label)));
        for label in unnumbered {
            if !self.ids.contains_key(label) {
                self.ids.insert(label.clone(), vec![Id::Number(next)]);
                self.taken.insert(Id::Number(next), label.clone());
                next = next.saturating_add(1);
            }
        }
        let mut all = dataset.get::<Vec<Record>>("categories")?.unwrap_or_default();
        let mut there = HashSet::new();
        for entry in &mut all {
            let id = entry.get::<Value>("id")?.as_ref().and_then(Id::of);
            let of_name = entry.get::<String>("name").ok().flatten().and_then(|name| self.ids.get(&name));
            // An earlier label may have come with its id.
            let id = match (id, of_name) {
                (Some(id), Some(ids)) if !ids.contains(&id) => ids.first().cloned(),
                (id, _) => id,
            };
            if let Some(id) = id {
                entry.set("id", &Value::from(&id))?;
                there.insert(id);
            }
        }
        let names: HashSet<String> = categories(dataset)?.into_iter().map(|(name, _)| name).collect();
        let mut added: Vec<(&Id, &String)> =
            self.taken.iter().filter(|(id, name)| !there.contains(id) && !names.contains(*name)).collect();
        added.sort();
        for (id, name) in added {
            let mut entry = Record::default();
            entry.set("id", &Value::from(id))?;
            entry.set("name", name)?;
            all.push(entry);
        }
        Ok(all)
    }
}

fn number(id: &Id) -> Option<i64> {
    match id {
        Id::Number(number) => Some(*number),
        Id::Text(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: i64) -> Id {
        Id::Number(number)
    }

    fn two_of_one_name() -> Categories {
        let dataset =
            r#"{"categories": [{"id": 0, "name": "fish"}, {"id": 1, "name": "fish"}, {"id": 2, "name": "a"}]}"#;
        let mut categories = Categories::default();
        categories.add_dataset(&Record::parse(dataset).unwrap()).unwrap();
        categories
    }

    #[test]
    fn of_categories_that_share_a_name_the_objects_own_or_the_used_one_wins() {
        let mut categories = two_of_one_name();
        assert!(categories.only_id("fish", None).unwrap_err().to_string().ends_with("several categories: 0, 1"));
        categories.add("fish", Some(&id(1)));
        assert_eq!(categories.only_id("fish", None).unwrap(), id(1));
        assert_eq!(categories.id("fish", Some(&id(0))).unwrap(), id(0));
        categories.add("fish", Some(&id(0)));
        assert!(categories.only_id("fish", None).is_err());
        assert_eq!(categories.only_id("fish (0)", None).unwrap(), id(0));
        assert_eq!(categories.only_id("fish", Some(&id(1))).unwrap(), id(1));
        assert_eq!(categories.id("a", Some(&id(1))).unwrap(), id(2), "the object was renamed");
        assert_eq!(categories.id("fish (7)", None), None);
    }

    #[test]
    fn labels_of_two_datasets_share_an_id() {
        let mut categories = two_of_one_name();
        let other = r#"{"categories": [{"id": 9, "name": "a"}, {"id": 1, "name": "new"}]}"#;
        categories.add_dataset(&Record::parse(other).unwrap()).unwrap();
        categories.add("a", Some(&id(9)));
        categories.add("new", Some(&id(1)));
        assert_eq!(categories.id("a", Some(&id(9))).unwrap(), id(2));
        categories.finish(&Record::default(), &[]).unwrap();
        assert_eq!(categories.id("new", Some(&id(1))).unwrap(), id(3));
    }
}
