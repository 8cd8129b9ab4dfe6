//! A sample as it travels.

use std::collections::HashMap;
use std::fmt;

use anyhow::{Context, Result, anyhow, bail};
use memchr::memchr_iter;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Failure;
use crate::compact::compact;
use crate::text::{Slice, Text};

/// The most fields of a record. One takes some 100 bytes of memory, so that a line of nothing but names would take twenty
/// times its length.
pub const MOST_FIELDS: usize = 1 << 20;

/// The most values of a field that is read: one takes some 100 bytes of memory, and two of the line.
const MOST_VALUES: usize = 1 << 24;

/// Fewer fields than these are compared one by one, which is faster than a hash of each.
const FEW: usize = 32;

/// One sample: its fields in the order they came, each as the JSON text it came in until someone asks for it.
///
/// A clone is cheap: the texts are shared.
///
/// Typed readers and writers of the known fields (`id`, `image`, `proposals`, ...) are made by the table in
/// `fields.rs`; [`get`](Self::get) and [`set`](Self::set) serve every other field.
#[derive(Clone, Debug, Default)]
pub struct Record {
    fields: Vec<(String, Text)>,
    /// Where each field stands, when there are more than a few.
    places: HashMap<String, usize>,
}

impl Record {
    /// A record for the picture at `image`, with the path as its id.
    /// # Errors
    /// Never for a valid string; the signature is that of the setters.
    pub fn for_image(image: &str) -> Result<Self> {
        let mut record = Self::default();
        record.set_id(&image.to_owned())?;
        record.set_image(&image.to_owned())?;
        Ok(record)
    }

    /// Parses one line.
    /// # Errors
    /// When the line is not one JSON object.
    pub fn parse(line: &str) -> Result<Self> {
        Self::of_slice(&line.to_owned().into())
    }

    /// As [`parse`](Self::parse), without a copy: the record shares the line.
    pub(crate) fn of_slice(line: &Slice) -> Result<Self> {
        let Some(members) = line.members() else {
            return serde_json::from_str(line.as_str()).map_err(|error| anyhow!("not a JSON object: {error}"));
        };
        Ok(Self::of_fields(members.into_iter().map(|(name, value)| (name.to_owned(), Text::Whole(value))).collect()))
    }

    /// A record of these fields. Of several of one name the last counts, and stands where the first stood.
    fn of_fields(mut fields: Vec<(String, Text)>) -> Self {
        let again = repeated(&fields);
        for (later, first) in &again {
            fields[*first].1 = fields[*later].1.clone();
        }
        if !again.is_empty() {
            let mut laters = again.into_iter().map(|(later, _)| later).peekable();
            let mut place = 0..;
            fields.retain(|_| laters.next_if_eq(&place.next().unwrap_or(0)).is_none());
        }
        let mut record = Self { fields, places: HashMap::new() };
        record.note_places();
        record
    }

    /// Notes where each field stands.
    fn note_places(&mut self) {
        self.places.clear();
        if self.fields.len() > FEW {
            self.places.extend(self.fields.iter().enumerate().map(|(place, (name, _))| (name.clone(), place)));
        }
    }

    fn place(&self, name: &str) -> Option<usize> {
        if self.fields.len() > FEW {
            return self.places.get(name).copied();
        }
        self.fields.iter().position(|(key, _)| key == name)
    }

