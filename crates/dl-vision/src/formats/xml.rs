//! XML as a tree, and as JSON: as much as VOC annotations need, without losing anything.

use std::fmt::Write;

use anyhow::{Context, Result, anyhow, bail};
use quick_xml::escape::{partial_escape, resolve_predefined_entity};
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use serde_json::{Map, Value};

/// Deeper trees than this are not annotations.
const DEEPEST: usize = 64;

/// The attribute of an element whose text begins or ends with whitespace.
const SPACE: (&str, &str) = ("xml:space", "preserve");

/// An element: its text with surrounding whitespace removed, and attributes and children in order.
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

    /// Parses a document; comments and processing instructions are dropped. The second value describes what follows the
    /// root, if anything.
    /// # Errors
    /// When the text does not begin with one complete element; the message names the line.
    pub(super) fn parse(text: &str) -> Result<(Self, Option<String>)> {
        let mut reader = Reader::from_str(text);
        let root = next_element(&mut reader).and_then(|root| root.context("an end tag without a start tag"));
        let root = root.with_context(|| format!("line {}", line_of(&reader, text)))?;
        Ok((root, after_root(&mut reader, text)))
    }

    /// The first child with that name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Removes and returns the first child with that name.
    pub(super) fn take(&mut self, name: &str) -> Option<Self> {
        let index = self.children.iter().position(|child| child.name == name)?;
        Some(self.children.remove(index))
    }

    /// Does it have neither attributes nor children?
    pub(super) fn is_leaf(&self) -> bool {
        self.attributes.is_empty() && self.children.is_empty()
    }

    /// A leaf becomes its text, another element an object: attributes as `@name`, text as `#text`, children by name,
    /// those with equal names as an array.
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

    /// The inverse of [`to_json`](Self::to_json).
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

    /// The element as a document, indented by tabs like VOC's files.
    /// # Errors
    /// When a name (which came from a JSON field) is not valid for an element.
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
            check_text(&self.name, value)?;
            let value = partial_escape(value.as_str()).replace('"', "&quot;");
            let value = value.replace('\t', "&#9;").replace('\n', "&#10;").replace('\r', "&#13;");
            write!(document, " {name}=\"{value}\"")?;
        }
        check_text(&self.name, &self.text)?;
        if self.text.trim() != self.text && self.children.is_empty() {
            write!(document, " {}=\"{}\"", SPACE.0, SPACE.1)?;
        }
        write!(document, ">{}", partial_escape(self.text.as_str()).replace('\r', "&#13;"))?;
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

/// The children of a document's root, one by one: for files that contain a whole dataset.
#[derive(Debug)]
pub(super) struct Children {
    text: String,
    /// Where the next child begins.
    at: usize,
    line: usize,
    /// Name of the root.
    pub(super) root: String,
}

impl Children {
    /// # Errors
    /// When there is no root.
    pub(super) fn new(text: String) -> Result<Self> {
        let mut reader = Reader::from_str(&text);
        let root = loop {
            match reader.read_event() {
                Ok(Event::Start(tag) | Event::Empty(tag)) => {
                    break String::from_utf8_lossy(tag.name().as_ref()).into_owned();
                }
                Ok(Event::Eof) => bail!("the file has no element"),
                Ok(Event::Text(text)) if !text.iter().all(u8::is_ascii_whitespace) => {
                    bail!("line 1: text outside of any element")
                }
                Ok(_) => {}
                Err(error) => return Err(anyhow!(error).context(format!("line {}", line_of(&reader, &text)))),
            }
        };
        let at = usize::try_from(reader.buffer_position())?;
        let line = 1 + newlines(&text[..at]);
        Ok(Self { text, at, line, root })
    }
}

impl Iterator for Children {
    /// A child, and the line on which it begins. Ends after an error, since the position is then unknown.
    type Item = Result<(Element, usize)>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let mut reader = Reader::from_str(rest);
        reader.config_mut().allow_unmatched_ends = true;
        let begin = self.line + newlines(&rest[..rest.len() - rest.trim_start().len()]);
        match next_element(&mut reader) {
            Ok(Some(child)) => {
                let end = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX).min(rest.len());
                self.line += newlines(&rest[..end]);
                self.at += end;
                Some(Ok((child, begin)))
            }
            Ok(None) => {
                self.at = self.text.len();
                None
            }
            // The file may end after the root has been closed, or the root had no end tag of its own.
            Err(_) if rest.trim().is_empty() => None,
            Err(error) => {
                let line = self.line - 1 + line_of(&reader, rest);
                self.at = self.text.len();
                Some(Err(error.context(format!("line {line}"))))
            }
        }
    }
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

/// The current line of a reader.
fn line_of(reader: &Reader<&[u8]>, text: &str) -> usize {
    let position = usize::try_from(reader.buffer_position().max(reader.error_position())).unwrap_or(usize::MAX);
    1 + text.as_bytes()[..position.min(text.len())].iter().filter(|byte| **byte == b'\n').count()
}

