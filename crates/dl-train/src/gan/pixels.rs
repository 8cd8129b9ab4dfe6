//! Images as the numbers that networks are trained on.

use dl_models::gan::{Canvas, LUMA};
use dl_models::{Preprocessing, Resize};
use image::RgbImage;

/// Resizes images so that their shorter side fits, and crops them at the center.
#[derive(Clone, Debug)]
pub struct Pixels {
    canvas: Canvas,
    preprocessing: Preprocessing,
}

impl Pixels {
    /// Images of this shape, gray or RGB.
    pub fn new(canvas: Canvas) -> Self {
        let preprocessing = Preprocessing {
            size: [canvas.height, canvas.width],
            resize: Resize::Shorter,
            shorter: None,
            mean: [0.5; 3],
            std: [0.5; 3],
            ..Preprocessing::torchvision()
        };
        Self { canvas, preprocessing }
    }

    /// [channels, height, width], -1 to 1; `flipped`: left and right are exchanged.
    pub fn of(&self, image: &RgbImage, flipped: bool) -> Vec<f32> {
        let (source, size) = self.preprocessing.whole_image(image.width(), image.height(), Resize::Shorter);
        let mut numbers = self.preprocessing.input(image, &source, size);
        if self.canvas.channels == 1 {
            let area = size[0] * size[1];
            let [red, green, blue] = [0, 1, 2].map(|channel| &numbers[channel * area..][..area]);
            let gray = red.iter().zip(green).zip(blue);
            numbers = gray.map(|((red, green), blue)| LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue).collect();
        }
        if flipped {
            numbers.chunks_exact_mut(self.canvas.width).for_each(<[f32]>::reverse);
        }
        numbers
    }
}
