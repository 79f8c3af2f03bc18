//! Resource quantities (`apimachinery/pkg/api/resource`), read for comparison.
//!
//! Input: text such as `10Gi` or `500m`. Output: thousandths. It writes nothing. Invariant: what is not a quantity, or
//! is beyond 2^127 thousandths, is `None`.

/// A quantity in thousandths, rounded up as the server rounds.
pub fn parse(text: &str) -> Option<i128> {
    let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-' || c == '+')).unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(split)?;
    let (numerator, denominator) = scale(suffix)?;
    let (negative, number) = match number.strip_prefix('-') {
        Some(number) => (true, number),
        None => (false, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits: String = [whole, fraction].concat();
    let digits: i128 = if digits.bytes().all(|b| b.is_ascii_digit()) { digits.parse().ok()? } else { return None };
    let divisor = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?.checked_mul(denominator)?;
    let product = digits.checked_mul(numerator)?.checked_mul(1000)?;
    let rounded = product.checked_add(divisor - 1)?.checked_div(divisor)?;
    Some(if negative { -rounded } else { rounded })
}

fn scale(suffix: &str) -> Option<(i128, i128)> {
    let binary = |power: u32| Some((1024_i128.pow(power), 1));
    let decimal = |power: u32| Some((1000_i128.pow(power), 1));
    match suffix {
        "" => decimal(0),
        "n" => Some((1, 1_000_000_000)),
        "u" => Some((1, 1_000_000)),
        "m" => Some((1, 1000)),
        "k" => decimal(1),
        "M" => decimal(2),
        "G" => decimal(3),
        "T" => decimal(4),
        "P" => decimal(5),
        "E" => decimal(6),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        other => {
            let exponent: i32 = other.strip_prefix(['e', 'E'])?.parse().ok()?;
            let power = 10_i128.checked_pow(exponent.unsigned_abs())?;
            Some(if exponent < 0 { (1, power) } else { (power, 1) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_is_read_in_thousandths() {
        let cases = [
            ("1", Some(1000)),
            ("500m", Some(500)),
            ("1Ki", Some(1_024_000)),
            ("1k", Some(1_000_000)),
            ("1.5Gi", Some(1_610_612_736_000)),
            ("2e3", Some(2_000_000)),
            ("5e-1", Some(500)),
            ("1E", Some(1_000_000_000_000_000_000_000)),
            ("1u", Some(1)),
            ("-1", Some(-1000)),
            ("", None),
            ("Gi", None),
            ("1Xi", None),
            ("1.2.3", None),
            ("1e99", None),
        ];
        for (text, thousandths) in cases {
            assert_eq!(parse(text), thousandths, "{text}");
        }
    }
}
