//! SAML assertions that are not what they seem (rows SB-1 to SB-13), presented by a client for a trusted issuer and by a
//! client for itself; and what both grants never do: ask anybody else.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use tokio::net::TcpListener;

use super::caller::{Caller, bare, client, granted, register, text};
use crate::harness::jwt::verified;
use crate::harness::saml::{Saml, encoded, instant, jwk};
use crate::harness::{Answer, TestApp, both};

both!(
    one_in_order_is_good_once,
    a_signature_covers_the_very_assertion,
    what_it_says_must_be_for_us_and_for_now,
    markup_size_and_depth_are_bounded,
    what_a_document_points_at_is_never_fetched,
);

const GRANT: &str = "urn:ietf:params:oauth:grant-type:saml2-bearer";
const IDP: &str = "https://idp.example.org/metadata";

/// Who speaks, and how it is presented.
struct Speaker<'a> {
    app: &'a TestApp,
    issuer: String,
    is_own: bool,
}

/// A trusted issuer, and a client that speaks for itself with the same key.
async fn speakers(app: &TestApp) -> [Speaker<'_>; 2] {
    let metadata = json!({"token_endpoint_auth_method": "private_key_jwt", "grant_types": [GRANT], "scope": "app:read",
        "jwks": {"keys": [jwk()]}});
    let own = text(&register(app, "federated", &metadata).await, "client_id").to_owned();
    [Speaker { app, issuer: IDP.to_owned(), is_own: false }, Speaker { app, issuer: own, is_own: true }]
}

fn shop(app: &TestApp) -> Caller<'_> {
    client(app, "federated", "shop", "federated-shop-secret-0123456789ab")
}

impl Speaker<'_> {
    fn saml(&self, id: &str) -> Saml {
        Saml::new(&self.issuer, id, self.app.now())
    }

    async fn present(&self, assertion: &str) -> Answer {
        let fields = [("grant_type", GRANT), ("assertion", assertion)];
        if self.is_own {
            return bare(self.app, "federated", "/token", &fields).await;
        }
        shop(self.app).token(&fields).await
    }

    /// Presents XML that must not be a grant, and soon.
    async fn refused(&self, xml: &str) {
        let begun = Instant::now();
        let answer = self.present(&encoded(xml)).await;
        let said = answer.error(400, "invalid_grant");
        assert_eq!(said, "Bad request: Invalid or expired assertion", "{xml}");
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
}

async fn one_in_order_is_good_once(app: &TestApp) {
    let replica = if app.is_postgres() { Some(app.replica().await) } else { None };
    for speaker in speakers(app).await {
        let assertion = speaker.saml("_once").assertion();
        // The client's secret is known before the race: a slow hash is no part of it.
        for server in [app, replica.as_ref().unwrap_or(app)] {
            granted(&shop(server).token(&[("grant_type", "client_credentials")]).await);
        }
        let there = Speaker { app: replica.as_ref().unwrap_or(app), issuer: speaker.issuer.clone(), ..speaker };
        let racers = (0..64).map(|n| if n % 2 == 0 { speaker.present(&assertion) } else { there.present(&assertion) });
        let answers = join_all(racers).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.code() == 200);
        assert_eq!(won.len(), 1);
        for answer in lost {
            answer.error(400, "invalid_grant");
        }
        let jwt = verified(app, "federated", text(&granted(won[0]), "access_token")).await;
        assert_eq!(jwt.claims["sub"], "dave");
        // Another ID is another assertion; the same of another issuer too.
        granted(&speaker.present(&speaker.saml("_twice").assertion()).await);
    }
}

