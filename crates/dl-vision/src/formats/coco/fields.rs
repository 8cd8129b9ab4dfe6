//! The fields of COCO files as programs actually write them.
//!
//! pandas writes ids as floats, annotation services write them as strings, and an unknown field is `null`, `NaN` or
//! absent. All readers of COCO use these types, so that a file means the same to all programs. An unusable field is
//! [`Field::Bad`], not a parser error: it loses its entry, not the file.

use std::fmt;
use std::marker::PhantomData;

use anyhow::{Result, anyhow, bail};
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// An id of an image, a category or an annotation: `1`, `1.0` and `"1"` are the same id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Id {
    /// An integer, in any notation.
    Number(i64),
    /// Any other string.
    Text(Box<str>),
}

impl Id {
    /// Converts a JSON value to an id, if possible.
    pub fn of(value: &Value) -> Option<Self> {
        Field::deserialize(value).ok().and_then(Field::good)
    }
}

impl From<&Id> for Value {
    fn from(id: &Id) -> Self {
        match id {
            Id::Number(number) => (*number).into(),
            // An integer of more than 63 bits.
            Id::Text(text) => match text.parse::<u64>() {
                Ok(number) if number.to_string() == **text => number.into(),
                _ => (**text).into(),
            },
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Number(number) => write!(formatter, "{number}"),
            Self::Text(text) => write!(formatter, "\"{text}\""),
        }
    }
}

/// A field of an entry.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Field<T> {
    /// Missing, or `null`.
    #[default]
    Absent,
    /// A valid value.
    Good(T),
    /// What it is instead, for use after its name: `is "wide", not a number`.
    Bad(Box<str>),
}

impl<T> Field<T> {
    /// The value, if it is valid.
    pub fn good(self) -> Option<T> {
        match self {
            Self::Good(value) => Some(value),
            Self::Absent | Self::Bad(_) => None,
        }
    }

    /// The value, if the field exists.
    /// # Errors
    /// When it is invalid; the message begins with `name`.
    pub fn optional(&self, name: &str) -> Result<Option<&T>> {
        match self {
            Self::Absent => Ok(None),
            Self::Good(value) => Ok(Some(value)),
            Self::Bad(what) => Err(anyhow!("{name} {what}")),
        }
    }

    /// The value.
    /// # Errors
    /// When it is missing or invalid.
    pub fn required(&self, name: &str) -> Result<&T> {
        self.optional(name)?.ok_or_else(|| anyhow!("it has no {name}"))
    }
}

/// An entry of `images`, `categories`, `annotations` or a list of results.
#[derive(Clone, Debug)]
pub enum Entry<T> {
    /// An object.
    Good(T),
    /// What it is instead: `a list, not an object`.
    Odd(&'static str),
}

impl<T> Entry<T> {
    /// The entry.
    /// # Errors
    /// When it is not an object.
    pub fn good(self) -> Result<T> {
        match self {
            Self::Good(entry) => Ok(entry),
            Self::Odd(what) => bail!("it is {what}"),
        }
    }
}

/// Parses the entries of a list that cannot be read as a whole: an error loses only its entry.
pub fn one_by_one<'a, T: Deserialize<'a>>(entries: Vec<&'a RawValue>) -> Vec<Entry<T>> {
    let broken = || Entry::Odd("not readable: a duplicate key or a number out of range");
    entries.into_iter().map(|entry| serde_json::from_str(entry.get()).unwrap_or_else(|_| broken())).collect()
}

/// The fields of an image that evaluation and conversion use.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Image {
    /// COCO's id.
    pub id: Field<Id>,
    /// The id of the record that it was written from, if that is not the file name.
    pub record_id: Field<String>,
    /// The path of the image.
    pub file_name: Field<String>,
    /// The field that LVIS has instead of the path.
    pub coco_url: Field<String>,
    /// In pixels; 0 means unknown.
    pub width: Field<u32>,
    /// In pixels; 0 means unknown.
    pub height: Field<u32>,
}

impl Image {
    /// [height, width], if they are known.
    pub fn size(&self) -> Option<[u32; 2]> {
        match (&self.height, &self.width) {
            (Field::Good(height @ 1..), Field::Good(width @ 1..)) => Some([*height, *width]),
            _ => None,
        }
    }

    /// The id of its record: the one that it was written from, else its path with `/` as separator.
    pub fn name(&self) -> Option<String> {
        if let Field::Good(id) = &self.record_id {
            return Some(id.clone());
        }
        self.path().map(|path| path.replace('\\', "/"))
    }

