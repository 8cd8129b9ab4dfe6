//! darknet's `.cfg`: one section per layer, read to a typed description with the shape of every output.
//!
//! The description serves twice: the sizes of the tensors in the `.weights` follow from it, and the network is built
//! from it. It is untrusted input: a layer can only refer to layers before it, and every product is saturating.
//!
//! Reference: darknet's `parser.c` and the `make_..._layer` functions.

mod kind;
mod section;
mod tensors;

use anyhow::{Context, Result, ensure};

use section::{Section, sections};

pub(crate) use kind::{Activation, Connected, Convolutional, Detection, Kind, Local, MaxPool, Order, Reorg, Softmax};
pub(super) use tensors::tensors;

/// Channels, height, width of an output.
pub(crate) type Shape = [usize; 3];

/// Numbers in an output of this shape.
pub(crate) fn numbers(shape: Shape) -> usize {
    shape.iter().fold(1, |all, side| all.saturating_mul(*side))
}

/// Largest side or number of channels of an output.
const LARGEST_OUTPUT: usize = 1 << 40;

/// A network.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cfg {
    /// Of the input; height and width are 0 if the `.cfg` does not state them.
    pub(crate) input: Shape,
    /// Whether images keep their aspect ratio, if the `.cfg` states it.
    pub(crate) letter_box: Option<bool>,
    /// The file with the class names, if the `.cfg` states it.
    pub(crate) names: Option<String>,
    /// In the order of computation.
    pub(crate) layers: Vec<Layer>,
}

/// A layer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layer {
    /// What it computes.
    pub(crate) kind: Kind,
    /// Its section's name.
    pub(crate) section: String,
    /// The line of its section's name, from 1.
    pub(crate) line: usize,
    /// The shape of the previous output.
    pub(crate) input: Shape,
    /// The shape of its output.
    pub(crate) output: Shape,
}

impl Cfg {
    /// Reads a `.cfg`.
    /// # Errors
    /// When a layer's kind is not supported, or its options are invalid.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let sections = sections(text)?;
        let (net, sections) = sections.split_first().context("is empty")?;
        ensure!(matches!(net.kind.as_str(), "net" | "network"), "begins with [{}]; expected [net]", net.kind);
        let input = [net.get("channels", 3)?, net.get("height", 0)?, net.get("width", 0)?];
        let letter_box = net.text("letter_box").map(|_| net.flag("letter_box")).transpose()?;
        let names = net.text("names").map(str::to_owned);
        let mut layers: Vec<Layer> = Vec::new();
        for section in sections {
            let previous = layers.last().map_or(input, |layer| layer.output);
            let layer = Layer::read(section, previous, &layers).with_context(|| place(layers.len(), section))?;
            layers.push(layer);
        }
        Ok(Self { input, letter_box, names, layers })
    }
}

impl Layer {
    fn read(section: &Section, input: Shape, before: &[Self]) -> Result<Self> {
        let (kind, output) = Kind::read(section, input, before)?;
        let known = output.iter().all(|side| *side <= LARGEST_OUTPUT);
        ensure!(known, "has an output of shape {output:?}, which is too large");
        Ok(Self { kind, section: section.kind.clone(), line: section.line, input, output })
    }

    /// Where it is in the file, for messages; it is layer `index`.
    pub(crate) fn place(&self, index: usize) -> String {
        format!("line {}: layer {index} [{}]", self.line, self.section)
    }
}

fn place(index: usize, section: &Section) -> String {
    format!("line {}: layer {index} [{}]", section.line, section.kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(layers: &str) -> String {
        format!("{:#}", Cfg::parse(&format!("[net]\nheight=8\nwidth=8\n{layers}")).unwrap_err())
    }

    #[test]
    fn every_layer_has_the_shape_of_its_output() {
        let text = "[net]\nheight=9\nwidth=8\n[convolutional]\nfilters=4\nsize=3\npad=1\n[maxpool]\nsize=2\nstride=2\n\
                    [maxpool]\nsize=2\nstride=1\n[route]\nlayers=-1,-2\n[upsample]\nstride=2\n[route]\nlayers=-2\n\
                    groups=2\ngroup_id=1\n[shortcut]\nfrom=1\n[local]\nsize=3\npad=1\nfilters=2\n[connected]\noutput=7";
        let shapes: Vec<Shape> = Cfg::parse(text).unwrap().layers.iter().map(|layer| layer.output).collect();
        let half = [4, 5, 4];
        let expected = [[4, 9, 8], half, half, [8, 5, 4], [8, 10, 8], half, half, [2, 5, 4], [7, 1, 1]];
        assert_eq!(shapes, expected);
    }

    #[test]
    fn an_error_names_the_layer_its_kind_and_its_line() {
        assert_eq!(error("[lstm]"), "line 4: layer 0 [lstm]: layers [lstm] are not supported");
        assert_eq!(
            error("[dropout]\n[convolutional]\nfilters=x"),
            "line 5: layer 1 [convolutional]: filters=x: expected a number"
        );
        assert!(error("[convolutional]\nactivation=hyper").contains("activation=hyper is not one of darknet's"));
        assert!(error("nonsense").contains("line 4: expected [section] or key=value"));
    }

    #[test]
    fn a_route_leads_to_an_earlier_layer_of_the_same_size() {
        for places in ["0", "-1", "5", "-99999999999"] {
            assert!(error(&format!("[route]\nlayers={places}")).contains("does not exist before it"), "{places}");
        }
        let text = error("[maxpool]\nstride=2\n[upsample]\n[route]\nlayers=-1,-2");
        assert!(text.contains("maps of 8 x 8 and 4 x 4 cannot be joined"), "{text}");
        assert!(error("[dropout]\n[shortcut]\nfrom=7").contains("layer 7 does not exist before it"));
        assert!(error("[dropout]\n[upsample]\n[shortcut]\nfrom=0").contains("cannot be added"));
    }

    #[test]
    fn heads_must_fit_their_input() {
        let text = error("[connected]\noutput=100\n[detection]\nclasses=20\ncoords=4\nside=7\nnum=2");
        assert!(text.contains("expected 1470 inputs, not 100"), "{text}");
        let text = error("[convolutional]\nfilters=30\n[yolo]\nclasses=20\nmask=0,1\nanchors=1,2,3,4\nnum=2");
        assert!(text.contains("expected 50 channels, not 30"), "{text}");
        let text = error("[convolutional]\nfilters=50\n[yolo]\nclasses=20\nmask=0,2\nanchors=1,2,3,4\nnum=2");
        assert!(text.contains("mask=0,2: anchor 2 does not exist"), "{text}");
    }

    #[test]
    fn huge_numbers_are_errors() {
        assert!(error(&"[upsample]\nstride=1048576\n".repeat(3)).contains("which is too large"));
        assert!(error("[convolutional]\nstride=0").contains("stride=0: expected a number above 0"));
        assert!(error("[maxpool]\nsize=-2").contains("size=-2: expected a number"));
        assert!(error("[local]\nsize=1048576").contains("does not fit into 8 x 8"));
        let anchors = format!("[yolo]\nanchors={}", "1,".repeat(5000));
        assert!(error(&anchors).contains("at most 4096"));
    }
}
