//! Encrypted access tokens: another implementation agrees, and nothing but our own form is read.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes128Gcm, Aes256Gcm};

use super::*;

fn oct(size: usize) -> Map<String, Value> {
    json!({"kty": "oct", "k": b64url(&vec![7; size]), "kid": "atc-1"}).as_object().unwrap().clone()
}

fn content_key(size: usize) -> ContentKey {
    ContentKey::from_oct_jwk(&oct(size)).unwrap()
}

/// A JWE made by another implementation, with whatever header.
fn foreign(header: &str, plain: &[u8]) -> String {
    let (header, iv) = (b64url(header.as_bytes()), [9; 12]);
    let cipher = Aes256Gcm::new((&[7; 32]).into());
    let sealed = cipher.encrypt((&iv).into(), Payload { msg: plain, aad: header.as_bytes() }).unwrap();
    let (text, tag) = sealed.split_at(plain.len());
    format!("{header}..{}.{}.{}", b64url(&iv), b64url(text), b64url(tag))
}

#[test]
fn what_is_encrypted_is_decrypted_by_the_same_key_alone() {
    let jws = key(JwsAlg::ES256).sign("at+jwt", br#"{"sub":"alice"}"#).unwrap();
    for (size, enc) in [(16, "A128GCM"), (32, "A256GCM")] {
        let own = content_key(size);
        let jwe = own.encrypt(&jws).unwrap();
        let header = object(&unb64url(jwe.split('.').next().unwrap()).unwrap()).unwrap();
        assert_eq!(Value::Object(header), json!({"alg": "dir", "enc": enc, "cty": "JWT", "kid": "atc-1"}));
        assert!(is_encrypted(&jwe) && !is_encrypted(&jws));
        assert_eq!(own.decrypt(&jwe).unwrap(), jws);
        assert_ne!(own.encrypt(&jws).unwrap(), jwe);
        let again = ContentKey::from_oct_jwk(&jwk(&own.private_jwk())).unwrap();
        assert_eq!(again.decrypt(&jwe).unwrap(), jws);
        let stranger = ContentKey::from_oct_jwk(&jwk(&format!(r#"{{"kty":"oct","k":"{}"}}"#, b64url(&vec![8; size]))));
        assert_eq!(stranger.unwrap().decrypt(&jwe).unwrap_err(), JwtFault::Signature);
    }
    assert_eq!(content_key(16).decrypt(&content_key(32).encrypt(&jws).unwrap()).unwrap_err(), JwtFault::Algorithm);
}

#[test]
fn another_implementation_agrees() {
    let jwe = content_key(16).encrypt("a.b.c").unwrap();
    let parts: Vec<_> = jwe.split('.').collect();
    let (iv, mut sealed) = (unb64url(parts[2]).unwrap(), unb64url(parts[3]).unwrap());
    sealed.extend(unb64url(parts[4]).unwrap());
    let iv: [u8; 12] = iv.try_into().unwrap();
    let plain = Aes128Gcm::new((&[7; 16]).into())
        .decrypt((&iv).into(), Payload { msg: &sealed, aad: parts[0].as_bytes() })
        .unwrap();
    assert_eq!(plain, b"a.b.c");
    assert_eq!(
        content_key(32).decrypt(&foreign(r#"{"alg":"dir","enc":"A256GCM","cty":"JWT"}"#, b"a.b.c")).unwrap(),
        "a.b.c"
    );
}

#[test]
fn headers_of_another_form_are_refused_before_anything_is_decrypted() {
    let cases = [
        (r#"{"alg":"dir","enc":"A256GCM","cty":"JWT","zip":"DEF"}"#, JwtFault::Compressed),
        (r#"{"alg":"dir","enc":"A256GCM","cty":"JWT","crit":["exp"],"exp":1}"#, JwtFault::Critical),
        (r#"{"alg":"dir","enc":"A256GCM","cty":"JWT","jku":"https://a.example"}"#, JwtFault::Critical),
        (r#"{"alg":"PBES2-HS256+A128KW","p2s":"AAAA","p2c":1000000,"enc":"A256GCM","cty":"JWT"}"#, JwtFault::Critical),
        (r#"{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","cty":"JWT"}"#, JwtFault::Algorithm),
        (r#"{"alg":"A256KW","enc":"A256GCM","cty":"JWT"}"#, JwtFault::Algorithm),
        (r#"{"alg":"dir","enc":"A128CBC-HS256","cty":"JWT"}"#, JwtFault::Algorithm),
        (r#"{"alg":"dir","cty":"JWT"}"#, JwtFault::Algorithm),
        (r#"{"alg":"dir","enc":"A256GCM"}"#, JwtFault::Claim("cty")),
        (r#"{"alg":"dir","enc":"A256GCM","cty":"text"}"#, JwtFault::Claim("cty")),
        (r#"{"alg":"dir","alg":"dir","enc":"A256GCM","cty":"JWT"}"#, JwtFault::DuplicateMember),
        ("[]", JwtFault::Json),
    ];
    for (header, expected) in cases {
        assert_eq!(content_key(32).decrypt(&foreign(header, b"a.b.c")).unwrap_err(), expected, "{header}");
    }
}

#[test]
fn parts_of_another_form_are_refused() {
    let own = content_key(32);
    let jwe = own.encrypt("a.b.c").unwrap();
    let parts: Vec<_> = jwe.split('.').collect();
    let with = |at: usize, part: &str| {
        let mut parts = parts.clone();
        parts[at] = part;
        parts.join(".")
    };
    // A tag of 4 bytes is a prefix of the right one, and OpenSSL would be content with it.
    let short_tag = b64url(&unb64url(parts[4]).unwrap()[..4]);
    for wrong in [
        with(1, "AQ"),
        with(2, ""),
        with(2, "AQ"),
        with(4, &short_tag),
        with(4, ""),
        format!("{jwe}."),
        "....".into(),
        String::new(),
        with(3, "A"),
        with(0, "e30="),
    ] {
        assert_eq!(own.decrypt(&wrong).unwrap_err(), JwtFault::Malformed, "{wrong}");
    }
    assert_eq!(own.decrypt(&with(3, "AAAAAAA")).unwrap_err(), JwtFault::Signature);
    assert_eq!(own.decrypt(&with(4, &b64url(&[0; 16]))).unwrap_err(), JwtFault::Signature);
    assert_eq!(own.decrypt(&with(3, &"A".repeat(2 * MAX_TOKEN))).unwrap_err(), JwtFault::TooLong);
    assert_eq!(
        own.decrypt(&foreign(r#"{"alg":"dir","enc":"A256GCM","cty":"JWT"}"#, b"\xff")).unwrap_err(),
        JwtFault::Malformed
    );
}

#[test]
fn only_keys_of_16_or_32_bytes_encrypt() {
    let read = |jwk: Value| ContentKey::from_oct_jwk(jwk.as_object().unwrap()).map(|key| key.enc());
    let k = b64url(&[7; 16]);
    assert_eq!(read(json!({"kty": "oct", "k": k, "alg": "dir", "use": "enc"})), Ok("A128GCM"));
    assert_eq!(read(json!({"kty": "oct", "k": k, "alg": "A128GCM"})), Ok("A128GCM"));
    assert_eq!(read(json!({"kty": "oct", "k": k, "alg": "A256GCM"})), Err(KeyFault::Algorithm));
    assert_eq!(read(json!({"kty": "oct", "k": k, "use": "sig"})), Err(KeyFault::Use));
    assert_eq!(read(json!({"kty": "oct", "k": k, "key_ops": ["encrypt"]})), Err(KeyFault::Use));
    assert_eq!(read(json!({"kty": "oct", "k": b64url(&[7; 24])})), Err(KeyFault::Weak));
    assert_eq!(read(json!({"kty": "oct"})), Err(KeyFault::Missing("k")));
    assert_eq!(read(json!({"kty": "oct", "k": format!("{k}=")})), Err(KeyFault::Malformed("k")));
    assert_eq!(read(json!({"kty": "RSA"})), Err(KeyFault::Type));
    assert!(!format!("{:?}", content_key(16)).contains(&k));
}
