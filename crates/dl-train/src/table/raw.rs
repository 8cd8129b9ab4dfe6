//! A table as it was read.

use anyhow::{Result, ensure};

use dl_record::Digest;

/// The cells of a table, column by column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawTable {
    /// The names of the columns.
    pub names: Vec<String>,
    /// For each column, the cell of each row, without spaces around it; `None`: empty.
    pub cells: Vec<Vec<Option<Box<str>>>>,
    /// Number of rows.
    pub rows: usize,
}

impl RawTable {
    /// A table without rows.
    pub fn new(names: Vec<String>) -> Self {
        Self { cells: vec![Vec::new(); names.len()], names, rows: 0 }
    }

    /// Adds a row with a cell for each column.
    pub fn push<'a>(&mut self, row: impl IntoIterator<Item = Option<&'a str>>) {
        let mut row = row.into_iter();
        for cells in &mut self.cells {
            let cell = row.next().flatten().map(str::trim).filter(|cell| !cell.is_empty());
            cells.push(cell.map(Into::into));
        }
        self.rows += 1;
    }

    /// Adds a row of named cells; a column that is new is empty in the rows before.
    pub fn push_fields(&mut self, fields: &[(&str, Option<String>)]) {
        for (name, _) in fields {
            if self.place(name).is_none() {
                self.names.push((*name).to_owned());
                self.cells.push(vec![None; self.rows]);
            }
        }
        let mut row: Vec<Option<&str>> = vec![None; self.names.len()];
        for (name, cell) in fields {
            if let Some(place) = self.place(name) {
                row[place] = cell.as_deref();
            }
        }
        self.push(row);
    }

    /// The index of the column of this name.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    /// The cells of the column of this name.
    pub fn column(&self, name: &str) -> Option<&[Option<Box<str>>]> {
        self.place(name).map(|place| &self.cells[place][..])
    }

    /// Removes the columns of these names. `option` names the option in errors.
    /// # Errors
    /// When a column does not exist.
    pub fn drop_columns(&mut self, names: &[String], option: &str) -> Result<()> {
        for name in names {
            let place = self.place(name);
            ensure!(place.is_some(), "{option} {name}: the table has no such column; it has {}", self.names.join(", "));
            if let Some(place) = place {
                self.names.remove(place);
                self.cells.remove(place);
            }
        }
        Ok(())
    }

    /// The table with these rows of it, in this order.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        let of = |cells: &Vec<Option<Box<str>>>| rows.iter().map(|row| cells[*row].clone()).collect();
        Self { names: self.names.clone(), cells: self.cells.iter().map(of).collect(), rows: rows.len() }
    }

    /// A fingerprint of the cells.
    pub fn digest(&self) -> Digest {
        let mut digest = Digest::default();
        for (name, cells) in self.names.iter().zip(&self.cells) {
            digest.text(name);
            for cell in cells {
                digest.text(cell.as_deref().unwrap_or("\0"));
            }
        }
        digest
    }
}
