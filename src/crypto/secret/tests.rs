//! The published vectors of RFC 4231 and RFC 5869, and what `Secret` must never do.

use super::*;

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn hmac_is_that_of_rfc_4231() {
    let cases: [(Vec<u8>, &[u8], &str); 4] = [
        (vec![0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (
            b"Jefe".to_vec(),
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (vec![0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        (
            vec![0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
    ];
    for (key, data, expected) in cases {
        assert_eq!(hex(&finish(keyed(&key), &[data])), expected);
    }
}

#[test]
fn parts_are_one_message() {
    let key = [7; 32];
    assert_eq!(hmac(&key, &[b"ab", b"", b"c"]), hmac(&key, &[b"abc"]));
    assert_eq!(MacKey::new(&key).mac(&[b"a", b"bc"]), hmac(&key, &[b"abc"]));
    assert_ne!(hmac(&key, &[b"abc"]), hmac(&[8; 32], &[b"abc"]));
}

#[test]
fn hkdf_is_that_of_rfc_5869() {
    // A.1, A.2 and A.3; the first 32 bytes of each output.
    let basic = derive(&unhex("000102030405060708090a0b0c"), &[0x0b; 22], &unhex("f0f1f2f3f4f5f6f7f8f9"));
    assert_eq!(hex(&basic), "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
    let (ikm, salt, info): (Vec<u8>, Vec<u8>, Vec<u8>) =
        ((0..0x50).collect(), (0x60..0xb0).collect(), (0xb0..=0xff).collect());
    assert_eq!(hex(&derive(&salt, &ikm, &info)), "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c");
    let bare = derive(&[], &[0x0b; 22], &[]);
    assert_eq!(hex(&bare), "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}

#[test]
fn sha256_is_that_of_fips_180() {
    assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(sha256_hex(b""), hex(&sha256(b"")));
}

#[test]
fn base64url_has_one_spelling() {
    assert_eq!(b64url(&[0xfb, 0xff]), "-_8");
    assert_eq!(unb64url("-_8"), Some(vec![0xfb, 0xff]));
    assert_eq!(unb64url(""), Some(vec![]));
    for wrong in ["-_9", "-_8=", "+/8", "-_8\n", " -_8", "-", "-_8A8", "é"] {
        assert_eq!(unb64url(wrong), None, "{wrong:?}");
    }
}

#[test]
fn random_values_differ_and_numbers_stay_in_range() {
    assert_ne!(random::<16>(), random::<16>());
    for _ in 0..1000 {
        assert!((1..=9_007_199_254_740_991).contains(&random_number()));
    }
    assert_eq!(unb64url(Secret::generate().expose()).map(|bytes| bytes.len()), Some(32));
}

#[test]
fn a_secret_does_not_show_itself() {
    #[derive(Debug, serde::Deserialize)]
    struct Holder {
        secret: Secret,
    }
    let holder: Holder = serde_json::from_str(r#"{"secret":"hush"}"#).unwrap();
    assert_eq!(format!("{holder:?}"), "Holder { secret: *** }");
    assert_eq!(format!("{:#?}", MacKey::new(&[1; 32])), "***");
    assert_eq!(holder.secret.expose(), "hush");
    assert_eq!(holder.secret, Secret::new("hush"));
    assert_ne!(holder.secret, Secret::new("hus"));
    assert_ne!(holder.secret, Secret::new("hust"));
}
