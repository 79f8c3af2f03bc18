//! From a certificate over its issuers to a root that is trusted.
//!
//! Input: certificates and an instant. Output: the path, or why there is none. It knows no revocation lists and no MSP rules
//! beyond paths, and takes no certificate for valid by its own word.
//! Invariants: bounded work, however many certificates name each other as issuers; names compare byte for byte, as in
//! Go; only ECDSA on P-256 with SHA-256 is verified, everything else is said to be unsupported.

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use super::certificate::{Certificate, Constraints};
use super::profile::{ExtendedUse, KeyUse};

/// The longest path, the certificate and the root counted.
const LONGEST_PATH: usize = 6;
/// The most signatures that are verified for one question.
const MOST_SIGNATURES: usize = 100;

/// Why there is no path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ChainError {
    /// No certificate among the given ones issued it.
    #[error("no trusted authority issued the certificate")]
    UnknownIssuer,
    /// One of the path is not valid at the instant.
    #[error("a certificate of the path is not valid at this time")]
    OutsideValidity,
    /// Somebody signed it who is no authority, or has too many below.
    #[error("a certificate was issued by one that may not issue it")]
    NotAnAuthority,
    /// A signature that does not hold.
    #[error("a signature of the path does not hold")]
    WrongSignature,
    /// Another algorithm than ECDSA on P-256 with SHA-256.
    #[error("the path needs an algorithm that is not supported")]
    Unsupported,
    /// One of the path may not be used for this.
    #[error("a certificate of the path is not for this use")]
    WrongUse,
    /// One of the path carries a critical extension that is not understood.
    #[error("a certificate of the path has a critical extension that is not understood")]
    UnknownExtension,
    /// Several paths. Fabric's membership providers refuse that; an authority whose certificate was renewed with the
    /// same key must not be listed twice.
    #[error("the certificate has more than one path to a root")]
    Ambiguous,
    /// Too many certificates that name each other.
    #[error("too many certificates to look through")]
    TooMany,
}

/// Whom to believe.
#[derive(Debug, Clone, Copy)]
pub struct Trust<'a> {
    /// Believed by themselves.
    pub roots: &'a [Certificate],
    /// Believed if a path leads from them to a root.
    pub intermediates: &'a [Certificate],
}

/// Finds the path of a certificate that is to be used for something at an instant: itself first, the root last. Roots must be
/// valid too, as in Go.
pub fn verify<'a>(
    certificate: &'a Certificate,
    trust: &Trust<'a>,
    wanted: &ExtendedUse,
    at: Timestamp,
) -> Result<Vec<&'a Certificate>, ChainError> {
    let mut found = paths(certificate, trust, wanted, at)?;
    found.drain(..).next().ok_or(ChainError::UnknownIssuer)
}

/// Finds the path as a membership service provider does: as of a second after the certificate's own beginning, so that what has
/// expired still counts, and only if there is exactly one (`msp/mspimpl.go`, `msp/mspimplvalidate.go`). Of an identity it
/// demands a server's use, which is why identities carry none.
pub fn verify_member<'a>(certificate: &'a Certificate, trust: &Trust<'a>) -> Result<Vec<&'a Certificate>, ChainError> {
    let begin = certificate.validity().not_before;
    let at = begin.checked_add(SignedDuration::from_secs(1)).unwrap_or(begin);
    let mut found = paths(certificate, trust, &ExtendedUse::ServerAuth, at)?;
    match (found.pop(), found.is_empty()) {
        (Some(path), true) => Ok(path),
        (Some(_), false) => Err(ChainError::Ambiguous),
        (None, _) => Err(ChainError::UnknownIssuer),
    }
}

/// Whether one certificate's signature was made with the key of the other.
pub fn is_signed_by(certificate: &Certificate, issuer: &Certificate) -> Result<(), ChainError> {
    let (Some(signature), Some(key)) = (certificate.signature(), issuer.public_key()) else {
        return Err(ChainError::Unsupported);
    };
    key.verify_either_half(certificate.signed_part(), signature).map_err(|_| ChainError::WrongSignature)
}

/// All paths, or the reason of the last one that failed.
fn paths<'a>(
    certificate: &'a Certificate,
    trust: &Trust<'a>,
    wanted: &ExtendedUse,
    at: Timestamp,
) -> Result<Vec<Vec<&'a Certificate>>, ChainError> {
    check_one(certificate, wanted, at)?;
    if trust.roots.contains(certificate) {
        return Ok(vec![vec![certificate]]);
    }
    let mut search = Search { trust, wanted, at, left: MOST_SIGNATURES, found: Vec::new(), why: None };
    search.extend(&[certificate])?;
    if search.found.is_empty() { Err(search.why.unwrap_or(ChainError::UnknownIssuer)) } else { Ok(search.found) }
}

/// What must hold for each certificate of a path by itself.
fn check_one(certificate: &Certificate, wanted: &ExtendedUse, at: Timestamp) -> Result<(), ChainError> {
    if certificate.has_unknown_critical() {
        return Err(ChainError::UnknownExtension);
    }
    if !certificate.validity().contains(at) {
        return Err(ChainError::OutsideValidity);
    }
    if certificate.allows(wanted) { Ok(()) } else { Err(ChainError::WrongUse) }
}

struct Search<'a, 'b> {
    trust: &'b Trust<'a>,
    wanted: &'b ExtendedUse,
    at: Timestamp,
    left: usize,
    found: Vec<Vec<&'a Certificate>>,
    why: Option<ChainError>,
}

impl<'a> Search<'a, '_> {
    /// Looks for issuers of the last certificate of a path, roots first.
    fn extend(&mut self, path: &[&'a Certificate]) -> Result<(), ChainError> {
        let Some(last) = path.last().filter(|_| path.len() < LONGEST_PATH) else { return Ok(()) };
        let roots = self.trust.roots.iter().map(|issuer| (issuer, true));
        let others = self.trust.intermediates.iter().map(|issuer| (issuer, false));
        for (issuer, is_root) in roots.chain(others) {
            if issuer.subject().raw() != last.issuer().raw() || path.contains(&issuer) {
                continue;
            }
            self.left = self.left.checked_sub(1).ok_or(ChainError::TooMany)?;
            if let Err(why) = self.check_step(path, last, issuer) {
                self.why = Some(why);
                continue;
            }
            let longer = [path, &[issuer]].concat();
            if is_root {
                self.found.push(longer);
            } else {
                self.extend(&longer)?;
            }
        }
        Ok(())
    }

    fn check_step(&self, path: &[&Certificate], last: &Certificate, issuer: &Certificate) -> Result<(), ChainError> {
        check_one(issuer, self.wanted, self.at)?;
        // Authorities between the certificate and this one; those that renew themselves do not count (RFC 5280).
        let between = path.iter().skip(1).filter(|one| !one.is_self_issued()).count();
        let may_issue = match issuer.constraints() {
            Constraints::Leaf => false,
            Constraints::Authority(length) => length.is_none_or(|length| between <= usize::from(length)),
        };
        let may_sign = issuer.key_uses().is_none_or(|uses| uses.contains(&KeyUse::CertificateSign));
        if !may_issue || !may_sign {
            return Err(ChainError::NotAnAuthority);
        }
        is_signed_by(last, issuer)
    }
}

#[cfg(test)]
mod tests;