    /// The field `name` as a `T`; `None` when it is absent or `null`.
    /// # Errors
    /// When the field has another form; the message names the field.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        match self.raw(name) {
            None | Some("null") => Ok(None),
            Some(text) if has_too_many_values(text) => {
                bail!("field \"{name}\": more than {MOST_VALUES} values, the most that are read")
            }
            Some(text) => serde_json::from_str(text).map(Some).with_context(|| format!("field \"{name}\"")),
        }
    }

    /// The field `name` as a `T`.
    /// # Errors
    /// When it is absent (the message names `hint`, the tool or option that makes it) or has another form.
    pub fn require<T: DeserializeOwned>(&self, name: &str, hint: &str) -> Result<T> {
        self.get(name)?.ok_or_else(|| anyhow!("the record has no \"{name}\"; {hint}"))
    }

    /// Adds the field, or replaces it where it stands.
    /// # Errors
    /// When the value cannot be written as JSON.
    pub fn set<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<()> {
        let text = serde_json::to_string(value).with_context(|| format!("field \"{name}\""))?;
        self.put(name, compact(text).into());
        Ok(())
    }

    /// Keeps the fields whose name `keep` wants.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.fields.retain(|(name, _)| keep(name));
        self.note_places();
    }

    /// Takes the field out, whatever it holds.
    pub fn remove(&mut self, name: &str) {
        if let Some(place) = self.place(name) {
            self.fields.remove(place);
            self.note_places();
        }
    }

    /// Is there a field of this name that is not `null`?
    pub fn has(&self, name: &str) -> bool {
        // A text that is still to be made is not `null`.
        self.json(name).is_some_and(|text| text.whole().is_none_or(|text| text.as_str() != "null"))
    }

    /// The names of the fields, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(key, _)| key.as_str())
    }

    /// The field's JSON text as it came.
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.json(name).map(Text::as_str)
    }

    pub(crate) fn json(&self, name: &str) -> Option<&Text> {
        self.place(name).map(|place| &self.fields[place].1)
    }

    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &Text)> {
        self.fields.iter().map(|(key, text)| (key.as_str(), text))
    }

    /// About how many bytes its fields hold.
    pub fn size(&self) -> usize {
        self.fields.iter().map(|(name, text)| name.len() + text.whole().map_or(0, |text| text.as_str().len())).sum()
    }

    /// Marks the sample as failed in `tool`. A failure that is already there stays: the first is the cause.
    pub fn fail(&mut self, tool: &str, message: impl fmt::Display) {
        if self.has("error") {
            return;
        }
        let failure = Failure { tool: tool.to_owned(), message: message.to_string(), input: None };
        self.set("error", &failure).expect("two strings are always JSON");
    }

    pub(crate) fn put(&mut self, name: &str, text: Text) {
        let Some(place) = self.place(name) else {
            self.fields.push((name.to_owned(), text));
            return match self.fields.len() {
                0..=FEW => {}
                count if count == FEW + 1 => self.note_places(),
                count => drop(self.places.insert(name.to_owned(), count - 1)),
            };
        };
        self.fields[place].1 = text;
    }
}

fn has_too_many_values(json: &str) -> bool {
    json.len() > 2 * MOST_VALUES && memchr_iter(b',', json.as_bytes()).count() > MOST_VALUES
}

