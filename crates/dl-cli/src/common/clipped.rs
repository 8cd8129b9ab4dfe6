//! Untrusted text in tables and charts, which have little room for it.

use dl_record::shown;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The text with its control characters escaped, and cut with "..." if it is wider than `most` columns of a terminal.
pub(crate) fn clipped(text: &str, most: usize) -> String {
    // Combining marks have no width, so letters are limited too.
    let most_letters = 4 * most;
    let head = text.char_indices().nth(most_letters + 1).map_or(text, |(end, _)| &text[..end]);
    let text = shown(head);
    if text.width() <= most && text.chars().count() <= most_letters {
        return text.into_owned();
    }
    let (mut width, mut letters) = (0, 0);
    let fits = |letter: &char| {
        width += letter.width().unwrap_or(0);
        letters += 1;
        width + 3 <= most && letters <= most_letters
    };
    let mut cut: String = text.chars().take_while(fits).collect();
    cut.push_str("...");
    cut
}

/// The text, padded with spaces on the right to `columns`.
pub(crate) fn padded_right(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(text.width())))
}

/// The text, padded with spaces on the left to `columns`.
pub(crate) fn padded_left(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(text.width())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_too_wide_is_cut_in_any_script() {
        assert_eq!(clipped("traffic light", 13), "traffic light");
        assert_eq!(clipped("traffic lights", 13), "traffic li...");
        assert_eq!(clipped("信号機です", 8), "信号...");
        assert_eq!(clipped("\u{1b}[31mred", 40), "\\u{1b}[31mred");
        assert_eq!(clipped(&"x".repeat(100_000), 20), format!("{}...", "x".repeat(17)));
        let marks = clipped(&format!("z{}", "\u{301}".repeat(100_000)), 20);
        assert!(marks.chars().count() <= 84 && marks.ends_with("..."), "{marks}");
        assert!(clipped(&"\u{7}".repeat(100), 20).len() <= 20);
    }

    #[test]
    fn wide_letters_count_as_two_columns() {
        assert_eq!(padded_right("猫", 4), "猫  ");
        assert_eq!(padded_left("cat", 4), " cat");
        assert_eq!(padded_left("cats", 2), "cats");
    }
}
