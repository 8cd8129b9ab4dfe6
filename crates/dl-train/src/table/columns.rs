//! Which columns are numbers, and which are categories.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail, ensure};

use super::RawTable;

/// Whole numbers with at most this many different values are taken as categories: they are usually codes, not quantities.
const FEW_NUMBERS: usize = 20;
/// Most categories of a column: it is rather a name of each row, or free text.
const MOST_CATEGORIES: usize = 1000;
/// Networks compute in single precision: a column's numbers must be within these.
const LARGEST: f64 = 1e30;
const SMALLEST: f64 = 1e-30;
/// Of a column of numbers, at most this share may be other texts; they are then named.
const FEW_TEXTS: f64 = 0.05;

/// What the user says about columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnOptions {
    /// Columns of categories.
    pub categorical: Vec<String>,
    /// Columns of numbers.
    pub numeric: Vec<String>,
    /// The column with the class of a row, which is categorical.
    pub label: Option<String>,
}

/// What a column holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Detected {
    /// The same cell in every row.
    Constant(Option<String>),
    /// Numbers, `None` for empty cells.
    Numeric(Vec<Option<f64>>),
    /// The categories, sorted, and the category of each row.
    Categorical(Vec<Option<String>>, Vec<u32>),
}

/// What each column of a table holds, and what was assumed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kinds {
    /// For each column.
    pub columns: Vec<Detected>,
    /// For the user.
    pub notes: Vec<String>,
}

/// Whether the text of a cell stands for an empty one among numbers.
pub fn is_missing(cell: &str) -> bool {
    matches!(cell, "" | "?" | "NA" | "N/A" | "NaN" | "nan" | "null" | "NULL" | "None")
}

/// The number in a cell; `None` if it is not one.
pub fn number(cell: &str) -> Option<f64> {
    // Rust also reads `inf` and `nan`.
    let begins = cell.trim_start_matches(['+', '-']);
    cell.parse().ok().filter(|_| begins.starts_with(|c: char| c.is_ascii_digit() || c == '.'))
}

/// Finds out what the columns hold.
/// # Errors
/// When an option names a column that does not exist, a column of numbers has something else or a number that is not
/// finite, or one has too many categories.
pub fn detect(table: &RawTable, options: &ColumnOptions) -> Result<Kinds> {
    let all = [("--categorical", &options.categorical), ("--numeric", &options.numeric)];
    for (option, names) in all {
        for name in names {
            check_name(table, option, name)?;
        }
    }
    if let Some(label) = &options.label {
        check_name(table, "--label", label)?;
        ensure!(
            !options.numeric.contains(label),
            "--label {label}: a class is not a number; leave it out of --numeric"
        );
    }
    if let Some(both) = options.categorical.iter().find(|name| options.numeric.contains(name)) {
        bail!("column {both}: is named by both --categorical and --numeric");
    }
    let mut kinds = Kinds::default();
    for (name, cells) in table.names.iter().zip(&table.cells) {
        let is_label = options.label.as_ref() == Some(name);
        let said = match (is_label || options.categorical.contains(name), options.numeric.contains(name)) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        };
        let column = column(name, cells, said, &mut kinds.notes)?;
        if is_label {
            ensure!(
                matches!(column, Detected::Categorical(..)),
                "--label {name}: the column is the same in every row; a class needs two values"
            );
        }
        kinds.columns.push(column);
    }
    Ok(kinds)
}

fn check_name(table: &RawTable, option: &str, name: &str) -> Result<()> {
    ensure!(
        table.place(name).is_some(),
        "{option} {name}: the table has no such column; it has {}",
        table.names.join(", ")
    );
    Ok(())
}

