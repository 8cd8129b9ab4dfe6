//! The one box type of the project.

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

/// An axis-aligned box in absolute pixels: continuous coordinates, origin at the top left corner of the image,
/// width = x2 - x1 (no `+1`). In JSON it is `[x1, y1, x2, y2]`.
///
/// Other conventions (`xywh`, `cxcywh`, VOC's 1-based inclusive corners) are converted when data is read or written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "[f64; 4]", into = "[f64; 4]")]
pub struct BBox {
    /// Left edge.
    pub x1: f64,
    /// Top edge.
    pub y1: f64,
    /// Right edge.
    pub x2: f64,
    /// Bottom edge.
    pub y2: f64,
}

impl BBox {
    /// The box with these edges, in this order.
    pub const fn new(x1: f64, y1: f64, x2: f64, y2: f64) -> Self {
        Self { x1, y1, x2, y2 }
    }

    /// x2 - x1, in pixels; negative if the box is inverted.
    pub fn width(&self) -> f64 {
        self.x2 - self.x1
    }

    /// y2 - y1, in pixels; negative if the box is inverted.
    pub fn height(&self) -> f64 {
        self.y2 - self.y1
    }

    /// Width times height in square pixels; 0 for an empty or inverted box.
    pub fn area(&self) -> f64 {
        self.width().max(0.0) * self.height().max(0.0)
    }

    /// The center (x, y).
    pub fn center(&self) -> (f64, f64) {
        (0.5 * (self.x1 + self.x2), 0.5 * (self.y1 + self.y2))
    }

    /// The part of the box inside an image of `width` x `height` pixels; an empty (not inverted) box if there is none.
    pub fn clip(&self, width: f64, height: f64) -> Self {
        Self {
            x1: self.x1.clamp(0.0, width),
            y1: self.y1.clamp(0.0, height),
            x2: self.x2.clamp(0.0, width),
            y2: self.y2.clamp(0.0, height),
        }
    }

    /// Checks that all edges are finite and the box is not inverted (x2 < x1 or y2 < y1).
    /// An empty box (x2 = x1) is valid: real datasets contain some.
    /// # Errors
    /// When they are not; the message is for the user.
    pub fn check(&self) -> Result<()> {
        let Self { x1, y1, x2, y2 } = self;
        if ![x1, y1, x2, y2].iter().all(|edge| edge.is_finite()) {
            bail!("box [{x1},{y1},{x2},{y2}] has an edge that is not a finite number");
        }
        if x2 < x1 {
            bail!("box has x2 < x1 ({x2} < {x1}); boxes are [x1,y1,x2,y2]");
        }
        if y2 < y1 {
            bail!("box has y2 < y1 ({y2} < {y1}); boxes are [x1,y1,x2,y2]");
        }
        Ok(())
    }
}

impl From<[f64; 4]> for BBox {
    fn from([x1, y1, x2, y2]: [f64; 4]) -> Self {
        Self { x1, y1, x2, y2 }
    }
}

impl From<BBox> for [f64; 4] {
    fn from(b: BBox) -> Self {
        [b.x1, b.y1, b.x2, b.y2]
    }
}

impl schemars::JsonSchema for BBox {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Box".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "[x1, y1, x2, y2] in absolute pixels: continuous coordinates, origin at the top left, width = x2 - x1",
            "type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inverted_box_is_rejected_and_an_empty_one_is_not() {
        assert!(BBox::new(10.0, 0.0, 4.0, 5.0).check().unwrap_err().to_string().contains("x2 < x1 (4 < 10)"));
        assert!(BBox::new(4.0, 0.0, 4.0, 5.0).check().is_ok());
        assert_eq!(BBox::new(10.0, 0.0, 4.0, 5.0).area(), 0.0);
    }

    #[test]
    fn clipping_a_box_that_is_wholly_outside_leaves_an_empty_box_at_the_edge() {
        let clipped = BBox::new(20.0, 2.0, 30.0, 4.0).clip(10.0, 10.0);
        assert_eq!(clipped, BBox::new(10.0, 2.0, 10.0, 4.0));
        assert_eq!(clipped.area(), 0.0);
    }
}
