//! A value that must not be seen.
//!
//! Input: keys, passwords, tokens. Output: [`Secret`], which cannot be printed, compared in logs or serialized by
//! accident. It does not encrypt. Invariants: no `Display`, no `Serialize`, a `Debug` without content; text is wiped
//! from memory when dropped.

use std::fmt;

use zeroize::Zeroize;

/// A wiped, unprintable value.
///
/// ```compile_fail
/// let secret = heddle::model::secret::Secret::new(String::from("x"));
/// println!("{secret}");
/// ```
/// ```compile_fail
/// let secret = heddle::model::secret::Secret::new(String::from("x"));
/// serde_json::to_string(&secret).unwrap();
/// ```
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes the value in.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// Shows the value to the code that needs it. Every call is a place to review.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize + Clone> Clone for Secret<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::new(String::from("canary"))), "Secret(…)");
    }
}
