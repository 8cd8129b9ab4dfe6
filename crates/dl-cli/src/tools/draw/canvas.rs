//! An image that plotters can draw on, with our own lines and text, so that no font of the system is needed.

use std::convert::Infallible;

use dl_vision::picture::draw;
use dl_vision::picture::raster::Point;
use dl_vision::picture::text::{CAPITAL, Fonts};
use image::RgbImage;
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontTransform,
    rasterizer,
};

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

/// plotters' view of an image.
pub(super) struct Canvas<'a> {
    pub(super) image: &'a mut RgbImage,
    pub(super) fonts: &'a Fonts,
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
        self.image.dimensions()
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        let bbox = dl_record::BBox::new(x.into(), y.into(), f64::from(x) + 1.0, f64::from(y) + 1.0);
        draw::rectangle(self.image, bbox, rgb(color), color.alpha as f32);
        Ok(())
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        let points: Vec<Point> = path.into_iter().map(middle).collect();
        let color = style.color();
        draw::stroke(self.image, &points, style.stroke_width().into(), rgb(color), color.alpha as f32);
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S, fill: bool) -> Drawn {
        if !fill {
            return rasterizer::draw_rect(self, from, to, style, false);
        }
        // plotters would draw a line for each row or column.
        let color = style.color();
        let [x1, y1, x2, y2] = [from.0.min(to.0), from.1.min(to.1), from.0.max(to.0), from.1.max(to.1)].map(f64::from);
        let bbox = dl_record::BBox::new(x1, y1, x2 + 1.0, y2 + 1.0);
        draw::rectangle(self.image, bbox, rgb(color), color.alpha as f32);
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, at: BackendCoord) -> Drawn {
        let size = style.size();
        let (wide, high) = (self.fonts.width(text, size), CAPITAL * size);
        let left = match style.anchor().h_pos {
            HPos::Left => 0.0,
            HPos::Right => -wide,
            HPos::Center => (-0.5 * wide).floor(),
        };
        let baseline = match style.anchor().v_pos {
            VPos::Top => high.round(),
            VPos::Center => (0.5 * high).round(),
            VPos::Bottom => 0.0,
        };
        // A pixel covers [x, x + 1): turned, it begins where it ended.
        let turn = |x: i32, y: i32| match style.transform() {
            FontTransform::None => (x, y),
            FontTransform::Rotate90 => (-y - 1, x),
            FontTransform::Rotate180 => (-x - 1, -y - 1),
            FontTransform::Rotate270 => (y, -x - 1),
        };
        let color = style.color();
        let Self { image, fonts } = self;
        fonts.draw(text, size, [left, baseline], |x, y, coverage| {
            let (x, y) = turn(x, y);
            let at = [at.0.saturating_add(x), at.1.saturating_add(y)];
            draw::blend_inside(image, at, rgb(color), coverage * color.alpha as f32);
        });
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let (wide, high) = (self.fonts.width(text, style.size()), CAPITAL * style.size());
        Ok((wide.ceil() as u32, high.ceil() as u32))
    }
}