    /// The path as written, else that of LVIS: the last folder and the file name of the URL.
    pub fn path(&self) -> Option<&str> {
        match (&self.file_name, &self.coco_url) {
            (Field::Good(name), _) if !name.is_empty() => Some(name),
            (_, Field::Good(url)) if !url.is_empty() => {
                let file = url.rfind('/').unwrap_or(0);
                Some(url[..file].rfind('/').map_or(url, |folder| &url[folder + 1..]))
            }
            _ => None,
        }
    }
}

/// The fields of a category that evaluation and conversion use.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Category {
    /// COCO's id.
    pub id: Field<Id>,
    /// The name of the class.
    pub name: Field<String>,
}

/// A ground-truth object or a result.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Annotation<'a> {
    /// The id of the annotation; results have none.
    pub id: Field<Id>,
    /// The id of the image.
    pub image_id: Field<Id>,
    /// The id of the class.
    pub category_id: Field<Id>,
    /// [x, y, width, height] in pixels.
    pub bbox: Field<[f64; 4]>,
    /// In square pixels.
    pub area: Field<f64>,
    /// Is it a group of objects?
    pub iscrowd: Field<bool>,
    /// VOC's flag, which `dl-data to coco` writes.
    pub difficult: Field<bool>,
    /// The confidence of a result.
    pub score: Field<f64>,
    /// Polygons or run-length encoding.
    #[serde(borrow)]
    pub segmentation: Option<&'a RawValue>,
}

impl Annotation<'_> {
    /// Its name in messages: by id, else by position in the list.
    pub fn title(&self, index: usize) -> String {
        match &self.id {
            Field::Good(id) => format!("annotation {id}"),
            _ => format!("annotations[{index}]"),
        }
    }
}

/// A value of a [`Field`], converted from any JSON that represents it.
pub trait Part: Sized {
    /// What it is, for messages: "a number".
    const WHAT: &'static str;

    /// From an integer.
    fn of_whole(value: i128) -> Option<Self> {
        Self::of_number(value as f64)
    }

    /// From a number with a decimal point or exponent.
    fn of_number(_: f64) -> Option<Self> {
        None
    }

    /// From a string.
    fn of_text(_: &str) -> Option<Self> {
        None
    }

    /// Does the string mean that the value is unknown, such as Python's `NaN`?
    fn is_unknown(_: &str) -> bool {
        false
    }

    /// From a boolean.
    fn of_flag(_: bool) -> Option<Self> {
        None
    }

    /// From a list, or what is wrong with it.
    /// # Errors
    /// When the list is not valid JSON.
    fn of_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Field<Self>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(bad("a list", Self::WHAT))
    }
}

impl Part for Id {
    const WHAT: &'static str = "an id";

    fn of_whole(value: i128) -> Option<Self> {
        Some(i64::try_from(value).map_or_else(|_| Self::Text(value.to_string().into()), Self::Number))
    }

    fn of_number(value: f64) -> Option<Self> {
        // Above 2^53, a float does not determine the integer.
        (value.fract() == 0.0 && value.abs() < (1_u64 << 53) as f64).then_some(Self::Number(value as i64))
    }

    fn of_text(text: &str) -> Option<Self> {
        // "007" is a name, not the number 7.
        let number = text.parse().ok().filter(|number: &i64| number.to_string() == text);
        let float = || text.strip_suffix(".0").and_then(|whole| whole.parse().ok());
        Some(number.or_else(float).map_or_else(|| Self::Text(text.into()), Self::Number))
    }
}

impl Part for f64 {
    const WHAT: &'static str = "a finite number";

    fn of_number(value: f64) -> Option<Self> {
        value.is_finite().then_some(value)
    }

    fn of_text(text: &str) -> Option<Self> {
        text.trim().parse().ok().and_then(Self::of_number)
    }
}

impl Part for u32 {
    const WHAT: &'static str = "a number of pixels";

    fn of_number(value: f64) -> Option<Self> {
        (value >= 0.0 && value <= Self::MAX.into()).then_some(value.round() as Self)
    }

    fn of_text(text: &str) -> Option<Self> {
        text.parse().ok().and_then(Self::of_number)
    }

    fn is_unknown(text: &str) -> bool {
        text.parse::<f64>().is_ok_and(|value| !value.is_finite())
    }
}

impl Part for bool {
    const WHAT: &'static str = "0 or 1";

