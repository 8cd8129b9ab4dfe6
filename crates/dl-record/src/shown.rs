//! Untrusted text on a terminal.

use std::borrow::Cow;
use std::fmt::Write;

/// Escapes control characters (`\u{1b}`), so that a label or a path cannot move the cursor, change the colors or the
/// title of a terminal, or reverse the writing direction of the text around it. For messages and tables; records and
/// files keep the text as it is.
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match letter {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            _ if is_hidden(letter) => {
                write!(shown, "\\u{{{:x}}}", u32::from(letter)).expect("writing to a string never fails")
            }
            _ => shown.push(letter),
        }
    }
    Cow::Owned(shown)
}

/// Control characters, line and paragraph separators, and marks of writing direction.
fn is_hidden(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_character_that_controls_a_terminal_is_left() {
        assert_eq!(shown("\u{1b}]0;owned\u{7}\r\n\u{9b}2J\u{202e}"), "\\u{1b}]0;owned\\u{7}\\r\\n\\u{9b}2J\\u{202e}");
        assert!(matches!(shown("naïve 猫 🐈"), Cow::Borrowed(_)));
    }
}
