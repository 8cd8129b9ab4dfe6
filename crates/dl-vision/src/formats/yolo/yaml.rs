//! Reads untrusted YAML in bounded memory and time.
//!
//! A document is a table of nodes, and an alias is another reference to the node of its anchor, so that nothing is
//! expanded or nested during reading. The size and depth with all aliases expanded are counted and limited, because a
//! traversal follows every reference.

use std::collections::HashMap;

use anyhow::{Context, Result, bail};
use yaml_rust2::parser::{Event, Parser};
use yaml_rust2::scanner::TScalarStyle;

/// The parser uses about a hundred bytes for each byte of a long list; the names of 20,000 classes are under 1 MiB.
pub(super) const MOST_BYTES: u64 = 2 << 20;
const MOST_NODES: u64 = 1_000_000;
const MOST_DEPTH: usize = 64;

#[derive(Debug)]
enum Node {
    Null,
    Text(String),
    List(Vec<usize>),
    Map(Vec<(usize, usize)>),
}

/// A parsed YAML file.
#[derive(Debug, Default)]
pub(super) struct Document {
    nodes: Vec<Node>,
    root: Option<usize>,
}

/// A value in a [`Document`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'a> {
    document: &'a Document,
    node: usize,
}

impl Document {
    /// # Errors
    /// When the text is not YAML, has several documents, or is too large or too deep with its aliases expanded.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut builder = Builder::default();
        let mut parser = Parser::new_from_str(text);
        loop {
            let (event, mark) = parser.next_token()?;
            if event == Event::StreamEnd {
                return Ok(builder.document);
            }
            builder.take(event).with_context(|| format!("line {}", mark.line()))?;
        }
    }

    /// The root value; `None` for an empty file.
    pub(super) fn root(&self) -> Option<Value<'_>> {
        self.root.map(|node| Value { document: self, node })
    }
}

impl<'a> Value<'a> {
    fn of(self, node: usize) -> Self {
        Value { node, ..self }
    }

    fn node(self) -> &'a Node {
        &self.document.nodes[self.node]
    }

    /// The text of a scalar as written, also of a number.
    pub(super) fn text(self) -> Option<&'a str> {
        if let Node::Text(text) = self.node() { Some(text) } else { None }
    }

    pub(super) fn is_null(self) -> bool {
        matches!(self.node(), Node::Null)
    }

    pub(super) fn list(self) -> Option<impl Iterator<Item = Value<'a>>> {
        let Node::List(items) = self.node() else { return None };
        Some(items.iter().map(move |item| self.of(*item)))
    }

    /// The keys and values of a map, without merged ones.
    pub(super) fn map(self) -> Option<impl Iterator<Item = (Value<'a>, Value<'a>)>> {
        let Node::Map(pairs) = self.node() else { return None };
        Some(pairs.iter().map(move |(key, value)| (self.of(*key), self.of(*value))))
    }

    /// The value of a key in a map, its own or a merged one (`<<: *base`).
    pub(super) fn get(self, name: &str) -> Option<Value<'a>> {
        let with = |name: &str| self.map()?.find(|(key, _)| key.text() == Some(name)).map(|(_, value)| value);
        with(name).or_else(|| {
            let base = with("<<")?;
            match base.list() {
                Some(mut bases) => bases.find_map(|base| base.get(name)),
                None => base.get(name),
            }
        })
    }
}

/// A list or map that is not yet closed.
struct Open {
    node: Node,
    anchor: usize,
    key: Option<usize>,
    extent: Extent,
}

/// The number of nodes of a value with its aliases expanded, and their depth.
#[derive(Clone, Copy)]
struct Extent {
    nodes: u64,
    depth: usize,
}

const LEAF: Extent = Extent { nodes: 1, depth: 1 };

#[derive(Default)]
struct Builder {
    document: Document,
    extents: Vec<Extent>,
    open: Vec<Open>,
    anchors: HashMap<usize, usize>,
    begun: bool,
}