async fn a_signature_covers_the_very_assertion(app: &TestApp) {
    for speaker in speakers(app).await {
        let good = speaker.saml("_a");
        let evil = Saml { subject: "admin".to_owned(), ..good.clone() };
        let other = Saml { subject: "admin".to_owned(), ..speaker.saml("_b") };
        let (signed, signature) = (good.signed(), good.signature());
        let wrap = |inner: &str| {
            format!("<saml:Wrap xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{inner}</saml:Wrap>")
        };
        let nested = |xml: &str, inside: &str| xml.replace("</saml:Assertion>", &format!("{inside}</saml:Assertion>"));
        let forged = other.signed().replace(&other.signature(), &signature);
        for xml in [
            good.unsigned(),
            signed.replace(&signature, "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"></ds:Signature>"),
            signed.replace(&signature, &format!("{signature}{signature}")),
            evil.signed().replace(&evil.signature(), &signature),
            forged.clone(),
            // Wrapping: the signed one beside, inside, around and after another one.
            wrap(&signed),
            wrap(&format!("{signed}{}", other.unsigned())),
            wrap(&format!("{}{signed}", other.unsigned())),
            nested(&other.unsigned(), &signed),
            nested(&forged, &good.unsigned()),
            nested(&evil.signed().replace(&evil.signature(), &signature), &good.unsigned()),
            other.unsigned().replace(
                "</saml:Issuer>",
                &format!(
                    "</saml:Issuer>{}",
                    signature.replace(
                        "</ds:Signature>",
                        &format!("<ds:Object>{}</ds:Object></ds:Signature>", good.unsigned()),
                    )
                ),
            ),
            format!("<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\">{signed}</samlp:Response>"),
            signed.replace("#rsa-sha256", "#rsa-sha1"),
            signed.replace("xmlenc#sha256", "xmldsig#sha1"),
            signed.replace("enveloped-signature", "base64"),
            signed.replace("URI=\"#_a\"", "URI=\"\""),
            signed.replace("URI=\"#_a\"", "URI=\"http://127.0.0.1:1/\""),
        ] {
            speaker.refused(&xml).await;
        }
        granted(&speaker.present(&encoded(&signed)).await);
    }
}

async fn what_it_says_must_be_for_us_and_for_now(app: &TestApp) {
    let now = app.now();
    for speaker in speakers(app).await {
        let good = speaker.saml("_good");
        let spoilt: [Saml; 10] = [
            Saml { audience: "https://acme.example.com".into(), ..good.clone() },
            Saml { audience: "https://federated.example.com/".into(), ..good.clone() },
            Saml { recipient: "https://acme.example.com/token".into(), ..good.clone() },
            Saml { recipient: "https://federated.example.com/token/revoke".into(), ..good.clone() },
            Saml { method: "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key".into(), ..good.clone() },
            Saml { not_on_or_after: now - 60, ..good.clone() },
            Saml { not_before: now + 61, ..good.clone() },
            Saml { issuer: format!("{}/", good.issuer), ..good.clone() },
            Saml { subject: String::new(), ..good.clone() },
            Saml { subject: "gone".into(), ..speaker.saml("_gone") },
        ];
        for saml in spoilt {
            speaker.refused(&saml.signed()).await;
        }
        for (from, to) in [("NotOnOrAfter", "NotBefore"), ("Version=\"2.0\"", "Version=\"1.1\"")] {
            speaker.refused(&good.signed().replace(from, to)).await;
        }
        let far = good.signed().replace(&instant(now + 300), "99999-01-01T00:00:00Z");
        speaker.refused(&far).await;
        granted(&speaker.present(&good.assertion()).await);
        let edges = Saml { not_on_or_after: now - 59, not_before: now - 120, ..speaker.saml("_late") };
        granted(&speaker.present(&edges.assertion()).await);
        let edges = Saml { not_before: now + 60, ..speaker.saml("_early") };
        granted(&speaker.present(&edges.assertion()).await);
    }
}

async fn markup_size_and_depth_are_bounded(app: &TestApp) {
    let mut laughs = String::from("<!DOCTYPE a [<!ENTITY a0 \"ha\">");
    for n in 1..30 {
        laughs += &format!("<!ENTITY a{n} \"&a{};&a{};\">", n - 1, n - 1);
    }
    laughs += "]>";
    let attributes: String = (0..2000).map(|n| format!(" a{n}=\"\"")).collect();
    let namespaces: String = (0..1000).map(|n| format!(" xmlns:a{n}=\"urn:a\"")).collect();
    for speaker in speakers(app).await {
        let signed = speaker.saml("_m").signed();
        for prolog in [
            "<!DOCTYPE a>",
            "<!DOCTYPE a SYSTEM \"http://127.0.0.1:1/x.dtd\">",
            "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>",
            "<!DOCTYPE a [<!ENTITY % x SYSTEM \"http://127.0.0.1:1/\">%x;]>",
            &laughs,
            "<?php x?>",
            "<!-- x -->",
        ] {
            speaker.refused(&format!("{prolog}{signed}")).await;
        }
        for inside in ["<!-- -->", "<![CDATA[dave]]>", "<?a?>", "&x;", "&#0;"] {
            speaker.refused(&signed.replace(">dave<", &format!(">dave{inside}<"))).await;
        }
        speaker.refused(&format!("<a{attributes}/>")).await;
        speaker.refused(&format!("<a{namespaces}/>")).await;
        speaker.refused(&format!("{}{}", "<a>".repeat(5_000), "</a>".repeat(5_000))).await;
        speaker.refused(&"<".repeat(30_000)).await;
        let transform = "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:Transform>";
        speaker.refused(&signed.replacen(transform, &transform.repeat(300), 1)).await;
        speaker.present(&"A".repeat(1_000_000)).await.error(413, "invalid_request");
        granted(&speaker.present(&encoded(&signed)).await);
    }
}

/// Waits for somebody who calls at a place; nobody should.
async fn nobody_called(listener: &TcpListener) {
    let called = tokio::time::timeout(Duration::from_millis(200), listener.accept()).await;
    assert!(called.is_err(), "somebody called: {called:?}");
}

async fn what_a_document_points_at_is_never_fetched(app: &TestApp) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let there = format!("http://{}/key", listener.local_addr().unwrap());
    for speaker in speakers(app).await {
        let retrieval = format!("<ds:KeyInfo><ds:RetrievalMethod URI=\"{there}\"></ds:RetrievalMethod></ds:KeyInfo>");
        let pointing = Saml { key_info: retrieval, ..speaker.saml("_k") };
        // The key is the registered one: what the document says of keys is not looked at.
        granted(&speaker.present(&pointing.assertion()).await);
        let signed = speaker.saml("_l").signed();
        speaker.refused(&format!("<!DOCTYPE a SYSTEM \"{there}\">{signed}")).await;
        speaker.refused(&signed.replace("URI=\"#_l\"", &format!("URI=\"{there}\""))).await;
    }
    nobody_called(&listener).await;
}
