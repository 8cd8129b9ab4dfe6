//! Pictograms: tables of marks in the square from -1 to 1, x to the right, y down.

use dl_vision::picture::raster::Point;

use super::canvas::{Color, capsule, ellipse};

/// A pictogram.
#[derive(Debug)]
pub(crate) struct Glyph {
    pub(crate) name: &'static str,
    /// Painted in this order.
    marks: &'static [Mark],
}

/// A part of a pictogram, in ink.
#[derive(Debug)]
enum Mark {
    /// Start, end and thickness of a line with round ends.
    Line(Point, Point, f64),
    /// Center and radii of an ellipse.
    Oval(Point, Point),
    Shape(&'static [Point]),
    /// A mark in the background color.
    Gap(&'static Mark),
}

use Mark::{Gap, Line, Oval, Shape};

impl Glyph {
    /// The polygons with their colors, in painting order, for half a side of `size`, `below` the center.
    pub(crate) fn shapes(&self, size: f64, below: f64, ink: Color, ground: Color) -> Vec<(Vec<Point>, Color)> {
        let place = |points: Vec<Point>| points.into_iter().map(|[x, y]| [size * x, size * y + below]).collect();
        let painted = |mark: &Mark| match mark {
            Gap(mark) => (place(mark.outline()), ground),
            mark => (place(mark.outline()), ink),
        };
        self.marks.iter().map(painted).collect()
    }
}

impl Mark {
    fn outline(&self) -> Vec<Point> {
        match self {
            Line(from, to, thickness) => capsule(*from, *to, *thickness),
            Oval(middle, radii) => ellipse(*middle, *radii),
            Shape(points) => points.to_vec(),
            Gap(mark) => mark.outline(),
        }
    }
}

/// The pictograms of the road signs.
#[rustfmt::skip]
pub(crate) const ROAD: &[Glyph] = &[
    Glyph { name: "ahead", marks: &[Line([0.0, 0.85], [0.0, -0.3], 0.36), Shape(&[[0.0, -0.95], [0.62, -0.2], [-0.62, -0.2]])] },
    Glyph { name: "left", marks: &[Line([0.85, 0.0], [-0.3, 0.0], 0.36), Shape(&[[-0.95, 0.0], [-0.2, 0.62], [-0.2, -0.62]])] },
    Glyph { name: "right", marks: &[Line([-0.85, 0.0], [0.3, 0.0], 0.36), Shape(&[[0.95, 0.0], [0.2, 0.62], [0.2, -0.62]])] },
    Glyph { name: "turn-left", marks: &[
        Line([0.5, 0.85], [0.5, -0.2], 0.32), Line([0.5, -0.2], [-0.3, -0.2], 0.32),
        Shape(&[[-0.95, -0.2], [-0.25, 0.4], [-0.25, -0.8]]),
    ] },
    Glyph { name: "turn-right", marks: &[
        Line([-0.5, 0.85], [-0.5, -0.2], 0.32), Line([-0.5, -0.2], [0.3, -0.2], 0.32),
        Shape(&[[0.95, -0.2], [0.25, 0.4], [0.25, -0.8]]),
    ] },
    Glyph { name: "danger", marks: &[
        Shape(&[[-0.24, -0.95], [0.24, -0.95], [0.13, 0.35], [-0.13, 0.35]]), Oval([0.0, 0.72], [0.2, 0.2]),
    ] },
    Glyph { name: "walker", marks: &[
        Oval([0.08, -0.75], [0.2, 0.2]), Line([0.04, -0.4], [-0.04, 0.2], 0.26),
        Line([-0.04, 0.2], [0.34, 0.85], 0.22), Line([-0.04, 0.2], [-0.42, 0.85], 0.22),
        Line([0.04, -0.36], [0.45, 0.05], 0.18), Line([0.04, -0.36], [-0.42, 0.0], 0.18),
    ] },
    Glyph { name: "bicycle", marks: &[
        Oval([-0.52, 0.35], [0.42, 0.42]), Gap(&Oval([-0.52, 0.35], [0.27, 0.27])),
        Oval([0.52, 0.35], [0.42, 0.42]), Gap(&Oval([0.52, 0.35], [0.27, 0.27])),
        Line([-0.52, 0.35], [-0.2, -0.3], 0.12), Line([-0.2, -0.3], [0.35, -0.3], 0.12),
        Line([0.35, -0.3], [0.52, 0.35], 0.12), Line([-0.2, -0.3], [0.04, 0.35], 0.12),
        Line([0.04, 0.35], [0.35, -0.3], 0.12), Line([0.35, -0.3], [0.28, -0.6], 0.12),
        Line([-0.3, -0.5], [-0.08, -0.5], 0.12),
    ] },
    Glyph { name: "car", marks: &[
        Shape(&[[-0.95, 0.1], [-0.62, 0.02], [-0.4, -0.5], [0.36, -0.5], [0.62, 0.02], [0.95, 0.14], [0.95, 0.5], [-0.95, 0.5]]),
        Gap(&Shape(&[[-0.42, 0.0], [-0.27, -0.33], [0.24, -0.33], [0.42, 0.0]])),
        Oval([-0.5, 0.5], [0.24, 0.24]), Oval([0.5, 0.5], [0.24, 0.24]),
    ] },
    Glyph { name: "ice", marks: &[
        Line([0.0, -0.88], [0.0, 0.88], 0.15), Line([-0.76, -0.44], [0.76, 0.44], 0.15), Line([-0.76, 0.44], [0.76, -0.44], 0.15),
        Line([-0.25, -0.86], [0.0, -0.55], 0.12), Line([0.25, -0.86], [0.0, -0.55], 0.12),
        Line([-0.25, 0.86], [0.0, 0.55], 0.12), Line([0.25, 0.86], [0.0, 0.55], 0.12),
    ] },
    Glyph { name: "water", marks: &[
        Line([-0.88, -0.4], [-0.44, -0.65], 0.17), Line([-0.44, -0.65], [0.0, -0.4], 0.17), Line([0.0, -0.4], [0.44, -0.65], 0.17), Line([0.44, -0.65], [0.88, -0.4], 0.17),
        Line([-0.88, 0.12], [-0.44, -0.13], 0.17), Line([-0.44, -0.13], [0.0, 0.12], 0.17), Line([0.0, 0.12], [0.44, -0.13], 0.17), Line([0.44, -0.13], [0.88, 0.12], 0.17),
        Line([-0.88, 0.64], [-0.44, 0.39], 0.17), Line([-0.44, 0.39], [0.0, 0.64], 0.17), Line([0.0, 0.64], [0.44, 0.39], 0.17), Line([0.44, 0.39], [0.88, 0.64], 0.17),
    ] },
    Glyph { name: "end", marks: &[Line([-0.7, -0.7], [0.7, 0.7], 0.32), Line([-0.7, 0.7], [0.7, -0.7], 0.32)] },
];

/// The pictograms of the service signs.
#[rustfmt::skip]
pub(crate) const SERVICES: &[Glyph] = &[
    Glyph { name: "bed", marks: &[
        Line([-0.88, -0.5], [-0.88, 0.7], 0.18), Line([0.88, 0.15], [0.88, 0.7], 0.18),
        Shape(&[[-0.88, 0.08], [0.88, 0.08], [0.88, 0.45], [-0.88, 0.45]]),
        Oval([-0.5, -0.18], [0.23, 0.2]), Shape(&[[-0.2, -0.35], [0.55, -0.25], [0.88, 0.0], [-0.2, 0.0]]),
    ] },
    Glyph { name: "fuel", marks: &[
        Shape(&[[-0.65, -0.9], [0.28, -0.9], [0.28, 0.9], [-0.65, 0.9]]),
        Gap(&Shape(&[[-0.45, -0.68], [0.08, -0.68], [0.08, -0.2], [-0.45, -0.2]])),
        Line([0.28, 0.2], [0.56, 0.2], 0.13), Line([0.56, 0.2], [0.56, 0.6], 0.13), Line([0.56, 0.6], [0.83, 0.6], 0.13),
        Line([0.83, 0.6], [0.83, -0.4], 0.13), Line([0.83, -0.4], [0.55, -0.75], 0.13),
    ] },
    Glyph { name: "cafe", marks: &[
        Oval([0.46, 0.05], [0.4, 0.32]), Gap(&Oval([0.46, 0.05], [0.23, 0.17])),
        Shape(&[[-0.75, -0.3], [0.45, -0.3], [0.3, 0.58], [-0.6, 0.58]]), Line([-0.85, 0.8], [0.6, 0.8], 0.15),
        Line([-0.4, -0.52], [-0.3, -0.88], 0.12), Line([0.02, -0.52], [0.12, -0.88], 0.12),
    ] },
    Glyph { name: "camping", marks: &[
        Shape(&[[0.0, -0.8], [0.95, 0.7], [-0.95, 0.7]]), Gap(&Shape(&[[0.0, -0.1], [0.42, 0.7], [-0.42, 0.7]])),
    ] },
    Glyph { name: "forest", marks: &[
        Shape(&[[0.0, -0.95], [0.55, -0.2], [-0.55, -0.2]]), Shape(&[[0.0, -0.5], [0.75, 0.45], [-0.75, 0.45]]),
        Line([0.0, 0.4], [0.0, 0.85], 0.24),
    ] },
    Glyph { name: "hostel", marks: &[
        Shape(&[[0.0, -0.9], [0.95, -0.05], [-0.95, -0.05]]), Shape(&[[-0.65, -0.1], [0.65, -0.1], [0.65, 0.85], [-0.65, 0.85]]),
        Gap(&Shape(&[[-0.2, 0.25], [0.2, 0.25], [0.2, 0.85], [-0.2, 0.85]])),
    ] },
    Glyph { name: "post", marks: &[
        Shape(&[[-0.9, -0.62], [0.9, -0.62], [0.9, 0.62], [-0.9, 0.62]]),
        Gap(&Line([-0.82, -0.52], [0.0, 0.12], 0.14)), Gap(&Line([0.82, -0.52], [0.0, 0.12], 0.14)),
    ] },
    Glyph { name: "rental", marks: &[
        Oval([-0.48, 0.0], [0.44, 0.44]), Gap(&Oval([-0.48, 0.0], [0.2, 0.2])), Line([-0.1, 0.0], [0.86, 0.0], 0.2),
        Line([0.5, 0.0], [0.5, 0.4], 0.19), Line([0.82, 0.0], [0.82, 0.4], 0.19),
    ] },
    Glyph { name: "first-aid", marks: &[
        Shape(&[[-0.85, -0.28], [0.85, -0.28], [0.85, 0.28], [-0.85, 0.28]]), Shape(&[[-0.28, -0.85], [0.28, -0.85], [0.28, 0.85], [-0.28, 0.85]]),
    ] },
    Glyph { name: "meals", marks: &[
        Line([-0.42, -0.3], [-0.42, 0.85], 0.18), Line([-0.66, -0.85], [-0.66, -0.35], 0.13), Line([-0.42, -0.85], [-0.42, -0.35], 0.13),
        Line([-0.18, -0.85], [-0.18, -0.35], 0.13), Line([-0.66, -0.3], [-0.18, -0.3], 0.17),
        Shape(&[[0.32, -0.9], [0.64, -0.5], [0.64, 0.15], [0.32, 0.15]]), Line([0.42, 0.15], [0.42, 0.82], 0.2),
    ] },
];
