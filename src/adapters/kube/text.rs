//! Server output made fit to be shown.
//!
//! Input: any text of a server. Output: one bounded line without control characters, PEM blocks or long random-looking
//! words. It cannot know every secret; it removes what looks like a key, a token or a certificate. Invariant: the
//! output is at most [`CHARS_MAX`] characters.

/// The longest text that is kept.
pub const CHARS_MAX: usize = 400;
/// What stands for something removed.
const MASK: &str = "(masked)";
/// The shortest word that can be a key or a token.
const TOKEN_MIN: usize = 24;

/// The text, cut and masked.
pub fn masked(text: &str) -> String {
    // The input is cut first: a server may send megabytes, and nothing past a few thousand characters can survive.
    let text: String = text.chars().take(CHARS_MAX * 8).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let text = without_pem(&text);
    let words: Vec<String> = text.split_whitespace().map(without_tokens).collect();
    let line = words.join(" ");
    if line.chars().count() <= CHARS_MAX {
        return line;
    }
    let mut cut: String = line.chars().take(CHARS_MAX - 1).collect();
    cut.push('…');
    cut
}

/// Everything from the beginning of a PEM block to its end, or to the end of the text.
fn without_pem(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, block)) = rest.split_once("-----BEGIN ") {
        kept.push_str(before);
        kept.push_str(MASK);
        rest = block.split_once("-----END ").map_or("", |(_, after)| after);
        rest = rest.split_once("-----").map_or("", |(_, after)| after);
    }
    kept.push_str(rest);
    kept
}

/// Runs of base64 or base64url characters that mix capitals, small letters and digits.
fn without_tokens(word: &str) -> String {
    let mut kept = String::with_capacity(word.len());
    let mut run = String::new();
    for c in word.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '+' | '_' | '=') {
            run.push(c);
        } else {
            kept.push_str(token_or_mask(&run));
            run.clear();
            kept.push(c);
        }
    }
    kept.push_str(token_or_mask(&run));
    kept
}

fn token_or_mask(run: &str) -> &str {
    let has = |test: fn(&u8) -> bool| run.as_bytes().iter().any(test);
    let random = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit);
    let hexadecimal = run.len() >= 32 && run.bytes().all(|byte| byte.is_ascii_hexdigit());
    if run.len() >= TOKEN_MIN && random || hexadecimal { MASK } else { run }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_removed_and_words_stay() {
        let cases = [
            ("pods \"x\" is forbidden", "pods \"x\" is forbidden"),
            ("two\nlines\tand\u{7}a bell", "two lines and a bell"),
            ("a -----BEGIN EC PRIVATE KEY-----\nMHc=\n-----END EC PRIVATE KEY----- b", "a (masked) b"),
            ("a -----BEGIN PRIVATE KEY-----\nMHc= without end", "a (masked)"),
            ("token eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJpc3MiOiJrdWJlcm5ldGVzIn0x.s", "token (masked).(masked).s"),
            ("hash 0123456789abcdef0123456789abcdef", "hash (masked)"),
            (
                "system:serviceaccount:heddle-system:heddle-observer",
                "system:serviceaccount:heddle-system:heddle-observer",
            ),
            ("uid 0b6c1f5e-3a51-4e6f-9f43-0c1f5e3a514e", "uid 0b6c1f5e-3a51-4e6f-9f43-0c1f5e3a514e"),
        ];
        for (text, shown) in cases {
            assert_eq!(masked(text), shown);
        }
    }

    #[test]
    fn a_long_text_is_cut() {
        let shown = masked(&"word ".repeat(100_000));
        assert_eq!(shown.chars().count(), CHARS_MAX);
        assert!(shown.ends_with('…'));
    }
}
