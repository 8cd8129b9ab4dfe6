//! Sheets of images: tiles of one size in rows and columns, with the names of both.

use std::io::Cursor;
use std::path::Path;

use anyhow::{Result, ensure};
use dl_record::write_atomically;
use dl_vision::picture::draw::{self, BLACK, WHITE};
use dl_vision::picture::text::{CAPITAL, Fonts};
use image::{ImageFormat, Rgb, RgbImage};

/// Pixels between two tiles, and around all.
const GAP: u32 = 4;
/// Smaller tiles are enlarged.
const LEAST_SIDE: u32 = 64;
/// Pixels per em of a name, of the line above the columns, and the most of a name beside a row.
const TEXT: f64 = 13.0;
const LINE: u32 = 18;
const MOST_NAME: f64 = 160.0;
/// The most pixels of a sheet, which is in memory as a whole.
const MOST_PIXELS: u64 = 100_000_000;

/// Names of the rows, left of them, and of the columns, above them; empty: none.
#[derive(Clone, Debug, Default)]
pub(crate) struct SheetNames {
    pub(crate) rows: Vec<String>,
    pub(crate) columns: Vec<String>,
}

/// The names without the words that all of them begin with: there is little room above a column.
fn apart(names: &[String]) -> impl Iterator<Item = &str> {
    let first = names.first().map_or("", String::as_str);
    let common = names.iter().fold(first.len(), |most, name| {
        let same = first.char_indices().zip(name.chars()).take_while(|((_, a), b)| a == b);
        most.min(same.last().map_or(0, |((at, letter), _)| at + letter.len_utf8()))
    });
    let words = first[..common].rfind(['-', '_', ' ', '/']).map_or(0, |at| at + 1);
    let start = if names.iter().all(|name| name.len() > words) { words } else { 0 };
    names.iter().map(move |name| &name[start..])
}

/// A sheet on which tiles are put one by one. Places without a tile are white.
pub(crate) struct Sheet {
    image: RgbImage,
    layout: Layout,
}

/// Where the tiles are.
#[derive(Clone, Copy)]
struct Layout {
    columns: u32,
    /// Width and height of a tile on the sheet.
    tile: [u32; 2],
    /// Pixels of the sheet per pixel of a tile, across and down.
    factor: u32,
    /// Left and top of the first tile.
    corner: [u32; 2],
    /// Width and height.
    size: [u64; 2],
}

impl Layout {
    /// With this factor.
    fn new([rows, columns]: [usize; 2], [width, height]: [u32; 2], corner: [u32; 2], factor: u32) -> Self {
        let tile = [width, height].map(|side| side.saturating_mul(factor));
        let whole = |corner: u32, tile: u32, count: usize| {
            u64::from(corner) + (u64::from(tile) + u64::from(GAP)).saturating_mul(count as u64)
        };
        let size = [whole(corner[0], tile[0], columns), whole(corner[1], tile[1], rows)];
        Self { columns: columns as u32, tile, factor, corner, size }
    }

    fn fits(&self) -> bool {
        self.size[0].saturating_mul(self.size[1]) <= MOST_PIXELS
    }
}

impl Sheet {
    /// For [rows, columns] tiles of [width, height] pixels. Tiles are enlarged by a whole factor until their shorter side has
    /// at least 64 pixels, as far as they then fit.
    /// # Errors
    /// When the sheet would be larger than 100 megapixels.
    pub(crate) fn new(grid: [usize; 2], tile: [u32; 2], names: &SheetNames) -> Result<Self> {
        let fonts = Fonts::new(&[])?;
        let widest = names.rows.iter().map(|name| fonts.width(name, TEXT).min(MOST_NAME)).fold(0.0, f64::max);
        let left = if names.rows.is_empty() { GAP } else { 2 * GAP + widest.ceil() as u32 };
        let top = if names.columns.is_empty() { GAP } else { LINE };
        let wanted = LEAST_SIDE.div_ceil(tile[0].min(tile[1]).max(1));
        let layouts = (1..=wanted).rev().map(|factor| Layout::new(grid, tile, [left, top], factor));
        let smallest = Layout::new(grid, tile, [left, top], 1);
        let layout = layouts.into_iter().find(Layout::fits).unwrap_or(smallest);
        let [width, height] = layout.size;
        ensure!(
            layout.fits(),
            "the sheet would have {width} x {height} pixels, more than {} million; make it smaller",
            MOST_PIXELS / 1_000_000
        );
        let mut sheet = Self { image: RgbImage::from_pixel(width as u32, height as u32, Rgb(WHITE)), layout };
        sheet.write_names(names, &fonts);
        Ok(sheet)
    }

