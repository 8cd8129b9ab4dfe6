//! The images of a stream with what is known of their style and content.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use dl_record::{Digest, Record};

/// Where the classes of a record are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeTasks {
    /// The task of `labels` that names the style; without one it is the `domain`.
    pub style: Option<String>,
    /// The task of `labels` that names the content, of the records that have it.
    pub content: Option<String>,
}

/// Images with the class of their style, and of their content if it is known; without pixels.
#[derive(Clone, Debug, Default)]
pub struct CodeImages {
    sources: Vec<String>,
    /// The names of the style and of the content of each image.
    named: Vec<(String, Option<String>)>,
    styles: Vec<String>,
    contents: Vec<String>,
    /// The same as indices.
    classes: Vec<(u32, Option<u32>)>,
    /// The images of each style.
    of_style: Vec<Vec<usize>>,
}

impl CodeImages {
    /// Adds the image of a record. A record that fails adds nothing.
    /// # Errors
    /// When the record has no `image`, or its style is unknown.
    pub fn push(&mut self, record: &Record, tasks: &CodeTasks) -> Result<()> {
        let image: String = record.require("image", "it is what the network is trained on")?;
        let labels = record.labels()?.unwrap_or_default();
        let style = match &tasks.style {
            Some(task) => labels.get(task).with_context(|| format!("\"labels\" has no \"{task}\", the style"))?.clone(),
            None => record.domain()?.context("the record has no \"domain\", which names its style; or give --style")?,
        };
        ensure!(!style.is_empty(), "the style is empty");
        let content = tasks.content.as_ref().and_then(|task| labels.get(task)).cloned();
        ensure!(content.as_deref() != Some(""), "the content is empty; leave it out where it is unknown");
        self.sources.push(image);
        self.named.push((style, content));
        Ok(())
    }

    /// Sorts the names of styles and contents.
    /// # Errors
    /// When there are fewer than two styles, or contents are asked for and fewer than two are known.
    pub fn finish(&mut self, tasks: &CodeTasks) -> Result<()> {
        let sorted = |names: BTreeSet<&String>| names.into_iter().cloned().collect::<Vec<String>>();
        self.styles = sorted(self.named.iter().map(|(style, _)| style).collect());
        self.contents = sorted(self.named.iter().filter_map(|(_, content)| content.as_ref()).collect());
        let all = self.styles.join(", ");
        ensure!(self.styles.len() > 1, "all records have the style {all}; at least two styles are needed to swap them");
        if let Some(task) = &tasks.content {
            let count = self.contents.len();
            ensure!(count > 1, "--content {task}: the records have {count} of its classes; at least two are needed");
        }
        let places = |names: &[String]| -> BTreeMap<String, u32> { names.iter().cloned().zip(0..).collect() };
        let (styles, contents) = (places(&self.styles), places(&self.contents));
        let class = |(style, content): &(String, Option<String>)| {
            (styles[style], content.as_ref().map(|content| contents[content]))
        };
        self.classes = self.named.iter().map(class).collect();
        self.of_style = vec![Vec::new(); self.styles.len()];
        for (image, (style, _)) in self.classes.iter().enumerate() {
            self.of_style[*style as usize].push(image);
        }
        Ok(())
    }

    /// The paths or `data:` URIs.
    pub fn sources(&self) -> &[String] {
        &self.sources
    }

    /// The names of the styles, sorted.
    pub fn styles(&self) -> &[String] {
        &self.styles
    }

    /// The names of the contents, sorted; empty if none is known.
    pub fn contents(&self) -> &[String] {
        &self.contents
    }

    /// The style of an image, and its content if it is known: indices into the names.
    pub fn classes(&self, image: usize) -> (u32, Option<u32>) {
        self.classes[image]
    }

    /// The images of a style.
    pub fn of_style(&self, style: u32) -> &[usize] {
        &self.of_style[style as usize]
    }

    /// A fingerprint of the data.
    pub fn digest(&self) -> Digest {
        let mut digest = Digest::default();
        for (source, (style, content)) in self.sources.iter().zip(&self.named) {
            digest.text(source);
            digest.text(style);
            digest.text(content.as_deref().unwrap_or_default());
        }
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(lines: &[&str], tasks: &CodeTasks) -> Result<CodeImages> {
        let mut images = CodeImages::default();
        for line in lines {
            images.push(&serde_json::from_str(line).unwrap(), tasks)?;
        }
        images.finish(tasks).map(|()| images)
    }

    #[test]
    fn styles_and_contents_are_found_in_labels_or_the_domain() {
        let [first, second, third] = [
            r#"{"image":"a","domain":"y","labels":{"plate":"works","sign":"ice"}}"#,
            r#"{"image":"b","domain":"x","labels":{"plate":"route"}}"#,
            r#"{"image":"c","domain":"x","labels":{"plate":"works","sign":"car"}}"#,
        ];
        let tasks = CodeTasks { style: Some("plate".into()), content: Some("sign".into()) };
        let images = pushed(&[first, second, third], &tasks).unwrap();
        assert_eq!(
            (images.styles(), images.contents()),
            (&["route", "works"].map(str::to_owned)[..], &["car", "ice"].map(str::to_owned)[..])
        );
        assert_eq!([0, 1, 2].map(|image| images.classes(image)), [(1, Some(1)), (0, None), (1, Some(0))]);
        assert_eq!(images.of_style(1), [0, 2]);
        let images = pushed(&[first, second], &CodeTasks::default()).unwrap();
        assert_eq!([0, 1].map(|image| images.classes(image)), [(1, None), (0, None)]);
        let refused = |lines: &[&str], tasks: &CodeTasks| pushed(lines, tasks).unwrap_err().to_string();
        assert!(refused(&[first, third], &tasks).contains("all records have the style works"));
        assert!(refused(&[first, second], &tasks).contains("--content sign: the records have 1 of its classes"));
        let tasks = CodeTasks { style: Some("color".into()), content: None };
        assert_eq!(refused(&[first], &tasks), "\"labels\" has no \"color\", the style");
        let bare = r#"{"image":"a"}"#;
        assert!(refused(&[bare], &CodeTasks::default()).contains("no \"domain\""));
    }
}
