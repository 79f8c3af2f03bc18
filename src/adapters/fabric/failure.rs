//! What a broken connection means.
//!
//! Input: errors of sockets, TLS and HTTP. Output: [`LedgerError`]. It reads no texts where there is a type. Invariant: after
//! something was sent a broken connection is ambiguous, but for a refused certificate: then the server read nothing. (With
//! TLS 1.3 a server refuses a client's certificate after the client's handshake, so that the refusal shows at the first
//! read.)

use std::error::Error;
use std::io;

use crate::ports::dialer::{DialError, Route};
use crate::ports::ledger::LedgerError;

/// The longest detail, in characters.
const DETAIL_MAX: usize = 200;

/// A text of others, on one line and cut.
pub(super) fn bounded(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(DETAIL_MAX).collect()
}

/// What TLS says, if TLS is the reason.
fn tls_reason<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next: Option<&'a (dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        if let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref)
            && let Some(found) = inner.downcast_ref::<rustls::Error>()
        {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// A refused certificate, if that is the reason.
fn certificate(error: &(dyn Error + 'static)) -> Option<LedgerError> {
    use rustls::AlertDescription as Alert;
    let detail = match tls_reason(error)? {
        rustls::Error::AlertReceived(
            alert @ (Alert::UnknownCA
            | Alert::BadCertificate
            | Alert::CertificateRequired
            | Alert::CertificateExpired
            | Alert::CertificateRevoked
            | Alert::CertificateUnknown
            | Alert::UnsupportedCertificate
            | Alert::HandshakeFailure
            | Alert::AccessDenied),
        ) => format!("ours, by the node: {alert:?}"),
        rustls::Error::InvalidCertificate(why) => format!("the node's: {why}"),
        _ => return None,
    };
    Some(LedgerError::Certificate { detail: bounded(&detail) })
}

/// A handshake that failed: nothing was sent.
pub(super) fn before_sending(error: &io::Error, route: &Route) -> LedgerError {
    let unreachable = || DialError { route: route.clone(), detail: bounded(&error.to_string()) };
    certificate(error).unwrap_or_else(|| LedgerError::Unreachable(unreachable()))
}

/// A connection that broke after something was sent.
pub(super) fn after_sending(error: &(dyn Error + 'static)) -> LedgerError {
    let ambiguous = || LedgerError::Ambiguous { detail: bounded(&crate::model::causes::chain(error)) };
    certificate(error).unwrap_or_else(ambiguous)
}

/// No answer in time.
pub(super) fn late() -> LedgerError {
    LedgerError::Ambiguous { detail: format!("no answer within {} s", super::DEADLINE.as_secs()) }
}