impl Builder {
    fn take(&mut self, event: Event) -> Result<()> {
        match event {
            Event::DocumentStart if self.begun => bail!("there are several documents (---); keep one"),
            Event::DocumentStart => self.begun = true,
            Event::Scalar(text, style, anchor, _) => {
                let is_null =
                    style == TScalarStyle::Plain && ["", "~", "null", "Null", "NULL"].contains(&text.as_str());
                self.close(if is_null { Node::Null } else { Node::Text(text) }, anchor, LEAF)?;
            }
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).context("an alias refers to a value that contains it")?;
                self.put(*node)?;
            }
            Event::SequenceStart(anchor, _) => self.begin(Node::List(Vec::new()), anchor)?,
            Event::MappingStart(anchor, _) => self.begin(Node::Map(Vec::new()), anchor)?,
            Event::SequenceEnd | Event::MappingEnd => {
                let open = self.open.pop().context("an end without a start")?;
                self.close(open.node, open.anchor, open.extent)?;
            }
            Event::Nothing | Event::StreamStart | Event::DocumentEnd | Event::StreamEnd => {}
        }
        Ok(())
    }

    fn begin(&mut self, node: Node, anchor: usize) -> Result<()> {
        self.open.push(Open { node, anchor, key: None, extent: LEAF });
        self.check(LEAF.nodes, self.open.len())
    }

    /// Adds a complete node.
    fn close(&mut self, node: Node, anchor: usize, extent: Extent) -> Result<()> {
        let index = self.document.nodes.len();
        self.document.nodes.push(node);
        self.extents.push(extent);
        if anchor > 0 {
            self.anchors.insert(anchor, index);
        }
        self.put(index)
    }

    /// Adds a node to the list or map that contains it.
    fn put(&mut self, index: usize) -> Result<()> {
        let Some(parent) = self.open.last_mut() else {
            self.document.root = Some(index);
            return Ok(());
        };
        match (&mut parent.node, parent.key.take()) {
            (Node::List(items), _) => items.push(index),
            (Node::Map(pairs), Some(key)) => pairs.push((key, index)),
            (Node::Map(_), None) => parent.key = Some(index),
            (Node::Null | Node::Text(_), _) => {}
        }
        let inside = self.extents[index];
        parent.extent.nodes = parent.extent.nodes.saturating_add(inside.nodes);
        parent.extent.depth = parent.extent.depth.max(1 + inside.depth);
        let extent = parent.extent;
        self.check(extent.nodes, extent.depth)
    }

    fn check(&self, nodes: u64, depth: usize) -> Result<()> {
        if depth > MOST_DEPTH {
            bail!("it is nested more than {MOST_DEPTH} levels deep");
        }
        if nodes > MOST_NODES {
            bail!("with its aliases expanded it has more than {MOST_NODES} values");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_and_merged_keys_are_followed() {
        let document = Document::parse("a: &a {x: 1, y: [~, '~', *b]}").unwrap_err();
        assert!(document.to_string().contains("unknown anchor"), "{document}");
        let document = Document::parse("b: &b {x: 1}\na: {<<: *b, y: [~, '~', *b]}\nz: {<<: [{q: 1}, *b]}").unwrap();
        let root = document.root().unwrap();
        assert_eq!(root.get("a").unwrap().get("x").unwrap().text(), Some("1"));
        assert_eq!(root.get("z").unwrap().get("x").unwrap().text(), Some("1"));
        let items: Vec<_> = root.get("a").unwrap().get("y").unwrap().list().unwrap().collect();
        assert!(items[0].is_null() && items[1].text() == Some("~") && items[2].get("x").is_some());
        assert!(Document::parse("").unwrap().root().is_none());
        assert_eq!(Document::parse("--- !!python/x {a: 1}\n...\n").unwrap().root().unwrap().map().unwrap().count(), 1);
    }

    #[test]
    fn unbounded_expansion_is_rejected_quickly() {
        let bomb = |width: usize, levels: usize| {
            let level = |i: usize| {
                let inside = if i == 0 { "x".to_owned() } else { format!("*a{}", i - 1) };
                format!("a{i}: &a{i} [{}]\n", vec![inside; width].join(","))
            };
            (0..levels).map(level).collect::<String>()
        };
        let chain: String = (1..100_000).map(|i| format!("a{i}: &a{i} [*a{}]\n", i - 1)).collect();
        for (text, expected) in [
            (bomb(10, 9), "more than 1000000 values"),
            (bomb(10, 40), "more than 1000000 values"),
            (format!("a0: &a0 x\n{chain}"), "levels deep"),
            ("a: &a [*a]".to_owned(), "a value that contains it"),
            ("- ".repeat(500_000), "levels deep"),
            ("? ".repeat(500_000), "levels deep"),
            (format!("names: {}", "[".repeat(1_000_000)), ""),
            ("{".repeat(1_000_000), ""),
            ("{a: ".repeat(200_000), ""),
            ("- a\n---\n".repeat(100_000), "several documents"),
        ] {
            let started = std::time::Instant::now();
            let error = format!("{:#}", Document::parse(&text).unwrap_err());
            assert!(error.contains(expected), "{error}");
            assert!(error.len() < 300 && started.elapsed().as_secs() < 10, "{error} after {:?}", started.elapsed());
        }
        assert!(Document::parse(&bomb(10, 4)).is_ok());
        assert!(Document::parse(&format!("names: [{}]", "x,".repeat(100_000))).is_ok());
    }
}
