//! Tokens of the RFCs verify; hostile ones are refused for the right reason, and none of them panics.

use serde_json::{Map, Value, json};

use super::*;
use crate::crypto::jwk::KeyFault;
use crate::crypto::secret::{b64url, unb64url};
use crate::crypto::vectors::*;

fn jwk(json: &str) -> Map<String, Value> {
    object(json.as_bytes()).unwrap()
}

/// The public half of a key of the RFCs.
fn public(json: &str) -> VerifyingKey {
    SigningKey::from_private_jwk(&jwk(json)).unwrap().verifying_key().unwrap()
}

fn shared() -> VerifyingKey {
    VerifyingKey::from_secret(JwsAlg::HS256, &unb64url(HS256_SECRET).unwrap()).unwrap()
}

fn key(alg: JwsAlg) -> SigningKey {
    SigningKey::generate(alg).unwrap()
}

/// Three parts, the header and the payload as given, the signature of some bytes.
fn unsigned(header: &str, payload: &str) -> String {
    format!("{}.{}.{}", b64url(header.as_bytes()), b64url(payload.as_bytes()), b64url(&[1; 64]))
}

fn fault(token: &str) -> JwtFault {
    parse(token).unwrap_err()
}

#[test]
fn published_tokens_verify() {
    for (token, key) in [(HS256_TOKEN, shared()), (RS256_TOKEN, public(RSA_KEY)), (ES256_TOKEN, public(EC_KEY))] {
        let jwt = parse(token).unwrap().verify(&key).unwrap();
        assert_eq!(
            Value::Object(jwt.payload),
            json!({"iss": "joe", "exp": 1_300_819_380, "http://example.com/is_root": true})
        );
    }
    assert!(public(ED_KEY).accepts(ED_INPUT.as_bytes(), &unb64url(ED_SIGNATURE).unwrap()));
    assert!(!public(ED_KEY).accepts(b"something else", &unb64url(ED_SIGNATURE).unwrap()));
}

#[test]
fn deterministic_signatures_are_the_published_ones() {
    let rsa = SigningKey::from_private_jwk(&jwk(RSA_KEY)).unwrap();
    let payload = unb64url(RS256_TOKEN.split('.').nth(1).unwrap()).unwrap();
    let token = rsa.sign("JWT", &payload).unwrap();
    assert_eq!(token.split('.').nth(1), RS256_TOKEN.split('.').nth(1));
    assert_eq!(token, rsa.sign("JWT", &payload).unwrap());
}

