//! P-256 keys: made from entropy, stored as PKCS#8, used to sign and to verify.
//!
//! Input: entropy or PEM, messages. Output: keys, signatures, fingerprints. It draws no entropy itself and knows no other
//! curve. Invariants: signing is deterministic (RFC 6979) and low-S; a private key is wiped when dropped and is in no
//! text, not even in part.

use std::fmt;

use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use p256::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, LineEnding};
use thiserror::Error;

use crate::model::digest::Digest;
use crate::model::secret::Secret;

/// The longest key text that is read, in bytes. A P-256 key takes 241.
const MAX_PEM: usize = 4096;

/// Everything of a P-256 `SubjectPublicKeyInfo` that comes before the uncompressed point (RFC 5480).
const SPKI_HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Why a key or a signature is refused. No variant holds any part of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The entropy is zero or not below the order of the curve (about one in 2³²): draw again.
    #[error("the entropy is no private key of this curve; other entropy is needed")]
    OutOfRange,
    /// Not a PKCS#8 text with a P-256 key.
    #[error("not a P-256 private key in PKCS#8 text form")]
    NotAKey,
    /// Not a P-256 public key with an uncompressed point.
    #[error("not a P-256 public key")]
    NotAPublicKey,
    /// The key could not be written or used. Not known to happen.
    #[error("the private key could not be used")]
    Unusable,
    /// The bytes are no signature, or not one of this message by this key.
    #[error("the signature is not one of this key over this message")]
    WrongSignature,
    /// The signature is right and its `s` lies in the upper half, which Fabric refuses.
    #[error("the signature is not in low-S form")]
    HighS,
}

/// A P-256 private key.
#[derive(Clone)]
pub struct PrivateKey(SigningKey);

impl PrivateKey {
    /// Makes the key that this entropy stands for.
    pub fn from_entropy(entropy: &Secret<[u8; 32]>) -> Result<Self, KeyError> {
        SigningKey::from_slice(entropy.expose()).map(Self).map_err(|_| KeyError::OutOfRange)
    }

    /// Reads PKCS#8 text, as Fabric's keystores hold it.
    pub fn from_pem(text: &Secret<String>) -> Result<Self, KeyError> {
        if text.expose().len() > MAX_PEM {
            return Err(KeyError::NotAKey);
        }
        SigningKey::from_pkcs8_pem(text.expose()).map(Self).map_err(|_| KeyError::NotAKey)
    }

    /// Writes PKCS#8 text.
    pub fn to_pem(&self) -> Result<Secret<String>, KeyError> {
        let mut text = self.0.to_pkcs8_pem(LineEnding::LF).map_err(|_| KeyError::Unusable)?;
        Ok(Secret::new(std::mem::take(&mut *text)))
    }

    /// The public half.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(*self.0.verifying_key())
    }

    /// Signs SHA-256 of a message: what Fabric expects of envelopes and certificates alike. DER, low-S, and the same
    /// bytes each time.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature: Signature = self.0.try_sign(message).map_err(|_| KeyError::Unusable)?;
        Ok(signature.normalize_s().to_der().as_bytes().to_vec())
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(…)")
    }
}

/// A P-256 public key.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads a DER `SubjectPublicKeyInfo`.
    pub fn from_spki(der: &[u8]) -> Result<Self, KeyError> {
        let point = der.strip_prefix(&SPKI_HEAD).filter(|point| point.first() == Some(&0x04) && point.len() == 65);
        point.and_then(|point| VerifyingKey::from_sec1_bytes(point).ok()).map(Self).ok_or(KeyError::NotAPublicKey)
    }

    /// The DER `SubjectPublicKeyInfo`: what certificates carry.
    pub fn to_spki(&self) -> Vec<u8> {
        let mut der = SPKI_HEAD.to_vec();
        der.extend_from_slice(self.0.to_sec1_point(false).as_bytes());
        der
    }

    /// What tells this key from others: the digest of [`Self::to_spki`].
    pub fn fingerprint(&self) -> Digest {
        Digest::of(&self.to_spki())
    }

    /// SHA-256 of the uncompressed point. Fabric finds a key in a keystore by it (`bccsp/sw`: `SKI()`), and the
    /// certificates made here carry it as subject key identifier.
    pub fn identifier(&self) -> KeyIdentifier {
        KeyIdentifier::of(Digest::of(self.0.to_sec1_point(false).as_bytes()).as_bytes())
    }

    /// Whether this is a signature over SHA-256 of the message that Fabric takes: right and low-S.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), KeyError> {
        self.verify_either_half(message, signature)?;
        let read = Signature::from_der(signature).map_err(|_| KeyError::WrongSignature)?;
        if read.normalize_s() == read { Ok(()) } else { Err(KeyError::HighS) }
    }

    /// The same for certificates that others issued, whose `s` may lie in either half: Fabric turns it over by itself
    /// (`msp/cert.go`).
    pub(super) fn verify_either_half(&self, message: &[u8], signature: &[u8]) -> Result<(), KeyError> {
        let read = Signature::from_der(signature).map_err(|_| KeyError::WrongSignature)?;
        self.0.verify(message, &read).map_err(|_| KeyError::WrongSignature)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:?})", self.fingerprint())
    }
}

/// Names a key within certificates: subject and authority key identifiers. Of keys made here it is 32 bytes; others use
/// what they like.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyIdentifier(Box<[u8]>);

impl KeyIdentifier {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// The bytes as the extension holds them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for KeyIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyIdentifier({self})")
    }
}

#[cfg(test)]
mod tests;
