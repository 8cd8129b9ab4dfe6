//! YOLOv1 and Fast YOLO (Redmon et al. 2016, section 2.1) as the text of a `.cfg`, for networks that are trained here.
//!
//! | network | convolutions | then |
//! | --- | --- | --- |
//! | `yolov1` | the 24 of the paper's figure 3 | connected 4096, dropout, connected |
//! | `fast_yolo` | nine of 3 x 3: 16 to 512 channels, each with a pool, then three of 1024 | connected 256, 4096, dropout, connected |
//!
//! Leaky ReLU of slope 0.1, dropout 0.5; both divide each side by 64.

use std::fmt::Write;

use anyhow::{Result, bail, ensure};

use crate::checkpoint::darknet::cfg::{Cfg, Kind, Layer};
use crate::detection::yolo_v1::Grid;

/// The built-in networks.
pub const BUILT_IN: [&str; 2] = ["yolov1", "fast_yolo"];

/// What a side of the input is divided by.
const STRIDE: usize = 64;
const DROPOUT: f64 = 0.5;

/// Options of a built-in network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BuiltIn {
    /// Side of the input in pixels.
    pub size: usize,
    /// Its grid.
    pub grid: Grid,
    /// Factor on the number of channels and columns.
    pub width: f64,
    /// Whether each convolution has a batch norm; the paper's have none.
    pub norm: bool,
}

/// A layer of the tables.
enum Row {
    /// Kernel, channels, stride.
    Conv(usize, usize, usize),
    Pool,
    /// Columns, and whether it has an activation.
    Connected(usize, bool),
}

use Row::{Connected, Conv, Pool};

/// Figure 3 of the paper.
fn yolov1() -> Vec<Row> {
    let mut rows = vec![Conv(7, 64, 2), Pool, Conv(3, 192, 1), Pool];
    rows.extend([Conv(1, 128, 1), Conv(3, 256, 1), Conv(1, 256, 1), Conv(3, 512, 1), Pool]);
    rows.extend((0..4).flat_map(|_| [Conv(1, 256, 1), Conv(3, 512, 1)]));
    rows.extend([Conv(1, 512, 1), Conv(3, 1024, 1), Pool]);
    rows.extend((0..2).flat_map(|_| [Conv(1, 512, 1), Conv(3, 1024, 1)]));
    rows.extend([Conv(3, 1024, 1), Conv(3, 1024, 2), Conv(3, 1024, 1), Conv(3, 1024, 1), Connected(4096, true)]);
    rows
}

fn fast_yolo() -> Vec<Row> {
    let pooled = [16, 32, 64, 128, 256, 512].into_iter().flat_map(|channels| [Conv(3, channels, 1), Pool]);
    let rest = (0..3).map(|_| Conv(3, 1024, 1)).chain([Connected(256, false), Connected(4096, true)]);
    pooled.chain(rest).collect()
}

