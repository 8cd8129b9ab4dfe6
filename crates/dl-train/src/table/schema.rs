//! From the cells of a table to the schema of its generator.

use anyhow::{Result, ensure};
use dl_models::gan::table::{Category, Column, ColumnKind, TableSchema};
use rayon::prelude::*;

use super::columns::range;
use super::{ColumnOptions, Detected, MixtureConfig, RawTable, detect, mixture};

/// Most digits after the decimal point that are kept.
const MOST_DECIMALS: u32 = 15;

/// The schema, the columns as numbers and codes, and what was assumed.
pub struct Assumed {
    /// The schema.
    pub schema: TableSchema,
    /// The columns.
    pub columns: Vec<Detected>,
    /// For the user.
    pub notes: Vec<String>,
}

/// Finds out what the columns of a table hold, and the modes of its numbers.
/// # Errors
/// When a column cannot be used, or all are constant.
pub fn schema(table: &RawTable, options: &ColumnOptions, modes: usize) -> Result<Assumed> {
    let kinds = detect(table, options)?;
    ensure!(
        kinds.columns.iter().any(|column| !matches!(column, Detected::Constant(_))),
        "every column is the same in all rows; there is nothing to train on"
    );
    let columns = table.names.par_iter().zip(&table.cells).zip(&kinds.columns);
    let columns =
        columns.map(|((name, cells), detected)| Column { name: name.clone(), kind: kind(cells, detected, modes) });
    let schema = TableSchema { columns: columns.collect(), label: options.label.clone() };
    schema.check()?;
    Ok(Assumed { schema, columns: kinds.columns, notes: kinds.notes })
}

fn kind(cells: &[Option<Box<str>>], detected: &Detected, modes: usize) -> ColumnKind {
    match detected {
        Detected::Constant(value) => ColumnKind::Constant { value: value.clone() },
        Detected::Categorical(names, codes) => {
            let mut categories: Vec<Category> =
                names.iter().map(|name| Category { name: name.clone(), count: 0 }).collect();
            codes.iter().for_each(|code| categories[*code as usize].count += 1);
            ColumnKind::Categorical { categories }
        }
        Detected::Numeric(numbers) => {
            let known: Vec<f64> = numbers.iter().copied().flatten().collect();
            let (least, most) = range(numbers);
            let decimals = cells.iter().flatten().map(|cell| decimals(cell)).max().unwrap_or(0).min(MOST_DECIMALS);
            let unit = 10_f64.powi(-(decimals as i32));
            let config = MixtureConfig { modes, unit, ..MixtureConfig::default() };
            let modes = mixture(&known, &config).modes;
            ColumnKind::Numeric { modes, decimals, least, most, missing: known.len() < numbers.len() }
        }
    }
}

/// Digits after the decimal point of a number, without those that its exponent moves before it.
fn decimals(cell: &str) -> u32 {
    let (digits, exponent) = cell.split_once(['e', 'E']).unwrap_or((cell, "0"));
    let after = digits.split_once('.').map_or(0, |(_, after)| after.trim_end_matches('0').len() as i64);
    let exponent: i64 = exponent.parse().unwrap_or(0);
    u32::try_from((after - exponent).clamp(0, i64::from(MOST_DECIMALS))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_counted_with_the_exponent() {
        let cases = [("5", 0), ("5.0", 0), ("5.25", 2), ("1.5e-3", 4), ("1.5e3", 0), ("-0.125", 3), ("NA", 0)];
        for (cell, expected) in cases {
            assert_eq!(decimals(cell), expected, "{cell}");
        }
    }

    #[test]
    fn a_schema_has_ranges_counts_and_empty_cells() {
        let mut table = RawTable::new(["x", "kind", "fixed"].map(str::to_owned).to_vec());
        for row in 0..60 {
            let x = (row % 7 != 0).then(|| format!("{}.5", row * row));
            table.push([x.as_deref(), Some(if row % 3 == 0 { "a" } else { "b" }), None]);
        }
        let found = schema(&table, &ColumnOptions::default(), 10).unwrap().schema;
        let ColumnKind::Numeric { decimals, least, most, missing, .. } = &found.columns[0].kind else { panic!() };
        assert_eq!((*decimals, *least, *most, *missing), (1, 1.5, 3481.5, true));
        let ColumnKind::Categorical { categories } = &found.columns[1].kind else { panic!() };
        assert_eq!(categories.iter().map(|category| category.count).collect::<Vec<_>>(), [20, 40]);
        assert_eq!(found.columns[2].kind, ColumnKind::Constant { value: None });
    }
}