/// Describes what follows the root, if it is more than whitespace and comments.
fn after_root(reader: &mut Reader<&[u8]>, text: &str) -> Option<String> {
    loop {
        let what = match reader.read_event() {
            Ok(Event::Eof) => return None,
            Ok(Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_)) => continue,
            Ok(Event::Text(text)) if text.iter().all(u8::is_ascii_whitespace) => continue,
            Ok(Event::Start(tag) | Event::Empty(tag)) => {
                format!("a second <{}>", String::from_utf8_lossy(tag.name().as_ref()))
            }
            Ok(_) | Err(_) => "text".to_owned(),
        };
        return Some(format!("line {}: {what} after the end of the annotation is ignored", line_of(reader, text)));
    }
}

/// The next complete element; `None` when the enclosing element ends.
fn next_element(reader: &mut Reader<&[u8]>) -> Result<Option<Element>> {
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
            Event::End(_) => match open.pop() {
                Some(element) => element,
                None => return Ok(None),
            },
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
                None => bail!("the file has no element"),
            },
        };
        let closed = trimmed(closed);
        match open.last_mut() {
            Some(parent) => parent.children.push(closed),
            None => return Ok(Some(closed)),
        }
    }
}

/// Removes the indentation around a text, unless an attribute says to preserve it.
fn trimmed(mut element: Element) -> Element {
    match element.attributes.iter().position(|(name, value)| (name.as_str(), value.as_str()) == SPACE) {
        Some(space) if element.children.is_empty() => drop(element.attributes.remove(space)),
        _ => element.text = element.text.trim().to_owned(),
    }
    element
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

/// Fails for characters that XML 1.0 cannot contain in any form.
fn check_text(element: &str, text: &str) -> Result<()> {
    let is_allowed = |character: char| !matches!(character, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    match text.chars().find(|character| !is_allowed(*character)) {
        Some(character) => {
            bail!("<{element}> would contain the character U+{:04X}, which XML does not allow", u32::from(character))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str =
        "<a on=\"&quot;1&quot; &lt; 2\">\n\t<b>x &amp; y &lt; ü</b>\n\t<b></b>\n\t<c>\n\t\t<d>1</d>\n\t</c>\n</a>\n";

    #[test]
    fn a_document_survives_the_tree_and_json() {
        let root = Element::parse(DOCUMENT).unwrap().0;
        assert_eq!(root.child("b").unwrap().text, "x & y < ü");
        assert_eq!(root.to_document().unwrap(), DOCUMENT);
        assert_eq!(Element::from_json("a", &root.to_json()), root);
    }

    #[test]
    fn declarations_comments_and_character_data_are_parsed() {
        let text =
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE a>\n<!-- c --><a><![CDATA[<&>]]>&#65;<b/></a>";
        let root = Element::parse(text).unwrap().0;
        assert_eq!((root.text.as_str(), root.children.len()), ("<&>A", 1));
    }

    #[test]
    fn errors_are_reported_with_their_line() {
        for (text, expected) in [
            ("<a>\n<b>1</b>\n<c>", "line 3: the file ends inside <c>"),
            ("<a>\n</b>", "line 2: "),
            ("", "line 1: the file has no element"),
            ("words", "line 1: text outside"),
            ("<a>\n&bomb;</a>", "line 2: unknown entity &bomb;"),
            (&"<a>".repeat(100), "line 1: elements are nested"),
        ] {
            let error = format!("{:#}", Element::parse(text).unwrap_err());
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn whitespace_and_line_breaks_of_a_text_survive() {
        let mut root = Element::leaf("a", "");
        root.attributes.push(("b".into(), " 1\n2\t\r".into()));
        root.children.extend([" x ", "y\r\n", " "].map(|text| Element::leaf("name", text)));
        assert_eq!(Element::parse(&root.to_document().unwrap()).unwrap().0, root);
        root.children.push(Element::leaf("name", "\u{7}"));
        assert!(root.to_document().unwrap_err().to_string().contains("<name> would contain the character U+0007"));
    }

    #[test]
    fn content_after_the_root_is_reported() {
        for (after, expected) in [
            ("\n <!-- c -->\n", None),
            ("\n<a/>", Some("line 2: a second <a>")),
            ("\n\nx", Some("line 3: text")),
            ("</a>", Some("line 1: text")),
        ] {
            let (root, trailing) = Element::parse(&format!("<a>1</a>{after}")).unwrap();
            assert_eq!(root.text, "1");
            assert_eq!(trailing.is_some(), expected.is_some(), "{after}: {trailing:?}");
            assert!(trailing.unwrap_or_default().starts_with(expected.unwrap_or_default()), "{after}");
        }
    }

    #[test]
    fn the_children_of_a_root_are_returned_one_by_one() {
        let text = "<?xml version=\"1.0\"?>\n<r>\n <a>1</a>\n <b x=\"2\"/>\n</r>\n";
        let children = Children::new(text.into()).unwrap();
        assert_eq!(children.root, "r");
        let found: Vec<_> = children.map(|child| child.map(|(child, line)| (child.name, line)).unwrap()).collect();
        assert_eq!(found, [("a".to_owned(), 3), ("b".to_owned(), 4)]);
        let mut children = Children::new(text[..text.len() - 9].into()).unwrap();
        assert!(children.next().unwrap().is_ok());
        let error = format!("{:#}", children.next().unwrap().unwrap_err());
        assert!(error.starts_with("line 4: "), "{error}");
        assert!(children.next().is_none());
    }
}
