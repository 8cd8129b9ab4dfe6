//! JSON without insignificant whitespace.

/// Valid JSON without whitespace outside strings, so that it fits on one line.
pub(crate) fn compact(json: String) -> String {
    let mut parts = Parts { rest: &json, in_string: false };
    match parts.next() {
        Some(whole) if whole.len() == json.len() => json,
        first => first.into_iter().chain(parts).collect(),
    }
}

/// The parts of a JSON text between whitespace.
struct Parts<'a> {
    rest: &'a str,
    in_string: bool,
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if !self.in_string {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        }
        if self.rest.is_empty() {
            return None;
        }
        let bytes = self.rest.as_bytes();
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'\\' if self.in_string => at += 1,
                b'"' => self.in_string = !self.in_string,
                b' ' | b'\t' | b'\n' | b'\r' if !self.in_string => break,
                _ => {}
            }
            at += 1;
        }
        // Next to an ASCII byte, so no character is cut.
        let (part, rest) = self.rest.split_at(at.min(bytes.len()));
        self.rest = rest;
        Some(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whitespace_is_removed_outside_strings_only() {
        let json = " {\r\n\t\"a b\" : [ 1 ,\n 2.50 ], \"c\\\"\\\\\": \" \\n x \" , \"ü ü\":null }\n";
        let expected = "{\"a b\":[1,2.50],\"c\\\"\\\\\":\" \\n x \",\"ü ü\":null}";
        assert_eq!(compact(json.to_owned()), expected);
        assert_eq!(compact(expected.to_owned()), expected);
        assert_eq!(compact(String::new()), "");
        assert_eq!(compact("\n".to_owned()), "");
    }
}
