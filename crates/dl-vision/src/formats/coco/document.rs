//! The lists of a COCO file.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::marker::PhantomData;

use anyhow::{Context, Result};
use dl_record::Record;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::fields::{Category, Entry, Field, Id, Image};

/// A COCO file whose images are read as `I` and whose annotations are read as `A`.
#[derive(Debug)]
pub struct Document<I, A> {
    /// The list `images`, if there is one.
    pub images: Option<Vec<I>>,
    /// The list `annotations`; empty if there is none.
    pub annotations: Vec<A>,
    /// The list `categories`; empty if there is none.
    pub categories: Vec<Entry<Category>>,
    /// The file without its images and annotations.
    pub rest: Record,
}

impl<I, A> Document<I, A> {
    /// The images.
    /// # Errors
    /// When the file has no such list.
    pub fn images(&self) -> Result<&[I]> {
        self.images.as_deref().context("it has no images; a COCO file has images and categories")
    }
}

impl<'de, I: Deserialize<'de>, A: Deserialize<'de>> Deserialize<'de> for Document<I, A> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Lists<I, A>(PhantomData<(I, A)>);

        impl<'de, I: Deserialize<'de>, A: Deserialize<'de>> Visitor<'de> for Lists<I, A> {
            type Value = Document<I, A>;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("an object with images, annotations and categories")
            }

            fn visit_seq<L: SeqAccess<'de>>(self, _: L) -> Result<Self::Value, L::Error> {
                let message = "a list, like a results file; expected an object with images, annotations and categories";
                Err(L::Error::custom(message))
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut document =
                    Document { images: None, annotations: Vec::new(), categories: Vec::new(), rest: Record::default() };
                let mut seen = HashSet::new();
                while let Some(name) = map.next_key::<String>()? {
                    if ["images", "annotations", "categories"].contains(&name.as_str()) && !seen.insert(name.clone()) {
                        return Err(M::Error::custom(format!("the list \"{name}\" occurs twice; merge both into one")));
                    }
                    match name.as_str() {
                        "images" => document.images = map.next_value()?,
                        "annotations" => document.annotations = map.next_value::<Option<_>>()?.unwrap_or_default(),
                        _ => {
                            let value: &RawValue = map.next_value()?;
                            if name == "categories" {
                                let categories = serde_json::from_str::<Option<_>>(value.get());
                                let categories =
                                    categories.map_err(|error| M::Error::custom(format!("categories: {error}")))?;
                                document.categories = categories.unwrap_or_default();
                            }
                            document.rest.set(&name, value).map_err(M::Error::custom)?;
                        }
                    }
                }
                Ok(document)
            }
        }

        deserializer.deserialize_any(Lists(PhantomData))
    }
}

/// The images of a file, each with the id of its record.
#[derive(Debug, Default)]
pub struct Images {
    /// The first entry of each id, and its name.
    first: HashMap<Id, (usize, Option<String>)>,
    /// Ids that several different images have.
    shared: HashSet<Id>,
    names: HashSet<String>,
}

/// How an entry of `images` relates to the others.
#[derive(Debug, PartialEq, Eq)]
pub enum Place {
    /// The only one with its id.
    Own,
    /// Another image has the same id, so it is unknown which image the annotations belong to.
    Shared,
    /// A duplicate of an earlier entry.
    Again(usize),
}

impl Images {
    /// Compares the entries.
    pub fn new<'a>(images: impl Iterator<Item = &'a Image>) -> Self {
        let mut all = Self::default();
        for (index, image) in images.enumerate() {
            let Field::Good(id) = &image.id else { continue };
            let name = image.name();
            match all.first.get(id) {
                None => drop(all.first.insert(id.clone(), (index, name))),
                Some((_, first)) if *first == name => {}
                Some(_) => drop(all.shared.insert(id.clone())),
            }
        }
        all
    }

    /// Does an image have this id?
    pub fn contains(&self, id: &Id) -> bool {
        self.first.contains_key(id)
    }

    /// Do several images have this id?
    pub fn is_shared(&self, id: &Id) -> bool {
        self.shared.contains(id)
    }

    /// The ids that several images have.
    pub fn shared(&self) -> &HashSet<Id> {
        &self.shared
    }

    /// How entry `index` relates to the others.
    pub fn place(&self, index: usize, image: &Image) -> Place {
        let Field::Good(id) = &image.id else { return Place::Own };
        match self.first.get(id) {
            _ if self.shared.contains(id) => Place::Shared,
            Some((first, _)) if *first != index => Place::Again(*first),
            _ => Place::Own,
        }
    }

    /// The id of the record for the next entry: its name, with COCO's id appended if an earlier entry has the same
    /// name. Must be called in the order of the entries.
    pub fn record_id(&mut self, image: &Image) -> Option<String> {
        let mut name = image.name()?;
        if self.names.contains(&name) {
            let Field::Good(id) = &image.id else { return None };
            name = super::labels::with_id(&name, id);
        }
        self.names.insert(name.clone()).then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_distinguished_by_id_and_name() {
        let json = r#"[{"id": 1, "file_name": "a"}, {"id": 1, "file_name": "b"}, {"id": 2, "file_name": "c"},
            {"id": "2", "file_name": "c"}, {"id": 3, "file_name": "c"}, {"file_name": "c"}]"#;
        let entries: Vec<Image> = serde_json::from_str(json).unwrap();
        let mut images = Images::new(entries.iter());
        let places: Vec<_> = entries.iter().enumerate().map(|(index, image)| images.place(index, image)).collect();
        assert_eq!(places, [Place::Shared, Place::Shared, Place::Own, Place::Again(2), Place::Own, Place::Own]);
        assert_eq!(images.record_id(&entries[2]).unwrap(), "c");
        assert_eq!(images.record_id(&entries[4]).unwrap(), "c (3)");
        assert_eq!(images.record_id(&entries[5]), None);
    }

    #[test]
    fn a_list_of_results_is_not_a_coco_file() {
        let error = serde_json::from_str::<Document<Image, Image>>("[{}]").unwrap_err().to_string();
        assert!(error.starts_with("a list, like a results file"), "{error}");
    }
}
