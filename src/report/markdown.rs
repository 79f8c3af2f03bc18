//! Markdown that holds foreign text safely.
//!
//! Input: any text. Output: text that renders as itself. It lays out nothing. Invariant: no HTML, link, mention, table
//! break or control character of the input survives as such.

/// Text within a line or a table cell.
pub fn inline(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '!' => {
                safe.push('\\');
                safe.push(c);
            }
            // A zero-width space keeps hosts from turning `@name` into a notification.
            '@' => safe.push_str("@\u{200b}"),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

/// A code span; its fence is longer than any run of backticks inside.
pub fn code(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{}{pad}{fence}", text.replace('|', "\\|"))
}

/// A fenced block.
pub fn block(language: &str, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let end = if text.ends_with('\n') { "" } else { "\n" };
    format!("{fence}{language}\n{text}{end}{fence}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_mention_link_or_break_a_table() {
        assert_eq!(inline("@all [x](http://a) | <img>\n"), "@\u{200b}all \\[x\\](http://a) \\| \\<img\\> ");
    }

    #[test]
    fn code_is_fenced_longer_than_its_own_backticks() {
        assert_eq!(code("a``b"), "```a``b```");
        assert!(block("yaml", "```\n").starts_with("````yaml\n"));
    }
}
