//! The cells of YOLOv1's grid, as in figure 2 of its paper (Redmon et al. 2016): the boxes of all cells, as thick as they
//! are confident, and the class probability map, in which each cell has the color of its most likely class.

use anyhow::{Context, Result};
use dl_record::{BBox, Cell};
use dl_vision::picture::draw::{self, FrameStyle, WHITE};
use image::RgbImage;

/// Pixels of the frame of a box with a confidence of 1.
const THICKEST: f64 = 8.0;

/// Boxes with less confidence are not drawn.
const LEAST: f64 = 0.02;

/// Opacity of a cell whose class has a probability of 1.
const OPACITY: f64 = 0.8;

/// A place of the record on the image.
type Place<'a> = &'a dyn Fn(&BBox) -> BBox;

fn check(cells: &[Cell]) -> Result<()> {
    for (index, cell) in cells.iter().enumerate() {
        let boxes = cell.proposals.iter().map(|proposal| &proposal.bbox);
        boxes.chain([&cell.bbox]).try_for_each(BBox::check).with_context(|| format!("cells[{index}]"))?;
    }
    Ok(())
}

/// Draws the lines of the grid.
fn grid(image: &mut RgbImage, cells: &[Cell], place: Place) {
    for cell in cells {
        let style = FrameStyle { color: WHITE, dashes: None, thickness: 1, opacity: 0.7 };
        draw::frame(image, place(&cell.bbox), style);
    }
}

/// Draws the grid and the boxes of all cells, the most confident last.
pub(super) fn boxes(image: &mut RgbImage, cells: &[Cell], place: Place) -> Result<()> {
    check(cells)?;
    grid(image, cells, place);
    let mut all: Vec<_> = cells
        .iter()
        .flat_map(|cell| cell.proposals.iter().map(move |proposal| (proposal, cell.predictions.first())))
        .filter(|(proposal, _)| proposal.score >= LEAST)
        .collect();
    all.sort_by(|(a, _), (b, _)| a.score.total_cmp(&b.score));
    for (proposal, best) in all {
        let color = best.map_or(draw::BLACK, |best| draw::color_of(&best.label));
        let confidence = proposal.score.clamp(0.0, 1.0);
        let thickness = (THICKEST * confidence).round().max(1.0) as u32;
        let style = FrameStyle { color, dashes: None, thickness, opacity: 0.3 + 0.7 * confidence as f32 };
        draw::frame(image, place(&proposal.bbox), style);
    }
    Ok(())
}

/// Tints each cell by its most likely class, and draws the grid.
pub(super) fn classes(image: &mut RgbImage, cells: &[Cell], place: Place) -> Result<()> {
    check(cells)?;
    for cell in cells {
        if let Some(best) = cell.predictions.first() {
            let opacity = (OPACITY * best.score.clamp(0.0, 1.0)) as f32;
            draw::rectangle(image, place(&cell.bbox), draw::color_of(&best.label), opacity);
        }
    }
    grid(image, cells, place);
    Ok(())
}
