//! A small typeface of strokes for the words on signs and boards, so that they can be bent into any plane and are the
//! same on every machine.
//!
//! Glyphs stand on a grid: capitals are 7 rows high (0 to 6), small letters start in row 2, descenders reach row 8.
//! A stroke runs through the centers of grid cells.

use dl_vision::picture::raster::Point;

/// Rows of a line of text, descenders included.
#[cfg(test)]
const ROWS: f64 = 9.0;

/// Rows of a capital letter.
pub(super) const CAPITAL_ROWS: f64 = 7.0;

/// Columns between two glyphs.
const GAP: f64 = 1.0;

/// The strokes of `text` in units of the grid, origin at the top left of the line.
pub(super) fn strokes(text: &str) -> Vec<Vec<Point>> {
    let mut strokes = Vec::new();
    let mut left = 0.0;
    for character in text.chars() {
        let glyph = glyph(character);
        for stroke in glyph.split_ascii_whitespace() {
            let points = stroke.as_bytes().as_chunks::<2>().0.iter();
            strokes.push(points.map(|[x, y]| [left + number(*x) + 0.5, number(*y) + 0.5]).collect());
        }
        left += columns(glyph) + GAP;
    }
    strokes
}

/// Width of `text` in columns of the grid.
pub(super) fn width(text: &str) -> f64 {
    let glyphs = text.chars().map(|character| columns(glyph(character)) + GAP);
    (glyphs.sum::<f64>() - GAP).max(0.0)
}

fn number(digit: u8) -> f64 {
    f64::from(digit - b'0')
}

fn columns(glyph: &str) -> f64 {
    let strokes = glyph.split_ascii_whitespace();
    let right = strokes.flat_map(|stroke| stroke.bytes().step_by(2)).map(number).fold(0.0, f64::max);
    if glyph.is_empty() { 2.0 } else { right + 1.0 }
}

/// The strokes of a glyph, separated by blanks; a stroke is a row of points, a point two digits: column and row.
fn glyph(character: char) -> &'static str {
    match character {
        ' ' | '\u{a0}' => "",
        '!' => "0004 06",
        '"' => "0001 2021",
        '#' => "1016 3036 0242 0444",
        '$' => "4111021333443505 2026",
        '%' => "0010110100 3545463635 4105",
        '&' => "4602011020310405162644",
        '\'' | '’' => "0001",
        '(' => "20020426",
        ')' => "00222406",
        '*' => "2125 0244 4204",
        '+' => "2125 0343",
        ',' => "1607",
        '-' | '–' => "0333",
        '.' => "06",
        '/' => "40410506",
        '0' => "103041453616050110",
        '1' => "112026 1636",
        '2' => "01103041420646",
        '3' => "01103041423323 334445361605",
        '4' => "3630030444",
        '5' => "400002324345361605",
        '6' => "30200205163645443303",
        '7' => "0040412326",
        '8' => "13020110304142331304051636454433",
        '9' => "43130201103041442616",
        ':' => "03 06",
        ';' => "13 1607",
        '<' => "300336",
        '=' => "0242 0444",
        '>' => "003306",
        '?' => "011030414224 26",
        '@' => "3616050110304144242242",
        'A' => "0602204246 0444",
        'B' => "003041423303 334445360600",
        'C' => "4130100105163645",
        'D' => "00304145360600",
        'E' => "40000646 0333",
        'F' => "400006 0333",
        'G' => "41301001051636454323",
        'H' => "0006 4046 0343",
        'I' => "1016 0020 0626",
        'J' => "4045361605",
        'K' => "0006 401303 1346",
        'L' => "000646",
        'M' => "0600224046",
        'N' => "0600 0145 4046",
        'O' => "103041453616050110",
        'P' => "06003041423303",
        'Q' => "103041453616050110 2446",
        'R' => "06003041423303 1346",
        'S' => "413010010213334445361605",
        'T' => "0040 2026",
        'U' => "000516364540",
        'V' => "0004264440",
        'W' => "0006244640",
        'X' => "00014546 40410506",
        'Y' => "0001234140 2326",
        'Z' => "004041050646",
        '[' => "20000626",
        '\\' => "00014546",
        ']' => "00202606",
        '^' => "022042",
        '_' => "0747",
        '`' => "0011",
        'a' => "12324346 4414051646",
        'b' => "0006 023243453606",
        'c' => "4332120305163645",
        'd' => "4046 421203051646",
        'e' => "044443321203051636",
        'f' => "30201116 0232",
        'g' => "421203051646 42473808",
        'h' => "0006 02324346",
        'i' => "00 0206",
        'j' => "20 22271808",
        'k' => "0006 321404 1436",
        'l' => "000516",
        'm' => "0602 02122326 23324346",
        'n' => "0602 02324346",
        'o' => "123243453616050312",
        'p' => "0208 023243453606",
        'q' => "4248 421203051646",
        'r' => "0602 042232",
        's' => "4212031434453606",
        't' => "10152636 0232",
        'u' => "02051646 4246",
        'v' => "0204264442",
        'w' => "02051625364542 2523",
        'x' | '×' => "0246 4206",
        'y' => "02051646 42473808",
        'z' => "02420646",
        '{' => "20111203141526",
        '|' => "0007",
        '}' => "00111223141506",
        '~' => "03123443",
        '…' => "06 26 46",
        '→' => "0343 214325",
        '✓' => "042642",
        '✗' => "0145 4105",
        _ => "0040460600",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_printable_character_has_its_own_strokes_inside_the_line() {
        let boxed = glyph('漢');
        for character in (0x21..0x7f).map(char::from) {
            let glyph = glyph(character);
            assert_ne!(glyph, boxed, "{character}");
            for stroke in glyph.split_ascii_whitespace() {
                assert!(stroke.len().is_multiple_of(2), "{character}");
            }
            for point in strokes(&character.to_string()).concat() {
                assert!((0.5..5.0).contains(&point[0]) && (0.5..ROWS).contains(&point[1]), "{character} {point:?}");
            }
        }
        assert_eq!(strokes("日本").len(), 2);
    }
}
