//! The field `weight`, which has a range.

use anyhow::{Result, ensure};

use crate::Record;

const NAME: &str = "weight";

impl Record {
    /// How much the sample counts in training and in metrics, at least 0.
    ///
    /// `None` if the field is absent.
    /// # Errors
    /// When the field is not a number, or is negative.
    pub fn weight(&self) -> Result<Option<f64>> {
        let weight: Option<f64> = self.get(NAME)?;
        if let Some(weight) = weight {
            ensure!(weight >= 0.0, "field \"{NAME}\": {weight} is below 0; expected a weight of at least 0");
        }
        Ok(weight)
    }

    /// Adds or replaces the field of the same name; the other fields and their order do not change.
    /// # Errors
    /// When the weight is negative or not finite.
    pub fn set_weight(&mut self, weight: f64) -> Result<()> {
        ensure!(weight >= 0.0 && weight.is_finite(), "the weight {weight} is not a finite number of at least 0");
        self.set(NAME, &weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negative_weight_is_refused() {
        let read = |text: &str| Record::parse(text).unwrap().weight();
        assert_eq!(read("{}").unwrap(), None);
        assert_eq!(read(r#"{"weight":0}"#).unwrap(), Some(0.0));
        assert!(read(r#"{"weight":-0.5}"#).unwrap_err().to_string().contains("-0.5 is below 0"));
        assert!(read(r#"{"weight":"heavy"}"#).is_err());
        let mut record = Record::parse(r#"{"id":"a"}"#).unwrap();
        assert!(record.set_weight(f64::NAN).is_err() && record.set_weight(-1.0).is_err());
        record.set_weight(2.5).unwrap();
        assert_eq!(record.weight().unwrap(), Some(2.5));
    }
}
