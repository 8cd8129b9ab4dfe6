//! A hint when the ids of two streams differ only by a folder or an ending: `img1` and `photos/img1.jpg`.

use std::collections::HashMap;

/// The folders of an id, its name, and its ending: `photos/`, `img1`, `.jpg`.
fn parts(id: &str) -> [&str; 3] {
    let start = id.rfind(['/', '\\']).map_or(0, |slash| slash + 1);
    let is_ending = |dot: &usize| {
        let ending = &id[dot + 1..];
        *dot > start && ending.len() <= 5 && ending.chars().any(char::is_alphabetic)
    };
    let end = id.rfind('.').filter(is_ending).unwrap_or(id.len());
    [&id[..start], &id[start..end], &id[end..]]
}

/// Names one pair of ids, of `found` and of `missing`, that differ only so, and the remedy; `None` without such a pair.
pub(super) fn hint(found: &[String], missing: &[String]) -> Option<String> {
    let by_name: HashMap<&str, &String> = missing.iter().rev().map(|id| (parts(id)[1], id)).collect();
    let (found, truth) = found.iter().find_map(|id| Some((id, *by_name.get(parts(id)[1])?)))?;
    let filter = format!("'.id |= {}'", renaming(found, truth)?);
    Some(format!(
        "is \"{found}\" of the detections \"{truth}\" of the truth? Images are joined by equal ids: to rename them all, \
         run jq -c {filter} DETECTIONS > renamed.jsonl"
    ))
}

/// The jq filter that turns the id `found` into `truth`, and the other ids likewise.
fn renaming(found: &str, truth: &str) -> Option<String> {
    let ([before, _, after], [new_before, _, new_after]) = (parts(found), parts(truth));
    let mut steps = Vec::new();
    if before != new_before {
        steps.extend((!before.is_empty()).then(|| format!("ltrimstr({before:?})")));
    }
    if after != new_after {
        steps.extend((!after.is_empty()).then(|| format!("rtrimstr({after:?})")));
    }
    let mut filter = if steps.is_empty() { ".".to_owned() } else { steps.join(" | ") };
    let prefixed = before != new_before && !new_before.is_empty();
    let suffixed = after != new_after && !new_after.is_empty();
    if steps.len() > 1 && (prefixed || suffixed) {
        filter = format!("({filter})");
    }
    if prefixed {
        filter = format!("{new_before:?} + {filter}");
    }
    if suffixed {
        filter = format!("{filter} + {new_after:?}");
    }
    let is_plain = filter.chars().all(|letter| letter != '\'' && !letter.is_control());
    is_plain.then(|| if filter.contains(' ') { format!("({filter})") } else { filter })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_makes_the_ids_equal() {
        for (found, truth, filter) in [
            ("img1", "img1.jpg", "(. + \".jpg\")"),
            ("img1.jpg", "img1", "rtrimstr(\".jpg\")"),
            ("img1.png", "img1.jpg", "(rtrimstr(\".png\") + \".jpg\")"),
            ("img1.jpg", "photos/img1.jpg", "(\"photos/\" + .)"),
            ("a/b/img1.jpg", "img1", "(ltrimstr(\"a/b/\") | rtrimstr(\".jpg\"))"),
        ] {
            let [found, truth] = [found, truth].map(str::to_owned);
            let hint = hint(&["other".to_owned(), found], &["more".to_owned(), truth]).unwrap();
            assert!(hint.ends_with(&format!("jq -c '.id |= {filter}' DETECTIONS > renamed.jsonl")), "{hint}");
        }
        for (found, truth) in [("a", "b"), ("v1.0", "v1.1")] {
            assert_eq!(hint(&[found.to_owned()], &[truth.to_owned()]), None);
        }
    }
}