fn column(name: &str, cells: &[Option<Box<str>>], said: Option<bool>, notes: &mut Vec<String>) -> Result<Detected> {
    let texts: BTreeSet<Option<&str>> = cells.iter().map(|cell| cell.as_deref()).collect();
    if texts.len() <= 1 {
        notes.push(format!("column {name}: the same in every row; it is kept as it is"));
        return Ok(Detected::Constant(texts.first().copied().flatten().map(str::to_owned)));
    }
    if said == Some(true) {
        return categories(name, cells);
    }
    let (mut numbers, mut wrong, mut values) = (Vec::with_capacity(cells.len()), Vec::new(), BTreeSet::new());
    for (row, cell) in cells.iter().enumerate() {
        let cell = cell.as_deref().unwrap_or("");
        let number = number(cell);
        if number.is_none() && !is_missing(cell) {
            wrong.push((row, cell));
        }
        if let Some(number) = number {
            values.insert(number.to_bits());
        }
        numbers.push(number);
    }
    let count = numbers.iter().flatten().count();
    let infinite = numbers.iter().position(|number| number.is_some_and(|number| !number.is_finite()));
    let infinite = infinite.or_else(|| {
        let is_infinite = |cell: &str| cell.parse::<f64>().is_ok_and(f64::is_infinite);
        (count > 0).then(|| wrong.iter().find(|(_, cell)| is_infinite(cell)).map(|(row, _)| *row)).flatten()
    });
    if let Some(row) = infinite {
        let cell = cells[row].as_deref().unwrap_or("");
        bail!("column {name}, row {}: {cell} is not a finite number; leave the cell empty", row + 1);
    }
    if let Some(row) = numbers.iter().position(|number| number.is_some_and(|number| number.abs() > LARGEST)) {
        bail!("column {name}, row {}: the number is above {LARGEST:e}; give it in another unit", row + 1);
    }
    let largest = numbers.iter().flatten().fold(0.0_f64, |largest, number| largest.max(number.abs()));
    if largest > 0.0 && largest < SMALLEST {
        bail!("column {name}: its numbers are below {SMALLEST:e}; give them in another unit");
    }
    if let Some((row, cell)) = wrong.first() {
        if said == Some(false) {
            bail!("--numeric {name}: row {} has \"{cell}\", which is not a number; leave the cell empty", row + 1);
        }
        if count > 0 && (wrong.len() as f64) < FEW_TEXTS * cells.len() as f64 {
            notes.push(format!(
                "column {name}: taken as categories, because {} of {} cells are not numbers, such as \"{cell}\" in row {}; \
                 leave them empty to have numbers",
                wrong.len(),
                cells.len(),
                row + 1
            ));
        }
        return categories(name, cells);
    }
    if values.is_empty() {
        return categories(name, cells);
    }
    let whole = numbers.iter().flatten().all(|number| number.fract() == 0.0);
    if said.is_none() && whole && values.len() <= FEW_NUMBERS {
        notes.push(format!(
            "column {name}: {} different whole numbers, taken as categories; --numeric {name} makes them numbers",
            values.len()
        ));
        return categories(name, cells);
    }
    if values.len() == 1 && count == cells.len() {
        // Different texts of one number.
        return Ok(Detected::Constant(cells[0].as_deref().map(str::to_owned)));
    }
    if whole && count == cells.len() && values.len() == count && count > FEW_NUMBERS {
        let (least, most) = range(&numbers);
        if most - least + 1.0 == count as f64 {
            notes.push(format!(
                "column {name}: counts the rows, so it is probably their name; --ignore {name} leaves it out"
            ));
        }
    }
    Ok(Detected::Numeric(numbers))
}

/// The smallest and the largest number.
pub(super) fn range(numbers: &[Option<f64>]) -> (f64, f64) {
    let known = numbers.iter().flatten();
    known.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), number| (least.min(*number), most.max(*number)))
}