/// The places of fields whose name has stood before, in order, each with the first place of that name.
fn repeated(fields: &[(String, Text)]) -> Vec<(usize, usize)> {
    let mut firsts: HashMap<&str, usize> = HashMap::new();
    let mut first = |place: usize| {
        let name = fields[place].0.as_str();
        if fields.len() <= FEW {
            return fields[..place].iter().position(|(before, _)| before == name);
        }
        let first = *firsts.entry(name).or_insert(place);
        (first < place).then_some(first)
    };
    (0..fields.len()).filter_map(|place| Some((place, first(place)?))).collect()
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields.len()))?;
        for (name, text) in &self.fields {
            let value: &RawValue = serde_json::from_str(text.as_str()).map_err(serde::ser::Error::custom)?;
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Record;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Record, M::Error> {
                let mut fields = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if fields.len() == MOST_FIELDS {
                        return Err(serde::de::Error::custom(format!("more than {MOST_FIELDS} fields")));
                    }
                    // Raw text of an indented file would break the line.
                    fields.push((name, compact(Box::<str>::from(value).into()).into()));
                }
                Ok(Record::of_fields(fields))
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_come_out_byte_for_byte_in_their_order() {
        let line = r#"{"z":1.10,"id":"a","deep":{"b":[1e400,2]},"a":12345678901234567890123}"#;
        let mut record = Record::parse(line).unwrap();
        record.set_id(&"b".to_owned()).unwrap();
        assert_eq!(serde_json::to_string(&record).unwrap(), line.replace(r#""a","#, r#""b","#));
    }

    #[test]
    fn of_several_fields_of_one_name_the_last_counts_at_the_place_of_the_first() {
        for count in [3, 100] {
            let others: String = (0..count).map(|n| format!(",\"k{n}\":{n}")).collect();
            for escaped in ["", ",\"\\u0062\":2"] {
                let line = format!("{{\"a\":1,\"b\":1{others},\"a\":2{escaped},\"k0\":7,\"a\":3,\"z\":0}}");
                let b = if escaped.is_empty() { 1 } else { 2 };
                let others = others.replace("\"k0\":0", "\"k0\":7");
                let expected = format!("{{\"a\":3,\"b\":{b}{others},\"z\":0}}");
                assert_eq!(serde_json::to_string(&Record::parse(&line).unwrap()).unwrap(), expected);
            }
        }
    }

    #[test]
    fn a_record_of_more_fields_than_the_most_is_refused() {
        let line =
            |count: usize| format!("{{{}\"z\":1}}", (1..count).map(|n| format!("\"{n}\":1,")).collect::<String>());
        assert_eq!(Record::parse(&line(MOST_FIELDS)).unwrap().fields.len(), MOST_FIELDS);
        let error = Record::parse(&line(MOST_FIELDS + 1)).unwrap_err().to_string();
        assert!(error.starts_with("not a JSON object: more than 1048576 fields"), "{error}");
    }

    #[test]
    fn a_field_of_more_values_than_the_most_is_not_read() {
        let line = format!("{{\"id\":\"a\",\"objects\":[{}0]}}", "0,".repeat(MOST_VALUES + 1));
        let error = Record::parse(&line).unwrap().objects().unwrap_err().to_string();
        assert_eq!(error, "field \"objects\": more than 16777216 values, the most that are read");
    }

    #[test]
    fn depth_is_passed_through_where_it_is_unknown_and_refused_where_it_is_read() {
        let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        let line = format!("{{\"id\":\"a\",\"deep\":{deep},\"detections\":{deep}}}");
        let record = Record::parse(&line).unwrap();
        assert!(serde_json::to_string(&record).unwrap() == line);
        assert!(record.detections().is_err());
        assert!(record.get::<serde_json::Value>("deep").is_err());
        assert!(Record::parse(&line[..line.len() - 1]).is_err());
        let extra = format!("{{\"detections\":[{{\"box\":[0,0,1,1],\"label\":\"a\",\"score\":1,\"extra\":{deep}}}]}}");
        assert!(Record::parse(&extra).unwrap().detections().is_err());
    }

    #[test]
    fn a_field_of_another_form_is_named_in_the_error() {
        let record = Record::parse(r#"{"width":"wide"}"#).unwrap();
        assert!(format!("{:#}", record.width().unwrap_err()).starts_with("field \"width\": invalid type"));
    }

    #[test]
    fn fields_are_found_set_and_removed_however_many_there_are() {
        for count in [1, FEW - 1, FEW, FEW + 1, FEW + 2, 200] {
            let mut record = Record::default();
            (0..count).for_each(|n| record.set(&format!("f{n}"), &n).unwrap());
            record.set("f0", &"again").unwrap();
            for n in 1..count {
                assert_eq!(record.get::<usize>(&format!("f{n}")).unwrap(), Some(n), "of {count}");
            }
            record.remove("f0");
            assert!(!record.has("f0") && !record.has("none"));
            assert!(record.names().map(str::to_owned).eq((1..count).map(|n| format!("f{n}"))));
            record.set("last", &1).unwrap();
            assert_eq!(record.raw("last"), Some("1"));
        }
    }

    #[test]
    fn the_first_failure_stays() {
        let mut record = Record::for_image("a.jpg").unwrap();
        record.fail("dl-embed", "no such file");
        record.fail("dl-nms", "no detections");
        assert_eq!(record.error().unwrap().unwrap().tool, "dl-embed");
    }

    #[test]
    fn nested_unknown_fields_pass_through() {
        let line = r#"{"detections":[{"box":[0.0,1.0,2.0,3.5],"label":"dog","score":0.25,"track":7}]}"#;
        let mut record = Record::parse(line).unwrap();
        let detections = record.detections().unwrap().unwrap();
        record.set_detections(&detections).unwrap();
        assert_eq!(serde_json::to_string(&record).unwrap(), line);
    }

    #[test]
    fn a_score_that_is_not_a_number_is_not_written() {
        let mut record = Record::default();
        let detection = Record::parse(r#"{"detections":[{"box":[0,1,2,3],"label":"dog","score":1}]}"#).unwrap();
        let mut detections = detection.detections().unwrap().unwrap();
        detections[0].score = f64::NAN;
        assert!(record.set_detections(&detections).is_err());
    }
}
