//! Serial numbers.
//!
//! Input: entropy, or the bytes of a certificate. Output: [`Serial`]. It does not know which serials were used.
//! Invariant: one that was made here is positive, not zero, and at most 17 bytes long (RFC 5280 allows 20).

use std::fmt;

/// The serial number of a certificate: a positive integer, big-endian, without leading zeros.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial(Box<[u8]>);

impl Serial {
    /// The serial that this entropy stands for; none if it is zero, which is no serial number: draw again.
    pub fn from_entropy(entropy: [u8; 16]) -> Option<Self> {
        Some(Self::of(&entropy)).filter(|serial| !serial.0.is_empty())
    }

    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(bytes.iter().copied().skip_while(|byte| *byte == 0).collect())
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_no_serial_number_and_leading_zeros_do_not_count() {
        assert_eq!(Serial::from_entropy([0; 16]), None);
        let mut entropy = [0; 16];
        entropy[14] = 0x0a;
        assert_eq!(Serial::from_entropy(entropy).unwrap().to_string(), "0a00");
        assert_eq!(Serial::from_entropy([0xff; 16]).unwrap().to_string(), "ff".repeat(16));
    }
}
