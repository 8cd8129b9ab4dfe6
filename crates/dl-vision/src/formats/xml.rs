//! XML as a tree, and as JSON: enough for VOC's annotations, and nothing in them is lost.

use std::fmt::Write;

use anyhow::{Context, Result, anyhow, bail};
use quick_xml::escape::{partial_escape, resolve_predefined_entity};
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use serde_json::{Map, Value};

/// Deeper trees than this are no annotation.
const DEEPEST: usize = 64;

/// An element: its text with the blanks around it removed, attributes and children in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Element>,
    pub(super) text: String,
}

impl Element {
    /// An element that holds only text.
    pub(super) fn leaf(name: &str, text: impl Into<String>) -> Self {
        Self { name: name.to_owned(), text: text.into(), ..Self::default() }
    }

    /// Parses a document; comments and processing instructions are left out.
    /// # Errors
    /// When the text is not one whole element; the message tells the line.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let text = text.trim_start_matches('\u{feff}');
        let mut reader = Reader::from_str(text);
        let root = parse(&mut reader);
        let position = usize::try_from(reader.buffer_position().max(reader.error_position())).unwrap_or(usize::MAX);
        root.with_context(|| {
            let read = &text.as_bytes()[..position.min(text.len())];
            format!("line {}", 1 + read.iter().filter(|byte| **byte == b'\n').count())
        })
    }

    /// The first child of that name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Takes out the first child of that name.
    pub(super) fn take(&mut self, name: &str) -> Option<Self> {
        let index = self.children.iter().position(|child| child.name == name)?;
        Some(self.children.remove(index))
    }

    /// Has it neither attributes nor children?
    pub(super) fn is_leaf(&self) -> bool {
        self.attributes.is_empty() && self.children.is_empty()
    }

    /// A leaf as its text; another as an object: attributes as `@name`, text as `#text`, children by name, those of
    /// equal name as an array.
    pub(super) fn to_json(&self) -> Value {
        if self.is_leaf() {
            return Value::String(self.text.clone());
        }
        let mut object = Map::new();
        for (name, value) in &self.attributes {
            object.insert(format!("@{name}"), Value::String(value.clone()));
        }
        if !self.text.is_empty() {
            object.insert("#text".to_owned(), Value::String(self.text.clone()));
        }
        for child in &self.children {
            let value = child.to_json();
            match object.get_mut(&child.name) {
                None => drop(object.insert(child.name.clone(), value)),
                Some(Value::Array(values)) => values.push(value),
                Some(first) => *first = Value::Array(vec![first.take(), value]),
            }
        }
        Value::Object(object)
    }

    /// What [`to_json`](Self::to_json) was made from.
    pub(super) fn from_json(name: &str, value: &Value) -> Self {
        let mut element = Self::leaf(name, "");
        match value {
            Value::Object(object) => element.fill(object),
            Value::String(text) => element.text.clone_from(text),
            Value::Bool(flag) => element.text = u8::from(*flag).to_string(),
            Value::Null => {}
            Value::Number(_) | Value::Array(_) => element.text = value.to_string(),
        }
        element
    }

    /// Adds the members of a JSON object, as [`from_json`](Self::from_json) does.
    pub(super) fn fill(&mut self, object: &Map<String, Value>) {
        for (name, value) in object {
            match (name.strip_prefix('@'), value) {
                (Some(name), _) => self.attributes.push((name.to_owned(), Self::from_json("", value).text)),
                (None, _) if name == "#text" => self.text = Self::from_json("", value).text,
                (None, Value::Array(values)) => {
                    self.children.extend(values.iter().map(|value| Self::from_json(name, value)));
                }
                (None, _) => self.children.push(Self::from_json(name, value)),
            }
        }
    }

    /// The element as a document, indented by tabs as VOC's files are.
    /// # Errors
    /// When a name cannot be that of an element (it came from a JSON field).
    pub(super) fn to_document(&self) -> Result<String> {
        let mut document = String::new();
        self.write(&mut document, 0)?;
        Ok(document)
    }

    fn write(&self, document: &mut String, depth: usize) -> Result<()> {
        let indent = "\t".repeat(depth);
        check_name(&self.name)?;
        write!(document, "{indent}<{}", self.name)?;
        for (name, value) in &self.attributes {
            check_name(name)?;
            write!(document, " {name}=\"{}\"", partial_escape(value.as_str()).replace('"', "&quot;"))?;
        }
        write!(document, ">{}", partial_escape(self.text.as_str()))?;
        if !self.children.is_empty() {
            document.push('\n');
            for child in &self.children {
                child.write(document, depth + 1)?;
            }
            document.push_str(&indent);
        }
        writeln!(document, "</{}>", self.name)?;
        Ok(())
    }
}

