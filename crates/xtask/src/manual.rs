//! The man pages: one in section 1 for each program and each subcommand, and dl-record(5).

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use dl_cli::tools::TABLE;
use serde_json::Value;

use crate::generated::Generated;

/// The handwritten text of dl-record(5); `@FIELDS@` and `@PARTS@` are replaced by the tables.
const RECORD_PAGE: &str = include_str!("dl-record.5");

/// The fields of a record, with their type and who writes them. The descriptions come from the schema.
const FIELDS: &[(&str, &str, &str)] = &[
    ("id", "string", "dl-data, or the first program"),
    ("image", "string", "dl-data, or the first program"),
    ("width", "integer", "the first program that opens the image"),
    ("height", "integer", "the first program that opens the image"),
    ("text", "string", "dl-data"),
    ("label", "string", "dl-data"),
    ("labels", "object of string", "other programs"),
    ("domain", "string", "dl-data from --domain"),
    ("weight", "number", "dl-transfer kmm, kliep and domain-classifier"),
    ("cluster", "string", "dl-transfer cluster"),
    ("objects", "list of OBJECT", "dl-data"),
    ("proposals", "list of PROPOSAL", "dl-propose"),
    ("features", "object of TENSOR", "dl-embed, dl-transfer"),
    ("predictions", "list of PREDICTION", "dl-classify, dl-transfer"),
    ("detections", "list of DETECTION", "dl-detect, dl-nms"),
    ("cells", "list of CELL", "dl-detect"),
    ("error", "FAILURE", "any program"),
];

/// The types of fields, as the schema names them.
const PARTS: &[&str] = &["Object", "Proposal", "Detection", "Prediction", "Cell", "Tensor", "Mask", "Failure"];

/// All files in man/.
/// # Errors
/// When the tables here do not match the schema.
pub(crate) fn pages() -> Result<Generated> {
    let mut files = BTreeMap::new();
    for tool in TABLE {
        // Building gives the commands their full names: dl-data-from-voc.
        let mut command = (tool.command)().disable_help_subcommand(true);
        command.build();
        add_pages(&command, &[], &mut files)?;
    }
    files.insert("man5/dl-record.5".to_owned(), record_page()?.into_bytes());
    files.insert("man7/dl-tools.7".to_owned(), overview_page()?.into_bytes());
    Ok(Generated::new(crate::root().join("man"), files, "make gen"))
}

fn add_pages(command: &Command, above: &[&str], files: &mut BTreeMap<String, Vec<u8>>) -> Result<()> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    files.insert(format!("man1/{name}.1"), page(command, &name, above)?);
    for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
        add_pages(subcommand, &[above, &[&name]].concat(), files)?;
    }
    Ok(())
}

