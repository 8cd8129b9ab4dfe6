//! Lines of text, in the embedded DejaVu Sans or in fonts that the user names.
//!
//! Right-to-left runs are reordered, and combining marks stay on their letter. Letters are not shaped: Arabic is drawn
//! in isolated forms, and scripts that reorder or join letters, such as Devanagari, are legible but not typeset.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use ab_glyph::{Font, FontArc, FontVec, GlyphId, PxScale, point};
use anyhow::{Context, Result};
use dl_record::file::read_named;
use unicode_bidi::BidiInfo;
use unicode_width::UnicodeWidthChar;

use super::raster::Point;

/// DejaVu Sans 2.37: Latin, Greek, Cyrillic, Armenian, Georgian, Hebrew, Arabic and many symbols.
const DEJAVU_SANS: &[u8] = include_bytes!("../../fonts/DejaVuSans.ttf");

/// The most bytes of a font file; the largest for Chinese, Japanese and Korean have 30 MB.
const MOST_FONT_BYTES: u64 = 256 << 20;

/// The most missing characters that are remembered.
const MOST_MISSING: usize = 16;

/// Height of a capital letter, in font sizes.
pub const CAPITAL: f64 = 0.73;

/// Room above the baseline for capitals with accents, in font sizes.
pub const ASCENT: f64 = 0.94;

/// Room below the baseline, in font sizes.
pub const DESCENT: f64 = 0.24;

/// Fonts, the first that has a character draws it. Sizes are in pixels per em.
pub struct Fonts {
    fonts: Vec<FontArc>,
    missing: Mutex<BTreeSet<char>>,
}

/// A character in its place.
struct Placed {
    font: usize,
    glyph: GlyphId,
    left: f64,
}

impl Fonts {
    /// The embedded font, then those of the `files` (TrueType or OpenType; the first font of a collection).
    /// # Errors
    /// When a file cannot be read or is not a font.
    pub fn new(files: &[PathBuf]) -> Result<Self> {
        let mut fonts = vec![FontArc::try_from_slice(DEJAVU_SANS).context("the embedded font")?];
        for file in files {
            let font = read_named(file, MOST_FONT_BYTES).and_then(|bytes| {
                FontVec::try_from_vec_and_index(bytes, 0).context("not a font; .ttf, .otf and .ttc files are read")
            });
            fonts.push(FontArc::new(font.with_context(|| file.display().to_string())?));
        }
        Ok(Self { fonts, missing: Mutex::default() })
    }

    /// Characters that were drawn as boxes because no font has them, at most 16.
    pub fn missing(&self) -> Vec<char> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// Width of `text` in pixels.
    pub fn width(&self, text: &str, size: f64) -> f64 {
        text.chars().map(|character| self.advance(character, size)).sum()
    }

    /// `text`, or as much of its beginning as fits into `width` pixels together with an ellipsis.
    pub fn shortened(&self, text: &str, size: f64, width: f64) -> String {
        let ellipsis = self.advance('…', size);
        let (mut used, mut fits) = (0.0, None);
        for (start, character) in text.char_indices() {
            if used + ellipsis <= width {
                fits = Some(start);
            }
            used += self.advance(character, size);
            if used > width {
                return fits.map_or_else(String::new, |end| format!("{}…", text[..end].trim_end()));
            }
        }
        text.to_owned()
    }

    /// Calls `each(x, y, coverage)` for the pixels of a line of text that starts at `at` = (left, baseline), with
    /// coverage above 0 and up to 1. Pixels may lie outside the image, and be visited twice where letters touch.
    pub fn draw(&self, text: &str, size: f64, at: Point, mut each: impl FnMut(i32, i32, f32)) {
        for Placed { font, glyph, left } in self.layout(text, size) {
            let font = &self.fonts[font];
            let position = point((at[0] + left) as f32, at[1] as f32);
            let glyph = glyph.with_scale_and_position(scale(font, size), position);
            let Some(outline) = font.outline_glyph(glyph) else { continue };
            let corner = outline.px_bounds().min;
            outline.draw(|x, y, coverage| {
                if coverage > 0.0 {
                    each(corner.x as i32 + x as i32, corner.y as i32 + y as i32, coverage.min(1.0));
                }
            });
        }
    }

    fn layout(&self, text: &str, size: f64) -> Vec<Placed> {
        let mut left = 0.0;
        let place = |character: char| {
            let (font, glyph) = self.find(character)?;
            let placed = Placed { font, glyph, left };
            left += self.advance(character, size);
            Some(placed)
        };
        visual_order(text).into_iter().filter_map(place).collect()
    }

    /// The font that has the character and its glyph, the embedded font's box if none has it. `None` for characters
    /// that are never visible.
    fn find(&self, character: char) -> Option<(usize, GlyphId)> {
        if is_invisible(character) {
            return None;
        }
        let found = self.fonts.iter().enumerate().map(|(index, font)| (index, font.glyph_id(character)));
        let found = found.into_iter().find(|(_, glyph)| glyph.0 != 0);
        if found.is_none() {
            let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
            if missing.len() < MOST_MISSING {
                missing.insert(character);
            }
        }
        Some(found.unwrap_or((0, GlyphId(0))))
    }