    fn write_names(&mut self, names: &SheetNames, fonts: &Fonts) {
        let Layout { tile, corner, .. } = self.layout;
        let middle = |place: usize, axis: usize| {
            f64::from(corner[axis]) + place as f64 * f64::from(tile[axis] + GAP) + f64::from(tile[axis]) / 2.0
        };
        for (row, name) in names.rows.iter().enumerate() {
            let name = fonts.shortened(name, TEXT, MOST_NAME);
            let left = f64::from(corner[0] - GAP) - fonts.width(&name, TEXT);
            let at = [left.floor(), (middle(row, 1) + CAPITAL * TEXT / 2.0).round()];
            draw::text(&mut self.image, fonts, &name, at, TEXT, BLACK);
        }
        for (column, name) in apart(&names.columns).enumerate() {
            let name = fonts.shortened(name, TEXT, f64::from(tile[0]));
            let left = middle(column, 0) - fonts.width(&name, TEXT) / 2.0;
            draw::text(&mut self.image, fonts, &name, [left.floor(), f64::from(corner[1] - GAP)], TEXT, BLACK);
        }
    }

    /// How many tiles there is room for.
    pub(crate) fn places(&self) -> usize {
        let rows = (self.image.height() - self.layout.corner[1]) / (self.layout.tile[1] + GAP);
        rows as usize * self.layout.columns as usize
    }

    /// Puts a tile at a place, counted row by row; beyond the last one it has no effect.
    pub(crate) fn put(&mut self, place: usize, tile: &RgbImage) {
        if place >= self.places() {
            return;
        }
        let Layout { columns, tile: [wide, high], factor, corner, .. } = self.layout;
        let (row, column) = (place as u32 / columns, place as u32 % columns);
        let (left, top) = (corner[0] + column * (wide + GAP), corner[1] + row * (high + GAP));
        for y in 0..high.min(tile.height() * factor) {
            for x in 0..wide.min(tile.width() * factor) {
                self.image.put_pixel(left + x, top + y, *tile.get_pixel(x / factor, y / factor));
            }
        }
    }

    /// Writes a PNG file.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let mut bytes = Cursor::new(Vec::new());
        self.image.write_to(&mut bytes, ImageFormat::Png)?;
        write_atomically(path, |output| Ok(output.write_all(bytes.get_ref())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_columns_leave_out_the_words_that_all_begin_with() {
        let of = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            apart(&names).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(of(&["service-bed", "service-fuel", "service-first-aid"]), ["bed", "fuel", "first-aid"]);
        assert_eq!(of(&["a-b", "a-"]), ["a-b", "a-"]);
        assert_eq!(of(&["cat", "car"]), ["cat", "car"]);
        assert_eq!(of(&["ä-x", "ä-y"]), ["x", "y"]);
        assert!(of(&[]).is_empty());
    }

    const RED: [u8; 3] = [255, 0, 0];

    #[test]
    fn small_tiles_are_enlarged_and_stand_apart() {
        let mut sheet = Sheet::new([2, 3], [32, 24], &SheetNames::default()).unwrap();
        let (wide, high) = (3 * 32 + GAP, 3 * 24 + GAP);
        assert_eq!(sheet.image.dimensions(), (3 * wide + GAP, 2 * high + GAP));
        assert_eq!(sheet.places(), 6);
        let tile = RgbImage::from_fn(32, 24, |x, y| Rgb([x as u8, y as u8, 9]));
        sheet.put(4, &tile);
        sheet.put(6, &tile);
        let painted = |x: u32, y: u32| sheet.image.get_pixel(x, y).0;
        let (left, top) = (GAP + wide, GAP + high);
        assert_eq!(painted(left + 3 * 31 + 2, top + 3 * 23 + 1), [31, 23, 9]);
        assert_eq!(painted(left + 3 * 7, top), [7, 0, 9]);
        assert_eq!([painted(left - 1, top), painted(left + 96, top), painted(left, top - 1)], [WHITE; 3]);
    }

    #[test]
    fn names_stand_beside_rows_and_above_columns() {
        let names = SheetNames { rows: ["input", "made"].map(str::to_owned).into(), columns: vec!["x".repeat(99); 2] };
        let mut sheet = Sheet::new([2, 2], [64, 64], &names).unwrap();
        let tile = RgbImage::from_pixel(64, 64, Rgb(RED));
        (0..4).for_each(|place| sheet.put(place, &tile));
        let [left, top] = sheet.layout.corner;
        assert!(left > 20 && top == LINE, "{left} {top}");
        let dark = |x: std::ops::Range<u32>, y: std::ops::Range<u32>| {
            y.flat_map(|y| x.clone().map(move |x| (x, y))).any(|(x, y)| sheet.image.get_pixel(x, y).0[0] < 100)
        };
        assert!(dark(0..left, top..top + 64) && dark(0..left, top + 68..top + 132) && dark(left..left + 64, 0..top));
        assert!(!dark(0..left, 0..top));
        assert_eq!(sheet.image.pixels().filter(|pixel| pixel.0 == RED).count(), 4 * 64 * 64);
    }

    #[test]
    fn a_sheet_is_enlarged_as_far_as_it_fits_and_otherwise_refused() {
        let sheet = |side: u32| Sheet::new([500, 500], [side; 2], &SheetNames::default());
        assert_eq!(sheet(8).unwrap().layout.factor, 1);
        assert_eq!(sheet(4).unwrap().layout.factor, 3);
        let error = sheet(64).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("34004 x 34004 pixels, more than 100 million"), "{error}");
    }
}
