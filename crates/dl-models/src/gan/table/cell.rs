//! From the numbers of a generated row to cells.

use super::{Column, ColumnKind, Mode};

/// How many standard deviations of a mode the number 1 is.
pub(super) const REACH: f64 = 4.0;

/// The cell of a column: `place` in the mode, -1 to 1, and the chosen mode or category. `None`: empty.
pub(super) fn cell(column: &Column, place: f32, chosen: usize) -> Option<String> {
    match &column.kind {
        ColumnKind::Constant { value } => value.clone(),
        ColumnKind::Categorical { categories } => categories.get(chosen).and_then(|category| category.name.clone()),
        ColumnKind::Numeric { modes, decimals, least, most, .. } => {
            let Mode { mean, deviation, .. } = modes.get(chosen)?;
            let number = mean + f64::from(place) * REACH * deviation;
            Some(text(number.clamp(*least, *most), *decimals as usize))
        }
    }
}

/// The number as text, rounded to `decimals` digits after the decimal point, without zeros at the end.
fn text(number: f64, decimals: usize) -> String {
    // No digits beyond the shortest text that is this number.
    let (rounded, shortest) = (format!("{number:.decimals$}"), number.to_string());
    let text = if rounded.len() < shortest.len() { rounded } else { shortest };
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::Category;
    use super::*;

    #[test]
    fn numbers_are_rounded_and_stay_in_the_range_of_the_data() {
        let modes =
            vec![Mode { mean: 10.0, deviation: 1.0, weight: 0.5 }, Mode { mean: -2.0, deviation: 0.0, weight: 0.5 }];
        let column = |decimals| Column {
            name: "x".into(),
            kind: ColumnKind::Numeric { modes: modes.clone(), decimals, least: -2.0, most: 12.5, missing: true },
        };
        assert_eq!(cell(&column(0), 0.3, 0).as_deref(), Some("11"));
        assert_eq!(cell(&column(2), 0.3, 0).as_deref(), Some("11.2"));
        assert_eq!(cell(&column(2), 1.0, 0).as_deref(), Some("12.5"));
        assert_eq!(cell(&column(2), 1.0, 1).as_deref(), Some("-2"));
        assert_eq!(cell(&column(2), 1.0, 2), None);
        assert_eq!((text(-0.001, 2), text(1e3, 0), text(1e3, 1)), ("0".into(), "1000".into(), "1000".into()));
        let categories = vec![Category { name: None, count: 1 }, Category { name: Some("a".into()), count: 2 }];
        let column = Column { name: "x".into(), kind: ColumnKind::Categorical { categories } };
        assert_eq!((cell(&column, 0.0, 0), cell(&column, 0.0, 1)), (None, Some("a".into())));
    }
}