    fn advance(&self, character: char, size: f64) -> f64 {
        let Some((font, glyph)) = self.find(character) else { return 0.0 };
        // Marks sit on the letter before them, whatever their font says.
        if is_mark(character) {
            return 0.0;
        }
        let font = &self.fonts[font];
        let em = font.units_per_em().unwrap_or(1000.0);
        f64::from(font.h_advance_unscaled(glyph) / em) * size
    }
}

/// `size` pixels per em as ab_glyph counts, by the font's height.
fn scale(font: &FontArc, size: f64) -> PxScale {
    PxScale::from(size as f32 * font.height_unscaled() / font.units_per_em().unwrap_or(1000.0))
}

fn is_mark(character: char) -> bool {
    character.width() == Some(0) && !is_invisible(character)
}

/// Controls, joiners, marks of direction and selectors of variants.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}')
        || matches!(character, '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// The characters from left to right.
fn visual_order(text: &str) -> Vec<char> {
    if text.is_ascii() {
        return text.chars().collect();
    }
    let bidi = BidiInfo::new(text, None);
    let mut ordered = Vec::new();
    for paragraph in &bidi.paragraphs {
        let (levels, runs) = bidi.visual_runs(paragraph, paragraph.range.clone());
        for run in runs {
            let characters: Vec<char> = text[run.clone()].chars().collect();
            if levels[run.start].is_ltr() {
                ordered.extend(characters);
                continue;
            }
            // A letter stays before its marks.
            let letters = characters.chunk_by(|_, next| is_mark(*next));
            for letter in letters.rev() {
                ordered.push(mirrored(letter[0]));
                ordered.extend(&letter[1..]);
            }
        }
    }
    ordered
}

/// Brackets face the other way in text from right to left.
fn mirrored(character: char) -> char {
    match character {
        '(' => ')',
        ')' => '(',
        '[' => ']',
        ']' => '[',
        '{' => '}',
        '}' => '{',
        '<' => '>',
        '>' => '<',
        '«' => '»',
        '»' => '«',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fonts() -> Fonts {
        Fonts::new(&[]).unwrap()
    }

    fn ink(text: &str) -> Vec<(i32, i32)> {
        let mut pixels = Vec::new();
        fonts().draw(text, 20.0, [0.0, 20.0], |x, y, coverage| {
            assert!(coverage > 0.0 && coverage <= 1.0);
            pixels.push((x, y));
        });
        pixels
    }

    #[test]
    fn letters_of_many_scripts_are_drawn_and_others_are_reported() {
        let fonts = fonts();
        for text in ["stop ✓ ✗ → 0.97", "Äpfel", "ёлка", "άλφα", "שלום", "سلام", "հայ"] {
            fonts.draw(text, 13.0, [0.0, 13.0], |_, _, _| ());
            assert!(fonts.missing().is_empty(), "{text}: {:?}", fonts.missing());
        }
        assert_eq!(fonts.width("日本日", 10.0), 3.0 * fonts.width("日", 10.0));
        assert_eq!(fonts.missing(), ['日', '本']);
        assert!(!ink("日").is_empty());
    }

    #[test]
    fn text_from_right_to_left_is_reordered_around_numbers() {
        let order = |text: &str| visual_order(text).into_iter().collect::<String>();
        assert_eq!(order("stop 0.97"), "stop 0.97");
        assert_eq!(order("שלום 0.97"), "0.97 םולש");
        assert_eq!(order("✓ cat (חתול)"), "✓ cat (לותח)");
        // The mark stays behind its letter.
        assert_eq!(order("שָב"), "בשָ");
    }

    #[test]
    fn marks_take_no_room_and_controls_are_not_drawn() {
        let fonts = fonts();
        assert_eq!(fonts.width("e\u{301}", 10.0), fonts.width("e", 10.0));
        assert_eq!(fonts.width("a\u{200b}\u{202e}b", 10.0), fonts.width("ab", 10.0));
        assert!(ink("\u{200b}\n").is_empty());
    }

    #[test]
    fn a_capital_is_as_high_as_stated() {
        let rows: BTreeSet<i32> = ink("H").into_iter().map(|(_, y)| y).collect();
        assert!(rows.len().abs_diff((20.0 * CAPITAL).round() as usize) <= 1, "{rows:?}");
        assert_eq!(rows.last(), Some(&19));
    }

    #[test]
    fn a_shortened_text_fits() {
        let fonts = fonts();
        assert_eq!(fonts.shortened("stop", 10.0, 100.0), "stop");
        for width in [0.0, 3.0, 9.0, 20.0, 30.0, 50.0] {
            let short = fonts.shortened("speed-limit 0.97", 10.0, width);
            assert!(fonts.width(&short, 10.0) <= width, "{short}");
        }
        assert!(fonts.shortened("speed-limit 0.97", 10.0, 50.0).ends_with('…'));
    }

    #[test]
    fn a_file_that_is_not_a_font_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let Err(error) = Fonts::new(&[file.path().to_owned()]) else { panic!("it is empty") };
        let error = format!("{error:#}");
        assert!(error.starts_with(file.path().to_str().unwrap()) && error.contains("not a font"), "{error}");
    }
}
