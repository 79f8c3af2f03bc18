//! Which ssh hosts are known.
//!
//! Input: a `known_hosts` file and a host's key. Output: yes or no. It learns no host. Invariants: only a line with
//! this very host, port and key says yes; hashed names, patterns and `@cert-authority` lines never match; a `@revoked`
//! key is refused.

/// Whether the file knows the host by this key. `key` is the wire form that the host sent.
pub(super) fn knows(file: &str, host: &str, port: u16, key: &[u8]) -> bool {
    let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
    let name = if port == 22 { host } else { format!("[{host}]:{port}") };
    let key = base64(key);
    let mut known = false;
    for line in file.lines() {
        let mut words = line.split_ascii_whitespace();
        let first = words.next().unwrap_or_default();
        if first == "@revoked" {
            if words.nth(2).is_some_and(|word| word == key) {
                return false;
            }
        } else if !first.starts_with(['#', '@', '|']) && first.split(',').any(|n| n.eq_ignore_ascii_case(&name)) {
            known |= words.nth(1).is_some_and(|word| word == key);
        }
    }
    known && !key.is_empty()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let value = usize::try_from(word >> (18 - 6 * digit) & 63).unwrap_or(0);
            let filled = digit <= chunk.len();
            text.push(if filled { DIGITS.get(value).map_or('=', |d| char::from(*d)) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_has_the_padding_of_rfc_4648() {
        for (bytes, want) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(base64(bytes.as_bytes()), want);
        }
    }

    #[test]
    fn only_the_very_host_port_and_key_are_known() {
        let file = "# c\nhost,other ssh-ed25519 Zm9v comment\n[host]:2222 ssh-ed25519 Zm8=\n|1|x|y ssh-rsa Zg==\n@revoked * ssh-rsa Zm9vYg==\nhost ssh-rsa Zm9vYg==\n";
        let check = |host, port, key: &str, want| {
            assert_eq!(knows(file, host, port, key.as_bytes()), want, "{host} {port} {key}");
        };
        check("host", 22, "foo", true);
        check("OTHER", 22, "foo", true);
        check("host", 22, "fo", false);
        check("host", 2222, "fo", true);
        check("elsewhere", 22, "foo", false);
        check("host", 22, "foob", false);
        check("host", 22, "f", false);
    }
}
