//! Kubernetes quantities and their canonical form.
//!
//! Input: text such as `1.5Gi`. Output: [`Quantity`]. Rules: `apimachinery/pkg/api/resource` (`quantity.go`): the
//! server keeps the family of suffixes, no fraction, and the largest suffix that loses nothing; binary amounts under
//! 1024 are written in the decimal family; digits below nano are rounded up. It is not arithmetic beyond comparing and
//! adding. Invariant: [`Quantity::canonical`] reads back to the same amount and is its own canonical form, so that a
//! rendered object equals what the server returns.

use thiserror::Error;

const NANO: i128 = 1_000_000_000;
/// The largest amount (2^63 - 1); the server silently cuts to it.
const MAX: i128 = i64::MAX as i128;
const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Decimal,
    Binary,
    Exponent,
}

/// An amount of something that is not negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantity {
    nano: i128,
    family: Family,
}

/// Why a text is not a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum QuantityError {
    /// Not of the form number and suffix.
    #[error("a quantity is a number and a suffix such as `500m`, `2`, `512Mi` or `10Gi`")]
    Form,
    /// Below zero.
    #[error("a quantity cannot be negative")]
    Negative,
    /// Over 2^63 - 1.
    #[error("the quantity is too large")]
    TooLarge,
}

impl Quantity {
    /// The pattern of the accepted texts, for the JSON Schema.
    pub const PATTERN: &'static str = r"^([0-9]+(\.[0-9]*)?|\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,2})?$";

    /// Reads a quantity.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        let (negative, text) = match (text.strip_prefix('-'), text.strip_prefix('+')) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => (false, text),
        };
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, suffix) = text.split_at_checked(end).ok_or(QuantityError::Form)?;
        let (family, base, exponent) = scale(suffix)?;
        let nano = amount(number, base, exponent)?;
        if negative && nano != 0 {
            return Err(QuantityError::Negative);
        }
        Ok(Self { nano, family })
    }

    /// Whether it is nothing.
    pub fn is_zero(self) -> bool {
        self.nano == 0
    }

    /// The amount in billionths, for comparing and adding.
    pub fn nano(self) -> i128 {
        self.nano
    }

    /// The text that a server returns.
    pub fn canonical(self) -> String {
        match self.family {
            Family::Binary if self.nano >= 1024 * NANO => {
                let mut value = div_up(self.nano, NANO);
                let mut suffix = 0;
                while value % 1024 == 0 && suffix + 1 < BINARY.len() {
                    value /= 1024;
                    suffix += 1;
                }
                format!("{value}{}", BINARY.get(suffix).unwrap_or(&""))
            }
            Family::Binary | Family::Decimal => {
                let (value, thousands) = self.decimal();
                format!("{value}{}", DECIMAL.get(thousands).unwrap_or(&""))
            }
            Family::Exponent => match self.decimal() {
                (value, 3) => value.to_string(),
                (value, 0) => format!("{value}e-9"),
                (value, 1) => format!("{value}e-6"),
                (value, 2) => format!("{value}e-3"),
                (value, thousands) => format!("{value}e{}", thousands * 3 - 9),
            },
        }
    }

    /// The value without trailing thousands, and their number counted from nano.
    fn decimal(self) -> (i128, usize) {
        if self.nano == 0 {
            return (0, 3);
        }
        let (mut value, mut thousands) = (self.nano, 0);
        while value % 1000 == 0 && thousands + 1 < DECIMAL.len() {
            value /= 1000;
            thousands += 1;
        }
        (value, thousands)
    }
}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.nano.cmp(&other.nano))
    }
}

/// The family, the base and the exponent of a suffix.
fn scale(suffix: &str) -> Result<(Family, i128, i32), QuantityError> {
    let index = |list: &[&str]| list.iter().position(|known| *known == suffix).and_then(|at| i32::try_from(at).ok());
    if let Some(at) = index(&DECIMAL) {
        return Ok((Family::Decimal, 10, at * 3 - 9));
    }
    if let Some(at) = index(&BINARY) {
        return Ok((Family::Binary, 1024, at));
    }
    let exponent = suffix.strip_prefix(['e', 'E']).ok_or(QuantityError::Form)?;
    let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if digits.is_empty() || digits.len() > 2 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(QuantityError::Form);
    }
    Ok((Family::Exponent, 10, exponent.parse().map_err(|_| QuantityError::Form)?))
}