#[test]
fn every_algorithm_signs_what_it_verifies() {
    for alg in JwsAlg::ASYMMETRIC {
        let (signer, stranger) = (key(alg), key(alg).verifying_key().unwrap());
        for typ in ["at+jwt", "JWT", "logout+jwt"] {
            let token = signer.sign(typ, br#"{"sub":"alice"}"#).unwrap();
            let own = signer.verifying_key().unwrap();
            assert_eq!(parse(&token).unwrap().verify(&stranger).unwrap_err(), JwtFault::Signature, "{alg}");
            let jwt = parse(&token).unwrap().verify(&own).unwrap();
            assert_eq!(Value::Object(jwt.header.clone()), json!({"typ": typ, "alg": alg, "kid": signer.kid()}));
            assert_eq!(jwt.payload["sub"], "alice");
            assert!(jwt.is_typ(typ) && jwt.is_typ(&typ.to_uppercase()) && !jwt.is_typ("at"));
            let josekit = josekit::jwk::Jwk::from_map(signer.public_jwk()).unwrap();
            assert!(second_opinion(&token, alg, &josekit), "{alg}");
        }
    }
}

/// What OpenSSL says of a token that AWS-LC signed.
fn second_opinion(token: &str, alg: JwsAlg, jwk: &josekit::jwk::Jwk) -> bool {
    use josekit::jws::{ES256, ES384, EdDSA, PS256, RS256, deserialize_compact};
    match alg {
        JwsAlg::ES256 => deserialize_compact(token, &ES256.verifier_from_jwk(jwk).unwrap()).is_ok(),
        JwsAlg::ES384 => deserialize_compact(token, &ES384.verifier_from_jwk(jwk).unwrap()).is_ok(),
        JwsAlg::RS256 => deserialize_compact(token, &RS256.verifier_from_jwk(jwk).unwrap()).is_ok(),
        JwsAlg::PS256 => deserialize_compact(token, &PS256.verifier_from_jwk(jwk).unwrap()).is_ok(),
        JwsAlg::EdDSA => deserialize_compact(token, &EdDSA.verifier_from_jwk(jwk).unwrap()).is_ok(),
        JwsAlg::HS256 | JwsAlg::HS384 | JwsAlg::HS512 => false,
    }
}

#[test]
fn the_registered_key_chooses_the_algorithm() {
    let payload = br#"{"sub":"alice"}"#;
    let rsa = public(RSA_KEY);
    for alg in ["none", "NONE", "HS256", "ES256", "PS256", "RS512", "rs256", ""] {
        let token = unsigned(&json!({ "alg": alg }).to_string(), r#"{"sub":"alice"}"#);
        assert_eq!(parse(&token).unwrap().verify(&rsa).unwrap_err(), JwtFault::Algorithm, "{alg}");
    }
    assert_eq!(parse(&unsigned("{}", "{}")).unwrap().verify(&rsa).unwrap_err(), JwtFault::Algorithm);
    // The modulus, which everyone knows, as an HMAC secret.
    let modulus = unb64url(jwk(RSA_KEY)["n"].as_str().unwrap()).unwrap();
    let forged = VerifyingKey::from_secret(JwsAlg::HS256, &modulus).unwrap();
    assert_eq!(parse(RS256_TOKEN).unwrap().verify(&forged).unwrap_err(), JwtFault::Algorithm);
    assert_eq!(parse(HS256_TOKEN).unwrap().verify(&rsa).unwrap_err(), JwtFault::Algorithm);
    assert_eq!(VerifyingKey::from_secret(JwsAlg::RS256, &modulus).unwrap_err(), KeyFault::Algorithm);
    // RS256 and PS256 of one and the same RSA key.
    let pss = VerifyingKey::from_public_jwk_for(
        &SigningKey::from_private_jwk(&jwk(RSA_KEY)).unwrap().public_jwk(),
        JwsAlg::PS256,
    );
    assert_eq!(pss.unwrap_err(), KeyFault::Algorithm);
    assert!(parse(&key(JwsAlg::ES256).sign("JWT", payload).unwrap()).unwrap().verify(&public(EC_KEY)).is_err());
}

#[test]
fn secrets_shorter_than_the_hash_are_refused() {
    for (alg, least) in [(JwsAlg::HS256, 32), (JwsAlg::HS384, 48), (JwsAlg::HS512, 64)] {
        assert!(VerifyingKey::from_secret(alg, &vec![7; least]).is_ok());
        assert_eq!(VerifyingKey::from_secret(alg, &vec![7; least - 1]).unwrap_err(), KeyFault::Weak, "{alg}");
    }
}

#[test]
fn bent_signatures_are_wrong() {
    let ec = public(EC_KEY);
    let (signed, signature) = ES256_TOKEN.rsplit_once('.').unwrap();
    let good = unb64url(signature).unwrap();
    let mut bent = good.clone();
    bent[63] ^= 1;
    let der = [&[0x30, 68, 2, 32], &good[..32], &[2, 32], &good[32..]].concat();
    for wrong in [vec![0; 64], vec![0xff; 64], bent, good[..63].to_vec(), [good.as_slice(), &[0]].concat(), der] {
        let token = format!("{signed}.{}", b64url(&wrong));
        assert_eq!(parse(&token).unwrap().verify(&ec).unwrap_err(), JwtFault::Signature, "{wrong:x?}");
    }
    let moved = ES256_TOKEN.replace("eyJpc3Mi", "eyJzdWIi");
    assert_eq!(parse(&moved).unwrap().verify(&ec).unwrap_err(), JwtFault::Signature);
}

#[test]
fn only_the_compact_form_is_read() {
    assert!(parse(&unsigned(r#"{"alg":"ES256"}"#, "{}")).is_ok());
    for wrong in [
        "",
        ".",
        "..",
        "...",
        "a",
        "e30.e30",
        "e30.e30.",
        "e30.e30.AQ.",
        ".e30.e30.AQ",
        "e30.e30.AQ.AQ.AQ",
        "e30.e30.AR",
        "e30.e30.AQ==",
        "e30=.e30.AQ",
        "e30 .e30.AQ",
        " e30.e30.AQ",
        "e30.e30.AQ\n",
        "e30.e30.+/8",
        "e30.e3é.AQ",
        "e3.e30.AQ",
    ] {
        assert_eq!(fault(wrong), JwtFault::Malformed, "{wrong:?}");
    }
    assert_eq!(fault(r#"{"payload":"e30","signatures":[{"protected":"e30","signature":"AQ"}]}"#), JwtFault::Malformed);
    assert_eq!(fault(".e30.AQ"), JwtFault::Json);
    assert_eq!(fault("e30..AQ"), JwtFault::Json);
}

#[test]
fn headers_that_change_the_rules_are_refused() {
    let cases = [
        (r#"{"alg":"ES256","crit":["exp"],"exp":1}"#, JwtFault::Critical),
        (r#"{"alg":"ES256","crit":[]}"#, JwtFault::Critical),
        (r#"{"alg":"ES256","b64":false}"#, JwtFault::Critical),
        (r#"{"alg":"ES256","zip":"DEF"}"#, JwtFault::Compressed),
        (r#"{"alg":"none","alg":"ES256"}"#, JwtFault::DuplicateMember),
        (r#"{"alg":"ES256","\u0061lg":"none"}"#, JwtFault::DuplicateMember),
        (r#"{"alg":["ES256"]}"#, JwtFault::Claim("alg")),
        (r#"{"alg":"ES256","kid":7}"#, JwtFault::Claim("kid")),
        (r#"{"alg":"ES256"}{}"#, JwtFault::Json),
        (r#"["ES256"]"#, JwtFault::Json),
        ("ES256", JwtFault::Json),
    ];
    for (header, expected) in cases {
        assert_eq!(fault(&unsigned(header, "{}")), expected, "{header}");
    }
}

#[test]
fn payloads_are_objects_without_repeated_members() {
    let cases = [
        (r#"{"sub":"alice","sub":"bob"}"#, JwtFault::DuplicateMember),
        (r#"{"act":{"sub":"a","sub":"b"}}"#, JwtFault::DuplicateMember),
        (r#"{"a":[{"b":1,"b":1}]}"#, JwtFault::DuplicateMember),
        (r#"{"sub":"a\u0000b"}"#, JwtFault::Json),
        (r#"{"sub":"\ud800"}"#, JwtFault::Json),
        (r#"{"exp":1e400}"#, JwtFault::Json),
        (r#"{"exp":NaN}"#, JwtFault::Json),
        (r#"{"sub":"a",}"#, JwtFault::Json),
        ("null", JwtFault::Json),
        ("\"text\"", JwtFault::Json),
    ];
    for (payload, expected) in cases {
        assert_eq!(fault(&unsigned(r#"{"alg":"ES256"}"#, payload)), expected, "{payload}");
    }
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
    assert_eq!(fault(&unsigned(r#"{"alg":"ES256"}"#, &deep)), JwtFault::Json);
    assert_eq!(object(b"{\"sub\":\"\xff\"}").unwrap_err(), JwtFault::Json);
}

#[test]
fn a_token_has_a_longest_length() {
    let longest = format!("{}.AQ", "A".repeat(MAX_TOKEN - 3));
    assert_eq!(fault(&longest), JwtFault::Malformed);
    assert_eq!(fault(&format!("A{longest}")), JwtFault::TooLong);
    assert_eq!(fault(&"A".repeat(MAX_TOKEN + 1)), JwtFault::TooLong);
}

#[test]
fn dates_are_numbers_in_range() {
    let read = |exp: &str| numeric_date(&object(format!(r#"{{"exp":{exp}}}"#).as_bytes()).unwrap(), "exp");
    assert_eq!(numeric_date(&Map::new(), "exp"), Ok(None));
    for (text, seconds) in [
        ("0", 0),
        ("1300819380", 1_300_819_380),
        ("1300819380.9", 1_300_819_380),
        ("1.3e9", 1_300_000_000),
        ("253402300799", 253_402_300_799),
        ("-0.0", 0),
    ] {
        assert_eq!(read(text), Ok(Some(seconds)), "{text}");
    }
    for text in [
        "1e300",
        "1e19",
        "18446744073709551615",
        "9223372036854775807",
        "253402300800",
        "253402300799.5",
        "1e18",
        "-1",
        "-1e300",
        "-0.5",
        "99999999999999999999999",
        "\"1300819380\"",
        "null",
        "true",
        "[1]",
        "{}",
    ] {
        assert_eq!(read(text), Err(JwtFault::Claim("exp")), "{text}");
    }
}

#[test]
fn claims_have_the_type_they_must_have() {
    let claims = object(br#"{"sub":"alice","jti":7,"nonce":null,"aud":["a","b"]}"#).unwrap();
    assert_eq!(text(&claims, "sub"), Ok(Some("alice")));
    assert_eq!(text(&claims, "iss"), Ok(None));
    assert_eq!(text(&claims, "jti"), Err(JwtFault::Claim("jti")));
    assert_eq!(text(&claims, "nonce"), Err(JwtFault::Claim("nonce")));
    assert_eq!(audience(&claims), Ok(vec!["a", "b"]));
    assert_eq!(audience(&object(br#"{"aud":"a"}"#).unwrap()), Ok(vec!["a"]));
    assert_eq!(audience(&Map::new()), Ok(vec![]));
    for wrong in [r#"{"aud":7}"#, r#"{"aud":["a",7]}"#, r#"{"aud":null}"#, r#"{"aud":{}}"#] {
        assert_eq!(audience(&object(wrong.as_bytes()).unwrap()), Err(JwtFault::Claim("aud")), "{wrong}");
    }
}

#[test]
fn one_of_several_keys_verifies_by_name_or_by_algorithm() {
    let (old, new) = (key(JwsAlg::ES256), key(JwsAlg::ES256));
    let keys = [public(RSA_KEY), old.verifying_key().unwrap(), new.verifying_key().unwrap()];
    let token = new.sign("JWT", b"{}").unwrap();
    assert!(parse(&token).unwrap().verify_any(&keys).is_ok());
    assert_eq!(parse(&token).unwrap().verify_any(&keys[..2]).unwrap_err(), JwtFault::UnknownKey);
    assert_eq!(parse(&token).unwrap().verify_any(&keys[..1]).unwrap_err(), JwtFault::UnknownKey);
    // Without a kid.
    assert!(parse(ES256_TOKEN).unwrap().verify_any(&[keys[1].clone(), public(EC_KEY)]).is_ok());
    assert_eq!(parse(ES256_TOKEN).unwrap().verify_any(&[]).unwrap_err(), JwtFault::UnknownKey);
    // The kid names the RSA key, whatever alg says.
    let confused = unsigned(&json!({"alg": "HS256", "kid": keys[0].kid()}).to_string(), "{}");
    assert_eq!(parse(&confused).unwrap().verify_any(&keys).unwrap_err(), JwtFault::Algorithm);
}

mod encrypted;
