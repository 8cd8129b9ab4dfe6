//! The place of an image in a network's input.

use dl_record::BBox;

use crate::Preprocessing;

/// An image in the input of a network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placed {
    /// [width, height] of the image in pixels.
    pub image: [u32; 2],
    /// The rectangle that fills the input, in pixels of the image; it extends outside the image where the input is
    /// padded.
    pub source: BBox,
    /// [height, width] of the input in pixels.
    pub size: [usize; 2],
}

impl Placed {
    /// The place that `preprocessing` gives an image of `width` x `height` pixels.
    pub fn of(preprocessing: &Preprocessing, width: u32, height: u32) -> Self {
        let (source, size) = preprocessing.whole_image(width, height, preprocessing.resize);
        Self { image: [width, height], source, size }
    }

    /// A box in pixels of the input, in pixels of the image; it may extend outside the image.
    pub fn to_image(&self, bbox: BBox) -> BBox {
        let [x1, y1, x2, y2]: [f64; 4] = bbox.into();
        let [left, top, ..]: [f64; 4] = self.source.into();
        let scale = [self.source.width() / self.size[1] as f64, self.source.height() / self.size[0] as f64];
        BBox::new(left + x1 * scale[0], top + y1 * scale[1], left + x2 * scale[0], top + y2 * scale[1])
    }

    /// A box in pixels of the image, in pixels of the input; it may extend outside the input.
    pub fn to_input(&self, bbox: BBox) -> BBox {
        let [x1, y1, x2, y2]: [f64; 4] = bbox.into();
        let [left, top, ..]: [f64; 4] = self.source.into();
        let scale = [self.size[1] as f64 / self.source.width(), self.size[0] as f64 / self.source.height()];
        BBox::new((x1 - left) * scale[0], (y1 - top) * scale[1], (x2 - left) * scale[0], (y2 - top) * scale[1])
    }

    /// The box cut to the image.
    pub fn clip(&self, bbox: BBox) -> BBox {
        bbox.clip(self.image[0].into(), self.image[1].into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_goes_to_the_input_and_back() {
        let placed = Placed { image: [200, 100], source: BBox::new(0.0, -50.0, 200.0, 150.0), size: [20, 20] };
        let [whole, in_input] = [BBox::new(0.0, 0.0, 200.0, 100.0), BBox::new(0.0, 5.0, 20.0, 15.0)];
        assert_eq!(placed.to_image(in_input), whole);
        assert_eq!(placed.to_input(whole), in_input);
    }
}
