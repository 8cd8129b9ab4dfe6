//! Text of strangers on a terminal.

use std::borrow::Cow;
use std::fmt::Write;

/// The text with its control characters written out (`\u{1b}`), so that a label or a path cannot move the cursor, change
/// colors or the title of a terminal, or turn the direction of the writing around it. For messages and tables; records
/// and files hold the text itself.
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
                write!(shown, "\\u{{{:x}}}", u32::from(letter)).expect("a string takes all that is written")
            }
            _ => shown.push(letter),
        }
    }
    Cow::Owned(shown)
}

/// Control characters, line and paragraph separators, and marks of the direction of writing.
fn is_hidden(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_is_left() {
        assert_eq!(shown("\u{1b}]0;owned\u{7}\r\n\u{9b}2J\u{202e}"), "\\u{1b}]0;owned\\u{7}\\r\\n\\u{9b}2J\\u{202e}");
        assert!(matches!(shown("naïve 猫 🐈"), Cow::Borrowed(_)));
    }
}