    fn of_number(value: f64) -> Option<Self> {
        (value == 0.0 || value == 1.0).then_some(value == 1.0)
    }

    fn of_text(text: &str) -> Option<Self> {
        match text {
            "0" | "false" | "False" => Some(false),
            "1" | "true" | "True" => Some(true),
            _ => None,
        }
    }

    fn is_unknown(text: &str) -> bool {
        text.parse::<f64>().is_ok_and(|value| !value.is_finite())
    }

    fn of_flag(flag: bool) -> Option<Self> {
        Some(flag)
    }
}

impl Part for String {
    const WHAT: &'static str = "a string";

    fn of_whole(value: i128) -> Option<Self> {
        Some(value.to_string())
    }

    fn of_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

/// [x, y, width, height]
impl Part for [f64; 4] {
    const WHAT: &'static str = "[x, y, width, height]";

    fn of_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Field<Self>, A::Error> {
        let mut numbers = [0.0; 4];
        let mut count = 0;
        while let Some(Coordinate(number)) = list.next_element()? {
            if let Some(place) = numbers.get_mut(count) {
                *place = number;
            }
            count += 1;
        }
        let [x, y, width, height] = numbers;
        let odd = numbers.iter().position(|number| !number.is_finite());
        let wrong = match (count, odd) {
            // Some programs write an empty list for "no box".
            (0, _) => return Ok(Field::Absent),
            (4, Some(odd)) => format!("has no finite number at [{odd}]"),
            (4, None) if width < 0.0 => format!("has a negative width ({width})"),
            (4, None) if height < 0.0 => format!("has a negative height ({height})"),
            (4, None) if !(x + width).is_finite() || !(y + height).is_finite() => "is too large".to_owned(),
            (4, None) => return Ok(Field::Good(numbers)),
            _ => format!("has {count} entries, expected 4: {}", Self::WHAT),
        };
        Ok(Field::Bad(wrong.into()))
    }
}

/// A number of a box; NaN for anything else.
struct Coordinate(f64);

impl<'de> Deserialize<'de> for Coordinate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Field::<f64>::deserialize(deserializer).map(|number| Self(number.good().unwrap_or(f64::NAN)))
    }
}

fn bad<T>(found: impl fmt::Display, expected: &str) -> Field<T> {
    Field::Bad(format!("is {found}, not {expected}").into())
}