/// One page of section 1.
fn page(command: &Command, name: &str, above: &[&str]) -> Result<Vec<u8>> {
    let source = concat!("dl-tools ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).title(name.to_uppercase()).source(source).manual("dl-tools manual");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    section("SYNOPSIS", &synopsis(command), &mut page)?;
    man.render_description_section(&mut page)?;
    let has_options = |argument: &clap::Arg| !["help", "version"].contains(&argument.get_id().as_str());
    if command.get_arguments().any(has_options) {
        man.render_options_section(&mut page)?;
    }
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(help) = command.get_after_help() {
        let help = help.to_string();
        let (heading, text) = help
            .split_once(":\n")
            .with_context(|| format!("{name}: the text after the help must begin with a heading, such as Examples:"))?;
        // The page indents the section itself.
        let lines: Vec<&str> = text.lines().map(|line| line.strip_prefix("  ").unwrap_or(line)).collect();
        section(&heading.to_uppercase(), &lines.join("\n"), &mut page)?;
    }
    let status = "0  success, even if the reader of the output closes the pipe\n\
                  1  finished, but some records failed or something was dropped; each is\n   \
                     reported on stderr, and a failed record has an \"error\" field\n\
                  2  usage error, or nothing could be done";
    section("EXIT STATUS", status, &mut page)?;
    let mut roff = Roff::default();
    roff.control("SH", ["SEE ALSO"]);
    let related = above.iter().map(|page| format!("{page}(1)")).chain(["dl-record(5), dl-tools(7)".to_owned()]);
    roff.text([roman(related.collect::<Vec<_>>().join(", "))]);
    roff.to_writer(&mut page)?;
    Ok(page)
}

/// A section whose lines are kept as they are.
fn section(heading: &str, text: &str, page: &mut Vec<u8>) -> Result<()> {
    let mut roff = Roff::default();
    roff.control("SH", [heading]).control("nf", []);
    for line in text.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    Ok(roff.to_writer(page)?)
}

fn synopsis(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    usage.trim_start_matches("Usage:").lines().map(str::trim).collect::<Vec<_>>().join("\n")
}

/// The handwritten text of dl-tools(7); `@PROGRAMS@` and `@SEE@` are replaced by the programs.
const OVERVIEW_PAGE: &str = include_str!("dl-tools.7");

/// dl-tools(7).
fn overview_page() -> Result<String> {
    let mut programs = String::new();
    for tool in TABLE {
        let command = (tool.command)();
        let about = command.get_about().with_context(|| format!("{} has no description", tool.name))?.to_string();
        programs.push_str(&format!(".TP\n.BR {} (1)\n{}\n", tool.name, about.replace('\\', "\\e")));
    }
    programs.push_str(".PP\n");
    let names: Vec<String> = TABLE.iter().map(|tool| format!(".BR {} (1)", tool.name)).collect();
    Ok(OVERVIEW_PAGE.replace("@PROGRAMS@\n", &programs).replace("@SEE@", &names.join(",\n")))
}

/// dl-record(5).
fn record_page() -> Result<String> {
    let schema = dl_record::schema();
    let properties = schema["properties"].as_object().context("the schema has no properties")?;
    let mut fields = String::new();
    for (name, form, by) in FIELDS {
        let property = properties.get(*name).with_context(|| format!("the schema has no field {name}"))?;
        fields.push_str(&entry(name, form, property)?);
        fields.push_str(&format!("Written by {by}.\n"));
    }
    if let Some(name) = properties.keys().find(|name| FIELDS.iter().all(|(known, ..)| known != name)) {
        bail!("dl-record(5) does not describe the field {name}; add it to the table in manual.rs");
    }
    let mut parts = String::new();
    for part in PARTS {
        let schema = schema.pointer(&format!("/$defs/{part}")).with_context(|| format!("the schema has no {part}"))?;
        parts.push_str(&format!(".SS {}\n{}\n", part.to_uppercase(), described(schema)?));
        let forms = schema["anyOf"].as_array().into_iter().flatten();
        for schema in [schema].into_iter().chain(forms) {
            let required: Vec<&str> =
                schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                let form = if required.contains(&name.as_str()) { "" } else { "optional" };
                parts.push_str(&entry(name, form, property)?);
            }
        }
    }
    Ok(RECORD_PAGE.replace("@FIELDS@\n", &fields).replace("@PARTS@\n", &parts))
}

/// A tagged paragraph: the name, then its description.
fn entry(name: &str, form: &str, schema: &Value) -> Result<String> {
    let form = if form.is_empty() { String::new() } else { format!(" ({form})") };
    let text = described(schema).with_context(|| name.to_owned())?;
    Ok(format!(".TP\n\\fB{name}\\fR{form}\n{text}\n"))
}

/// The description in a schema, escaped for roff.
fn described(schema: &Value) -> Result<String> {
    let text = schema["description"].as_str().context("no description in the schema")?;
    let text = text.replace('\\', "\\e").replace('`', "");
    Ok(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use crate::generated::Mode;

    #[test]
    fn the_committed_manual_is_that_of_the_programs() {
        super::pages().unwrap().run_alone(Mode::Check).unwrap();
    }
}