/// `number * base^exponent` in billionths, rounded up.
fn amount(number: &str, base: i128, exponent: i32) -> Result<i128, QuantityError> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = fraction.trim_end_matches('0');
    if (whole.is_empty() && !number.starts_with('.')) || number == "." || fraction.contains('.') {
        return Err(QuantityError::Form);
    }
    let whole = whole.trim_start_matches('0');
    if whole.len() > 19 || fraction.len() > 18 {
        return Err(QuantityError::TooLarge);
    }
    let digits = format!("{whole}{fraction}");
    let value: i128 = if digits.is_empty() { 0 } else { digits.parse().map_err(|_| QuantityError::Form)? };
    let mut divisor = power(10, fraction.len())?;
    let mut factor = NANO;
    let steps = usize::try_from(exponent.unsigned_abs()).map_err(|_| QuantityError::TooLarge)?;
    // Shorten first: the product of all factors may not fit although the amount does.
    for _ in 0..steps {
        if exponent < 0 && factor % base == 0 {
            factor /= base;
        } else if exponent < 0 {
            divisor = divisor.checked_mul(base).ok_or(QuantityError::TooLarge)?;
        } else if divisor % base == 0 {
            divisor /= base;
        } else {
            factor = factor.checked_mul(base).ok_or(QuantityError::TooLarge)?;
        }
    }
    let nano = div_up(value.checked_mul(factor).ok_or(QuantityError::TooLarge)?, divisor);
    if nano > MAX * NANO { Err(QuantityError::TooLarge) } else { Ok(nano) }
}

fn power(base: i128, exponent: usize) -> Result<i128, QuantityError> {
    u32::try_from(exponent).ok().and_then(|e| base.checked_pow(e)).ok_or(QuantityError::TooLarge)
}

fn div_up(value: i128, divisor: i128) -> i128 {
    value / divisor + i128::from(value % divisor != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canonical_form_is_the_servers() {
        for (text, canonical) in [
            ("0", "0"),
            ("0Gi", "0"),
            ("1000m", "1"),
            ("0.5", "500m"),
            ("500m", "500m"),
            ("1.5Gi", "1536Mi"),
            ("1024Mi", "1Gi"),
            ("0.5Ki", "512"),
            ("1Ki", "1Ki"),
            ("1000Ki", "1000Ki"),
            ("1.1Ki", "1127"),
            ("1e3", "1e3"),
            ("1e2", "100"),
            ("1500e3", "1500e3"),
            ("12E6", "12e6"),
            ("1000k", "1M"),
            ("2", "2"),
            ("1E", "1E"),
            ("0.0001", "100u"),
            ("5n", "5n"),
            ("0.1n", "1n"),
            ("100.00", "100"),
            (".5", "500m"),
            ("+1", "1"),
            ("7Ei", "7Ei"),
            ("001", "1"),
            ("5e-3", "5e-3"),
            ("1.", "1"),
            ("1e-9", "1e-9"),
        ] {
            let quantity = Quantity::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(quantity.canonical(), canonical, "{text}");
            assert_eq!(Quantity::parse(canonical).unwrap().canonical(), canonical, "{text} again");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "Gi", "1GB", "1 Gi", "1gi", ".", "1.2.3", "1e", "1e+", "x", "1mi", "--1", "1e999", "1K", "١"]
        {
            assert_eq!(Quantity::parse(text), Err(QuantityError::Form), "{text}");
        }
        assert_eq!(Quantity::parse("-1"), Err(QuantityError::Negative));
        for text in ["9223372036854775808", "8Ei", "1e99", "99999999999999999999"] {
            assert_eq!(Quantity::parse(text), Err(QuantityError::TooLarge), "{text}");
        }
    }
}