impl BuiltIn {
    /// The `.cfg` of the network `name`.
    /// # Errors
    /// When it does not exist, or the size does not fit.
    pub fn cfg(&self, name: &str) -> Result<String> {
        let rows = match name {
            "yolov1" => yolov1(),
            "fast_yolo" => fast_yolo(),
            _ => bail!("{name} is not one of {}", BUILT_IN.join(", ")),
        };
        let Self { size, grid, width, norm } = *self;
        ensure!(
            size > 0 && size.is_multiple_of(STRIDE),
            "{name} takes inputs whose side is a multiple of {STRIDE}, not {size} pixels"
        );
        let scaled = |channels: usize| ((channels as f64 * width).round() as usize).max(1);
        let mut text = format!("[net]\nheight={size}\nwidth={size}\nchannels=3\n");
        let mut add = |lines: std::fmt::Arguments| {
            // Writing to a string does not fail.
            let _ = text.write_fmt(lines);
        };
        for row in rows {
            match row {
                Conv(kernel, channels, stride) => {
                    let norm = if norm { "batch_normalize=1\n" } else { "" };
                    let filters = scaled(channels);
                    add(format_args!(
                        "\n[convolutional]\n{norm}filters={filters}\nsize={kernel}\nstride={stride}\npad=1\nactivation=leaky\n"
                    ));
                }
                Pool => add(format_args!("\n[maxpool]\nsize=2\nstride=2\n")),
                Connected(columns, is_active) => {
                    let activation = if is_active { "leaky" } else { "linear" };
                    add(format_args!("\n[connected]\noutput={}\nactivation={activation}\n", scaled(columns)));
                }
            }
        }
        let Grid { side, boxes, classes } = grid;
        add(format_args!("\n[dropout]\nprobability={DROPOUT}\n"));
        add(format_args!("\n[connected]\noutput={}\nactivation=linear\n", grid.numbers()));
        add(format_args!(
            "\n[detection]\nclasses={classes}\ncoords=4\nrescore=1\nside={side}\nnum={boxes}\nsoftmax=0\nsqrt=1\n\
             object_scale=1\nnoobject_scale=.5\nclass_scale=1\ncoord_scale=5\n"
        ));
        Ok(text)
    }

    /// The default side of the grid for an input.
    pub fn side(size: usize) -> usize {
        (size / STRIDE).max(1)
    }
}

/// The text of a `.cfg` with YOLOv1's grid for another number of classes: those of its `[detection]`, and the outputs of
/// the `[connected]` before it.
/// # Errors
/// When the text is invalid, or is not of this form.
pub fn with_classes(text: &str, classes: usize) -> Result<String> {
    let cfg = Cfg::parse(text)?;
    let last = cfg.layers.len().checked_sub(2).map(|before| &cfg.layers[before..]);
    let Some([connected, head]) = last else { bail!("has no layers") };
    let Kind::Detection(detection) = &head.kind else {
        bail!("only networks that end with [detection], YOLOv1's grid, can be trained");
    };
    if detection.classes == classes {
        return Ok(text.to_owned());
    }
    ensure!(
        matches!(connected.kind, Kind::Connected(_)),
        "is for {} classes, and only a [connected] before [detection] can be changed to {classes}",
        detection.classes
    );
    let grid = Grid { side: detection.side, boxes: detection.boxes, classes };
    let mut changed = String::new();
    for (line, number) in text.lines().zip(1..) {
        let key = line.split('=').next().unwrap_or_default().trim();
        let is_in = |layer: &Layer| number > layer.line;
        match key {
            "classes" if is_in(head) => changed.push_str(&format!("classes={classes}")),
            "output" if is_in(connected) && !is_in(head) => changed.push_str(&format!("output={}", grid.numbers())),
            _ => changed.push_str(line),
        }
        changed.push('\n');
    }
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_networks_have_the_papers_layers() {
        let paper = BuiltIn { size: 448, grid: Grid::PAPER, width: 1.0, norm: false };
        for (name, convolutions, last) in [("yolov1", 24, [1024, 7, 7]), ("fast_yolo", 9, [1024, 7, 7])] {
            let cfg = Cfg::parse(&paper.cfg(name).unwrap()).unwrap();
            let convs: Vec<_> =
                cfg.layers.iter().filter(|layer| matches!(layer.kind, Kind::Convolutional(_))).collect();
            assert_eq!((convs.len(), convs[convolutions - 1].output), (convolutions, last));
            assert_eq!(cfg.layers.last().unwrap().input, [1470, 1, 1]);
        }
        assert!(BuiltIn { size: 300, ..paper }.cfg("yolov1").unwrap_err().to_string().contains("multiple of 64"));
        assert!(paper.cfg("yolov9").is_err());
        let three = with_classes(&paper.cfg("fast_yolo").unwrap(), 3).unwrap();
        assert_eq!(three, BuiltIn { grid: Grid { classes: 3, ..Grid::PAPER }, ..paper }.cfg("fast_yolo").unwrap());
    }
}
