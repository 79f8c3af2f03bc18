//! What a plain scalar means.
//!
//! Input: the text of an unquoted scalar. Output: [`Scalar`]. Rules: the YAML 1.2.2 core schema (§10.3.2) less what
//! people do not expect. Invariant: a text that YAML 1.1 and 1.2 readers understand differently (`no`, `012`, `0x1f`,
//! `1_000`, `.inf`, `12:30`) is text here, so that it is never silently another value.

/// The meaning of a scalar.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A decimal integer.
    Integer(i64),
    /// A decimal fraction or a number with an exponent; always finite.
    Float(f64),
    /// Anything else.
    Text,
}

/// Decides what a plain scalar means.
pub fn resolve(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "true" | "True" | "TRUE" => Scalar::Bool(true),
        "false" | "False" | "FALSE" => Scalar::Bool(false),
        _ => number(text),
    }
}

/// Words that YAML 1.1 readers take for booleans and YAML 1.2 readers for text.
pub fn is_old_boolean(text: &str) -> bool {
    ["yes", "no", "on", "off", "y", "n"].contains(&text.to_ascii_lowercase().as_str())
}

fn number(text: &str) -> Scalar {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let plain = digits(whole) && (whole == "0" || !whole.starts_with('0'));
    if !plain || !fraction.is_none_or(digits) || !exponent.is_none_or(digits) {
        return Scalar::Text;
    }
    if fraction.is_none() && exponent.is_none() {
        return text.parse().map_or(Scalar::Text, Scalar::Integer);
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Scalar::Float(value),
        _ => Scalar::Text,
    }
}
