//! What it means when no answer came.
//!
//! Input: the client's errors. Output: [`ClusterError`]. Invariant: only a failure to connect says that nothing was
//! sent; everything else is ambiguous.

use std::error::Error;

use super::text::masked;
use crate::ports::cluster::ClusterError;

/// The error of a request that got no answer.
pub fn of(error: &(dyn Error + 'static)) -> ClusterError {
    let detail = || masked(&innermost(error).to_string());
    if find::<rustls::Error>(error).is_some_and(is_certificate) {
        return ClusterError::Certificate { detail: detail() };
    }
    let connecting =
        find::<hyper_util::client::legacy::Error>(error).is_some_and(hyper_util::client::legacy::Error::is_connect);
    if connecting {
        ClusterError::Unreachable { detail: detail() }
    } else {
        ClusterError::Ambiguous { detail: detail() }
    }
}

fn is_certificate(error: &rustls::Error) -> bool {
    matches!(error, rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented)
}

/// The first error of a type in the chain; an `io::Error` hides what it carries from `source`.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    chain(error).find_map(<dyn Error>::downcast_ref)
}

fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    chain(error).last().unwrap_or(error)
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    // A chain that bites its tail would never end.
    std::iter::successors(Some(error), |error| cause(*error)).take(32)
}

fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        Some(carried) => Some(carried),
        None => error.source(),
    }
}