fn categories(name: &str, cells: &[Option<Box<str>>]) -> Result<Detected> {
    let mut known: BTreeMap<Option<&str>, u32> = cells.iter().map(|cell| (cell.as_deref(), 0)).collect();
    if known.len() > MOST_CATEGORIES {
        bail!(
            "column {name}: {} different texts are too many categories, at most {MOST_CATEGORIES}; leave the column out with \
             --ignore {name}",
            known.len()
        );
    }
    let mut sorted: Vec<Option<&str>> = known.keys().copied().collect();
    // Empty cells first, then numbers by size, then texts.
    sorted.sort_by(|a, b| {
        let key = |text: &Option<&str>| text.and_then(number).unwrap_or(f64::INFINITY);
        a.is_some().cmp(&b.is_some()).then(key(a).total_cmp(&key(b))).then(a.cmp(b))
    });
    for (place, text) in (0..).zip(&sorted) {
        known.insert(*text, place);
    }
    let codes = cells.iter().map(|cell| known[&cell.as_deref()]).collect();
    Ok(Detected::Categorical(sorted.into_iter().map(|text| text.map(str::to_owned)).collect(), codes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(columns: &[(&str, &[&str])]) -> RawTable {
        let mut table = RawTable::new(columns.iter().map(|(name, _)| (*name).to_owned()).collect());
        for row in 0..columns[0].1.len() {
            table.push(columns.iter().map(|(_, cells)| Some(cells[row])));
        }
        table
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn columns_are_told_apart_and_assumptions_are_said() {
        let numbers: Vec<String> = (0..30).map(|row| format!("{}", row as f64 * 1.5)).collect();
        let ids: Vec<String> = (1..=30).map(|row| row.to_string()).collect();
        let codes: Vec<String> = (0..30).map(|row| (row % 3 * 5).to_string()).collect();
        let (numbers, ids, codes): (Vec<&str>, Vec<&str>, Vec<&str>) = (
            numbers.iter().map(|x| if *x == "3" { "NA" } else { x }).collect(),
            ids.iter().map(String::as_str).collect(),
            codes.iter().map(String::as_str).collect(),
        );
        let fixed = ["x"; 30];
        let table = table(&[("size", &numbers), ("id", &ids), ("code", &codes), ("fixed", &fixed)]);
        let kinds = detect(&table, &ColumnOptions::default()).unwrap();
        let Detected::Numeric(size) = &kinds.columns[0] else { panic!() };
        assert!(size[2].is_none() && size[1] == Some(1.5));
        assert!(matches!(&kinds.columns[1], Detected::Numeric(_)));
        let Detected::Categorical(categories, rows) = &kinds.columns[2] else { panic!() };
        assert_eq!(categories, &[Some("0".to_owned()), Some("5".to_owned()), Some("10".to_owned())]);
        assert_eq!(rows[..4], [0, 1, 2, 0]);
        assert_eq!(kinds.columns[3], Detected::Constant(Some("x".into())));
        let notes = kinds.notes.join("\n");
        assert!(notes.contains("column id: counts the rows") && notes.contains("--numeric code"), "{notes}");
        let options = ColumnOptions { numeric: names(&["code"]), ..Default::default() };
        assert!(matches!(&detect(&table, &options).unwrap().columns[2], Detected::Numeric(_)));
    }

    #[test]
    fn columns_that_cannot_be_used_are_refused_by_name() {
        let many: Vec<String> = (0..1200).map(|row| format!("n{row}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let refused =
            |cells: &[&str], options: &ColumnOptions| detect(&table(&[("x", cells)]), options).unwrap_err().to_string();
        let none = ColumnOptions::default();
        assert!(refused(&many, &none).contains("column x: 1200 different texts"));
        assert!(refused(&["1.5", "inf", "2"], &none).contains("column x, row 2: inf is not a finite number"));
        assert!(refused(&["1.5", "1e999", "2"], &none).contains("row 2: 1e999"));
        let options = ColumnOptions { numeric: names(&["x"]), ..Default::default() };
        assert!(refused(&["1.5", "two", "2"], &options).contains("row 2 has \"two\""));
        let options = ColumnOptions { label: Some("y".into()), ..Default::default() };
        assert!(refused(&["1.5", "2"], &options).contains("--label y: the table has no such column; it has x"));
        let options = ColumnOptions { label: Some("x".into()), ..Default::default() };
        assert!(refused(&["a", "a"], &options).contains("the same in every row"));
    }
}
