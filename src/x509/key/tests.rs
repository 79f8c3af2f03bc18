//! Keys and signatures against published vectors. Output: none.

use p256::elliptic_curve::scalar::IsHigh as _;

use super::*;
use crate::x509::tests::key;

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn of_entropy(hex: &str) -> Result<PrivateKey, KeyError> {
    PrivateKey::from_entropy(&Secret::new(std::array::from_fn(|place| bytes(hex)[place])))
}

/// The order of the curve (SEC 2), and the numbers around it.
#[test]
fn entropy_outside_the_curve_is_refused_so_that_the_caller_draws_again() {
    let order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let below = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550";
    for bad in [&"00".repeat(32), order, &"ff".repeat(32)] {
        assert_eq!(of_entropy(bad).err(), Some(KeyError::OutOfRange), "{bad}");
    }
    assert!(of_entropy(below).is_ok());
    assert!(of_entropy(&format!("{}01", "00".repeat(31))).is_ok());
}

/// RFC 6979, A.2.5: P-256 with SHA-256. The first has a high `s` there, so here it is the other half.
#[test]
fn signing_is_the_one_of_rfc_6979_turned_to_low_s() {
    let private = of_entropy("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721").unwrap();
    let check = |message: &str, r: &str, s: &str, is_high: bool| {
        let made = private.sign(message.as_bytes()).unwrap();
        let published = Signature::from_slice(&[bytes(r), bytes(s)].concat()).unwrap();
        assert_eq!(bool::from(published.s().is_high()), is_high, "{message}");
        assert_eq!(Signature::from_der(&made).unwrap(), published.normalize_s(), "{message}");
        assert_eq!(private.sign(message.as_bytes()).unwrap(), made, "the same bytes each time");
        let public = private.public_key();
        assert_eq!(public.verify(message.as_bytes(), &made), Ok(()));
        let refused = if is_high { Err(KeyError::HighS) } else { Ok(()) };
        let as_published = published.to_der();
        assert_eq!(public.verify(message.as_bytes(), as_published.as_bytes()), refused);
        assert_eq!(public.verify_either_half(message.as_bytes(), as_published.as_bytes()), Ok(()));
    };
    check(
        "sample",
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
        "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
        true,
    );
    check(
        "test",
        "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367",
        "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
        false,
    );
}

#[test]
fn a_signature_of_something_else_by_somebody_else_or_of_nothing_is_refused() {
    let (one, other) = (key("one"), key("other"));
    let signature = one.sign(b"message").unwrap();
    for (public, message, signature) in [
        (one.public_key(), &b"massage"[..], signature.as_slice()),
        (other.public_key(), b"message", &signature),
        (one.public_key(), b"message", &signature[..signature.len() - 1]),
        (one.public_key(), b"message", &[signature.as_slice(), &[0]].concat()),
        (one.public_key(), b"message", b""),
        (one.public_key(), b"message", &bytes("3006020100020100")),
    ] {
        assert_eq!(public.verify(message, signature), Err(KeyError::WrongSignature));
    }
}

#[test]
fn a_public_key_is_its_uncompressed_point_and_nothing_else() {
    let public = key("one").public_key();
    assert_eq!(PublicKey::from_spki(&public.to_spki()).unwrap(), public);
    let of_crate = p256::pkcs8::EncodePublicKey::to_public_key_der(&public.0).unwrap();
    assert_eq!(of_crate.as_bytes(), public.to_spki(), "the head that is written by hand");
    let mut off_the_curve = public.to_spki();
    *off_the_curve.last_mut().unwrap() ^= 1;
    let mut marked = public.to_spki();
    marked[26] = 0x02;
    for bad in [&off_the_curve[..], &marked, &public.to_spki()[..90], &[public.to_spki(), vec![0]].concat(), b""] {
        assert_eq!(PublicKey::from_spki(bad), Err(KeyError::NotAPublicKey));
    }
}

/// The point of RFC 6979's key, hashed by hand: `sha256(04 || x || y)`.
#[test]
fn a_key_is_found_by_the_hash_of_its_point() {
    let private = of_entropy("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721").unwrap();
    let point = "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6\
                 7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
    let identifier = private.public_key().identifier();
    assert_eq!(identifier.as_bytes(), Digest::of(&bytes(point)).as_bytes());
    assert_eq!(identifier.to_string(), Digest::of(&bytes(point)).hex());
}

#[test]
fn a_key_reads_back_from_its_text_and_other_texts_are_refused() {
    let private = key("one");
    let text = private.to_pem().unwrap();
    assert!(text.expose().starts_with("-----BEGIN PRIVATE KEY-----\n") && text.expose().ends_with("-----\n"));
    assert_eq!(PrivateKey::from_pem(&text).unwrap().public_key(), private.public_key());
    let changed = |change: &dyn Fn(&str) -> String| PrivateKey::from_pem(&Secret::new(change(text.expose())));
    for bad in [
        changed(&|text| text.replace("PRIVATE KEY", "EC PRIVATE KEY")),
        changed(&|text| text.replace("PRIVATE KEY", "PUBLIC KEY")),
        changed(&|text| text.chars().take(text.len() / 2).collect()),
        changed(&|text| text.repeat(20)),
        changed(&|_| String::new()),
    ] {
        assert_eq!(bad.err(), Some(KeyError::NotAKey));
    }
}

#[test]
fn a_private_key_shows_nothing_of_itself() {
    assert_eq!(format!("{:?}", key("canary")), "PrivateKey(…)");
}