fn check_name(name: &str) -> Result<()> {
    let mut characters = name.chars();
    let starts_well = characters.next().is_some_and(|first| first.is_alphabetic() || first == '_');
    if !starts_well || !characters.all(|other| other.is_alphanumeric() || "_-.:".contains(other)) {
        bail!("\"{name}\" cannot be the name of an XML element");
    }
    Ok(())
}

fn parse(reader: &mut Reader<&[u8]>) -> Result<Element> {
    let mut open: Vec<Element> = Vec::new();
    loop {
        let closed = match reader.read_event()? {
            Event::Start(tag) => {
                if open.len() == DEEPEST {
                    bail!("elements are nested more than {DEEPEST} deep");
                }
                open.push(opened(&tag)?);
                continue;
            }
            Event::Empty(tag) => opened(&tag)?,
            Event::End(_) => open.pop().ok_or_else(|| anyhow!("an end without a beginning"))?,
            Event::Text(text) => {
                add_text(&mut open, &text.xml10_content()?)?;
                continue;
            }
            Event::CData(text) => {
                add_text(&mut open, &text.xml10_content()?)?;
                continue;
            }
            Event::GeneralRef(reference) => {
                let name = reference.decode()?;
                match (reference.resolve_char_ref()?, resolve_predefined_entity(&name)) {
                    (Some(character), _) => add_text(&mut open, character.encode_utf8(&mut [0; 4]))?,
                    (None, Some(text)) => add_text(&mut open, text)?,
                    (None, None) => bail!("unknown entity &{name};"),
                }
                continue;
            }
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => continue,
            Event::Eof => match open.last() {
                Some(element) => bail!("the file ends inside <{}>", element.name),
                None => bail!("there is no element in the file"),
            },
        };
        let closed = Element { text: closed.text.trim().to_owned(), ..closed };
        match open.last_mut() {
            Some(parent) => parent.children.push(closed),
            None => return Ok(closed),
        }
    }
}

fn opened(tag: &BytesStart) -> Result<Element> {
    let mut element = Element::leaf(str::from_utf8(tag.name().as_ref())?, "");
    for attribute in tag.attributes() {
        let attribute = attribute?;
        let name = str::from_utf8(attribute.key.as_ref())?.to_owned();
        element.attributes.push((name, attribute.normalized_value(XmlVersion::Implicit1_0)?.into_owned()));
    }
    Ok(element)
}

fn add_text(open: &mut [Element], text: &str) -> Result<()> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => bail!("text outside of any element"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str =
        "<a on=\"&quot;1&quot; &lt; 2\">\n\t<b>x &amp; y &lt; ü</b>\n\t<b></b>\n\t<c>\n\t\t<d>1</d>\n\t</c>\n</a>\n";

    #[test]
    fn a_document_survives_the_tree_and_json() {
        let root = Element::parse(DOCUMENT).unwrap();
        assert_eq!(root.child("b").unwrap().text, "x & y < ü");
        assert_eq!(root.to_document().unwrap(), DOCUMENT);
        assert_eq!(Element::from_json("a", &root.to_json()), root);
    }

    #[test]
    fn declarations_comments_and_character_data_are_understood() {
        let text = "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE a>\n<!-- c --><a><![CDATA[<&>]]>&#65;<b/></a>";
        let root = Element::parse(text).unwrap();
        assert_eq!((root.text.as_str(), root.children.len()), ("<&>A", 1));
    }

    #[test]
    fn what_is_broken_is_told_with_its_line() {
        for (text, wanted) in [
            ("<a>\n<b>1</b>\n<c>", "line 3: the file ends inside <c>"),
            ("<a>\n</b>", "line 2: "),
            ("", "line 1: there is no element"),
            ("words", "line 1: text outside"),
            ("<a>\n&bomb;</a>", "line 2: unknown entity &bomb;"),
            (&"<a>".repeat(100), "line 1: elements are nested"),
        ] {
            let error = format!("{:#}", Element::parse(text).unwrap_err());
            assert!(error.starts_with(wanted), "{error}");
        }
    }
}
