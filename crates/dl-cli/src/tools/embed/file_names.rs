//! Names for the files of `--features-dir`.

use std::collections::HashMap;

use dl_record::Fnv1a;

/// File names of records, each used once.
#[derive(Default)]
pub(super) struct FileNames {
    given: HashMap<String, usize>,
}

impl FileNames {
    /// A file name for the record `id`: its readable characters, and a hash so that other ids get other files. Records
    /// that share an id, which they should not, get a file each.
    pub(super) fn name(&mut self, id: &str) -> String {
        let name = file_name(id);
        let given = self.given.entry(name.clone()).or_default();
        *given += 1;
        if *given == 1 { name } else { format!("{name}-{given}") }
    }
}

fn file_name(id: &str) -> String {
    let hash = Fnv1a::of(id.bytes());
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
    // The end of a path distinguishes more than its beginning.
    let readable: Vec<char> = id.chars().rev().take(60).map(safe).collect();
    format!("{}-{hash:016x}", readable.into_iter().rev().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_safe_and_differ_where_ids_do() {
        assert!(file_name("../../etc/passwd").starts_with("______etc_passwd-"));
        assert_ne!(file_name("a/b"), file_name("a_b"));
        assert!(file_name(&"x".repeat(10_000)).len() < 90);
    }

    #[test]
    fn no_name_is_used_twice() {
        let mut names = FileNames::default();
        let first = names.name("a");
        assert_eq!([names.name("a"), names.name("b")], [format!("{first}-2"), file_name("b")]);
    }
}
