//! A picture that plotters can draw on, with our own lines and letters, so that no font file is needed.

use std::convert::Infallible;

use dl_vision::picture::raster::Point;
use dl_vision::picture::{draw, font};
use image::RgbImage;
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontTransform,
    rasterizer,
};

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

/// plotters' view of a picture.
pub(super) struct Canvas<'a>(pub(super) &'a mut RgbImage);

/// Pixels of a column of the typeface for a text of this size.
fn scale(size: f64) -> f64 {
    (size / font::ROWS * 2.0).round().max(2.0) / 2.0
}

fn rgb(color: BackendColor) -> draw::Color {
    let (red, green, blue) = color.rgb;
    [red, green, blue]
}

/// The middle of a pixel.
fn middle((x, y): BackendCoord) -> Point {
    [f64::from(x) + 0.5, f64::from(y) + 0.5]
}

impl DrawingBackend for Canvas<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.0.dimensions()
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        let bbox = dl_record::BBox::new(x.into(), y.into(), f64::from(x) + 1.0, f64::from(y) + 1.0);
        draw::rectangle(self.0, bbox, rgb(color), color.alpha as f32);
        Ok(())
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        let points: Vec<Point> = path.into_iter().map(middle).collect();
        let color = style.color();
        draw::stroke(self.0, &points, style.stroke_width().into(), rgb(color), color.alpha as f32);
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S, fill: bool) -> Drawn {
        if !fill {
            return rasterizer::draw_rect(self, from, to, style, false);
        }
        // At once: plotters would draw a line for each row or column.
        let color = style.color();
        let [x1, y1, x2, y2] = [from.0.min(to.0), from.1.min(to.1), from.0.max(to.0), from.1.max(to.1)].map(f64::from);
        let bbox = dl_record::BBox::new(x1, y1, x2 + 1.0, y2 + 1.0);
        draw::rectangle(self.0, bbox, rgb(color), color.alpha as f32);
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, at: BackendCoord) -> Drawn {
        let scale = scale(style.size());
        let (wide, high) = (scale * font::width(text), scale * font::CAPITAL_ROWS);
        let left = match style.anchor().h_pos {
            HPos::Left => 0.0,
            HPos::Right => -wide,
            HPos::Center => (-0.5 * wide).floor(),
        };
        let top = match style.anchor().v_pos {
            VPos::Top => 0.0,
            VPos::Center => (-0.5 * high).floor(),
            VPos::Bottom => -high,
        };
        let turn = |[x, y]: Point| match style.transform() {
            FontTransform::None => [x, y],
            FontTransform::Rotate90 => [-y, x],
            FontTransform::Rotate180 => [-x, -y],
            FontTransform::Rotate270 => [y, -x],
        };
        let color = style.color();
        for stroke in font::strokes(text) {
            let place = |point: &Point| {
                let [x, y] = turn([left + scale * point[0], top + scale * point[1]]);
                [f64::from(at.0) + x, f64::from(at.1) + y]
            };
            let points: Vec<Point> = stroke.iter().map(place).collect();
            draw::stroke(self.0, &points, scale, rgb(color), color.alpha as f32);
        }
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let scale = scale(style.size());
        Ok(((scale * font::width(text)).ceil() as u32, (scale * font::CAPITAL_ROWS).ceil() as u32))
    }
}
