//! PEM text and DER bytes.
//!
//! Input: text with any number of blocks; DER. Output: the DER of each certificate block; a block.
//! Invariants: a block that is no certificate is refused and never repeated in an error, since it may be a key; every
//! byte of the text is looked at once.

use x509_cert::der::pem::{LineEnding, decode_vec, encode_string};

use super::CertificateError;

const LABEL: &str = "CERTIFICATE";
const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";

/// The certificate blocks of a text, in their order.
pub(super) fn blocks(text: &str) -> Result<Vec<Vec<u8>>, CertificateError> {
    let mut found = Vec::new();
    let mut block: Option<String> = None;
    for line in text.lines().map(str::trim_end) {
        if line.starts_with(BEGIN) && block.is_some() {
            return Err(CertificateError::OtherBlock);
        }
        if line.starts_with(BEGIN) {
            block = Some(String::new());
        }
        let Some(inside) = &mut block else { continue };
        inside.push_str(line);
        inside.push('\n');
        if line.starts_with(END) {
            found.push(decode(inside)?);
            block = None;
        }
    }
    if block.is_some() { Err(CertificateError::OtherBlock) } else { Ok(found) }
}

fn decode(block: &str) -> Result<Vec<u8>, CertificateError> {
    match decode_vec(block.as_bytes()) {
        Ok((LABEL, der)) => Ok(der),
        Ok(_) | Err(_) => Err(CertificateError::OtherBlock),
    }
}

/// A block of lines of 64 characters, with a line break at the end.
pub(super) fn encode(der: &[u8]) -> Result<Box<str>, CertificateError> {
    let text = encode_string(LABEL, LineEnding::LF, der);
    text.map(String::into_boxed_str)
        .map_err(|error| CertificateError::Malformed { what: "its text form", source: error.into() })
}