impl<'de, T: Part> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Anything<T>(PhantomData<T>);

        fn field<T: Part>(value: Option<T>, found: impl fmt::Display) -> Field<T> {
            value.map_or_else(|| bad(found, T::WHAT), Field::Good)
        }

        impl<'de, T: Part> Visitor<'de> for Anything<T> {
            type Value = Field<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str(T::WHAT)
            }

            fn visit_unit<E>(self) -> Result<Field<T>, E> {
                Ok(Field::Absent)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Field<T>, E> {
                Ok(field(T::of_flag(value), value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Field<T>, E> {
                Ok(field(T::of_whole(value.into()), value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Field<T>, E> {
                Ok(field(T::of_whole(value.into()), value))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Field<T>, E> {
                Ok(field(T::of_number(value), value))
            }

            fn visit_str<E>(self, value: &str) -> Result<Field<T>, E> {
                if T::is_unknown(value) {
                    return Ok(Field::Absent);
                }
                let start = || value.chars().take(40).collect::<String>();
                Ok(T::of_text(value).map_or_else(|| bad(format_args!("\"{}\"", start()), T::WHAT), Field::Good))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Field<T>, A::Error> {
                T::of_list(list)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Field<T>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(bad("an object", T::WHAT))
            }
        }

        deserializer.deserialize_any(Anything(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entry<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Anything<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Anything<T> {
            type Value = Entry<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Entry<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Entry::Good)
            }

            fn visit_unit<E>(self) -> Result<Entry<T>, E> {
                Ok(Entry::Odd("null, not an object"))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Entry<T>, E> {
                Ok(Entry::Odd("true or false, not an object"))
            }

            fn visit_u64<E>(self, _: u64) -> Result<Entry<T>, E> {
                Ok(Entry::Odd("a number, not an object"))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Entry<T>, E> {
                Ok(Entry::Odd("a number, not an object"))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Entry<T>, E> {
                Ok(Entry::Odd("a number, not an object"))
            }

            fn visit_str<E>(self, _: &str) -> Result<Entry<T>, E> {
                Ok(Entry::Odd("a string, not an object"))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Entry<T>, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Entry::Odd("a list, not an object"))
            }
        }

        deserializer.deserialize_any(Anything(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: Part>(json: &str) -> Field<T> {
        serde_json::from_str(json).unwrap()
    }

    fn wrong<T: Part + fmt::Debug>(json: &str) -> String {
        read::<T>(json).optional("it").unwrap_err().to_string()
    }

    #[test]
    fn one_id_may_be_written_in_three_ways() {
        for json in ["7", "7.0", "\"7\"", "\"7.0\""] {
            assert_eq!(read(json), Field::Good(Id::Number(7)), "{json}");
        }
        assert_eq!(read("-3"), Field::Good(Id::Number(-3)));
        assert_eq!(read("\"007\""), Field::Good(Id::Text("007".into())));
        assert_eq!(read::<Id>("18446744073709551615"), read("\"18446744073709551615\""));
        assert_eq!(read::<Id>("null"), Field::Absent);
        assert_eq!(wrong::<Id>("1.5"), "it is 1.5, not an id");
        assert_eq!(wrong::<Id>("[1]"), "it is a list, not an id");
    }

    #[test]
    fn an_invalid_box_is_reported_with_the_reason() {
        assert_eq!(read("[1, 2.5, 3, 0]"), Field::Good([1.0, 2.5, 3.0, 0.0]));
        assert_eq!(read::<[f64; 4]>("[]"), Field::Absent);
        for (json, what) in [
            ("[1, \"NaN\", 3, 4]", "it has no finite number at [1]"),
            ("[null, 2, 3, 4]", "it has no finite number at [0]"),
            ("[1, 2, 3, \"4px\"]", "it has no finite number at [3]"),
            ("[1, 2, 3, 4, 5]", "it has 5 entries, expected 4: [x, y, width, height]"),
            ("[1, 2, 3, -4]", "it has a negative height (-4)"),
            ("[1e308, 2, 1e308, 4]", "it is too large"),
            ("{\"x\": {}}", "it is an object, not [x, y, width, height]"),
        ] {
            assert_eq!(wrong::<[f64; 4]>(json), what);
        }
    }

    #[test]
    fn sizes_and_flags_may_be_floats_or_absent() {
        assert_eq!((read("640.0"), read("\"480\"")), (Field::Good(640_u32), Field::Good(480_u32)));
        assert_eq!((read::<u32>("null"), read::<bool>("null")), (Field::Absent, Field::Absent));
        assert_eq!((read("0.0"), read("true"), read("1")), (Field::Good(false), Field::Good(true), Field::Good(true)));
        assert_eq!(wrong::<u32>("-1"), "it is -1, not a number of pixels");
        assert_eq!(wrong::<bool>("2"), "it is 2, not 0 or 1");
        assert_eq!(wrong::<f64>("\"NaN\""), "it is \"NaN\", not a finite number");
        assert_eq!(read("\"100.5\""), Field::Good(100.5));
        for unknown in ["\"NaN\"", "\"Infinity\"", "\"-Infinity\""] {
            assert_eq!((read::<bool>(unknown), read::<u32>(unknown)), (Field::Absent, Field::Absent), "{unknown}");
        }
    }

    #[test]
    fn an_entry_that_is_not_an_object_loses_only_itself() {
        let entries: Vec<Entry<Annotation>> = serde_json::from_str("[{\"id\": 1, \"more\": [{}]}, null, [2]]").unwrap();
        let entries: Vec<_> = entries.into_iter().map(|entry| entry.good().map(|entry| entry.title(0))).collect();
        assert_eq!(entries[0].as_ref().unwrap(), "annotation 1");
        assert_eq!(entries[2].as_ref().unwrap_err().to_string(), "it is a list, not an object");
    }

    #[test]
    fn the_name_of_an_image_is_found_where_programs_put_it() {
        let name = |json: &str| serde_json::from_str::<Image>(json).unwrap().name();
        assert_eq!(name(r#"{"file_name": "a\\b.jpg"}"#).unwrap(), "a/b.jpg");
        let lvis = r#"{"coco_url": "http://images.cocodataset.org/val2017/000000397133.jpg"}"#;
        assert_eq!(name(lvis).unwrap(), "val2017/000000397133.jpg");
        assert_eq!(name(r#"{"coco_url": "a.jpg"}"#).unwrap(), "a.jpg");
        assert_eq!(name(r#"{"file_name": null}"#), None);
    }
}
