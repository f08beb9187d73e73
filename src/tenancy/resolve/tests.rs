//! A table of requests, against tenants in memory.

//! The rules of resolution, on tenants in memory.

use super::*;
use crate::domain::{Error, Forbidden, TenantId};
use crate::tenancy::settings::TenantSettings;

/// A directory that holds a handful of tenants in memory.
struct Fake(Vec<Arc<Tenant>>);

impl Directory for Fake {
    async fn find(&self, kind: NameKind, wanted: &str) -> domain::Result<Option<Arc<Tenant>>> {
        let has = |tenant: &Tenant| match kind {
            NameKind::Tid => tenant.tid.as_str() == wanted,
            NameKind::Issuer => tenant.issuers().any(|issuer| name::issuer(issuer).as_deref() == Some(wanted)),
            NameKind::ServiceKey => {
                tenant.settings.management.service_api_key.is_some_and(|key| key.to_string() == wanted)
            }
        };
        Ok(self.0.iter().find(|tenant| has(tenant)).cloned())
    }
}

fn tenant(id: i64, tid: &str, issuers: &[&str], enabled: bool) -> Arc<Tenant> {
    let mut settings = TenantSettings { enabled, issuer: issuers[0].to_owned(), ..TenantSettings::default() };
    settings.aliases = issuers[1..].iter().map(|alias| (*alias).to_owned()).collect();
    settings.management.service_api_key = Some(1000 + id);
    Arc::new(Tenant {
        id: TenantId(id),
        tid: Tid::parse(tid).unwrap(),
        settings,
        version: 1,
        has_imports: false,
        longest_token: 0,
    })
}

fn directory() -> Fake {
    Fake(vec![
        tenant(1, "acme", &["https://acme.example.com", "https://login.acme.example.com"], true),
        tenant(2, "globex", &["https://globex.example.com/oauth"], true),
        tenant(3, "initech", &["https://initech.example.com"], false),
        tenant(4, "hooli", &["https://shared.example.com", "http://127.0.0.1:8080/t/hooli"], true),
        tenant(5, "pied", &["https://shared.example.com/pied/piper/"], true),
    ])
}

async fn ask(hints: &Hints<'_>, default: Option<&str>) -> Result<(String, String), Refusal> {
    let default = default.map(|tid| Tid::parse(tid).unwrap());
    let resolved = resolve(hints, default.as_ref(), &directory()).await?;
    Ok((resolved.tenant.tid.to_string(), resolved.path.into_owned()))
}

fn hints<'a>(tids: &[&'a str], issuers: &[&'a str], host: Option<&'a str>, path: &'a str) -> Hints<'a> {
    Hints {
        tenant_id: tids.iter().map(|text| text.as_bytes()).collect(),
        issuer: issuers.iter().map(|text| text.as_bytes()).collect(),
        service_key: None,
        host,
        path,
        under_issuer: false,
    }
}

#[tokio::test]
async fn what_names_a_tenant() {
    let rows = [
        // Headers and the path prefix.
        (hints(&["acme"], &[], None, "/token"), "acme", "/token"),
        (hints(&[], &["https://acme.example.com"], None, "/token"), "acme", "/token"),
        (hints(&[], &["https://login.acme.example.com"], Some("evil"), "/token"), "acme", "/token"),
        (hints(&["globex"], &["https://globex.example.com/oauth"], None, "/token"), "globex", "/token"),
        (hints(&[], &[], None, "/t/acme/token"), "acme", "/token"),
        (hints(&[], &[], None, "/t/acme"), "acme", "/"),
        (hints(&["acme"], &["https://acme.example.com"], None, "/t/acme/a%2Fb"), "acme", "/a%2Fb"),
        // A header wins over Host.
        (hints(&["acme"], &[], Some("globex.example.com"), "/oauth/token"), "acme", "/oauth/token"),
        // Host and path.
        (hints(&[], &[], Some("acme.example.com"), "/token"), "acme", "/token"),
        (hints(&[], &[], Some("ACME.example.com:443"), "/token"), "acme", "/token"),
        (hints(&[], &[], Some("globex.example.com"), "/oauth/token"), "globex", "/token"),
        (hints(&[], &[], Some("globex.example.com"), "/oauth"), "globex", "/"),
        (hints(&[], &[], Some("shared.example.com"), "/pied/piper/token"), "pied", "/token"),
        (hints(&[], &[], Some("shared.example.com"), "/pied/pipers/token"), "hooli", "/pied/pipers/token"),
        (hints(&[], &[], Some("shared.example.com"), "/pied/token"), "hooli", "/pied/token"),
        (hints(&[], &[], Some("shared.example.com"), "//token"), "hooli", "//token"),
        // The path-inserted form.
        (
            hints(&[], &[], Some("globex.example.com"), "/.well-known/oauth-authorization-server/oauth"),
            "globex",
            "/.well-known/oauth-authorization-server",
        ),
        (
            hints(&[], &[], Some("127.0.0.1:8080"), "/.well-known/oauth-authorization-server/t/hooli"),
            "hooli",
            "/.well-known/oauth-authorization-server",
        ),
        (
            hints(&[], &[], Some("acme.example.com"), "/.well-known/openid-configuration"),
            "acme",
            "/.well-known/openid-configuration",
        ),
    ];
    for (hints, tid, path) in rows {
        assert_eq!(ask(&hints, None).await.ok(), Some((tid.to_owned(), path.to_owned())), "{hints:?}");
    }
}

#[tokio::test]
async fn what_is_refused_and_what_the_refusal_says() {
    let acme = "https://acme.example.com";
    let rows = [
        (hints(&[], &[], None, "/token"), "no tenant"),
        (hints(&[], &[], Some("evil.example.com"), "/token"), "no tenant"),
        (hints(&[], &[], Some("globex.example.com"), "/token"), "no tenant"),
        (hints(&[], &[], Some("globex.example.com"), "/oauthtoken"), "no tenant"),
        (hints(&[], &[], Some("acme.example.com:80"), "/token"), "the port"),
        (hints(&["globex"], &[acme], None, "/token"), "different tenants"),
        (hints(&["globex"], &[], None, "/t/acme/token"), "different tenants"),
        (hints(&["acme", "acme"], &[], None, "/token"), "Tenant-ID header is repeated"),
        (hints(&[], &[acme, acme], None, "/token"), "Issuer header is repeated"),
        (hints(&[], &["https://acme.example.com, https://globex.example.com/oauth"], None, "/token"), "is a list"),
        (hints(&["acme,acme"], &[], None, "/token"), "is a list"),
        (hints(&[""], &[], None, "/token"), "is empty"),
        (hints(&["nobody"], &[], None, "/token"), "names no tenant"),
        (hints(&["a_b"], &[], None, "/token"), "names no tenant"),
        (hints(&["acme"], &["https://nobody.example.com"], None, "/token"), "names no tenant"),
        (hints(&["Acme"], &[], None, "/token"), "case"),
        (hints(&["acme "], &[], None, "/token"), "white space"),
        (hints(&[], &["https://ACME.example.com"], None, "/token"), "case"),
        (hints(&[], &["https://acme.example.com/"], None, "/token"), "slash"),
        (hints(&[], &["https://acme.example.com:443"], None, "/token"), "port"),
        (hints(&[], &["http://acme.example.com"], None, "/token"), "scheme"),
        (hints(&[], &[" https://acme.example.com"], None, "/token"), "white space"),
        (hints(&[], &[], None, "/t/ACME/token"), "case"),
        (hints(&[], &[], None, "/t/nobody/token"), "names no tenant"),
        (hints(&[], &[], None, "/t//token"), "names no tenant"),
        (hints(&[], &[], Some("globex.example.com"), "/OAuth/token"), "case"),
    ];
    for (hints, said) in rows {
        let refusal = ask(&hints, None).await.unwrap_err();
        let text = refusal.to_string();
        assert!(text.contains(said), "{hints:?}: {text}");
        assert!(matches!(Error::from(refusal), Error::InvalidRequest(_)), "{hints:?}");
    }
}

#[tokio::test]
async fn a_header_that_is_not_text_names_nobody() {
    let hints = Hints { tenant_id: vec![b"acme\xff"], path: "/token", ..Hints::default() };
    assert!(matches!(ask(&hints, None).await, Err(Refusal::Unknown(Hint::TenantId))));
}

#[tokio::test]
async fn a_service_key_names_its_tenant_and_must_agree() {
    let with_key =
        |key, tids| Hints { service_key: Some(key), ..hints(tids, &[], None, "/api/client/authorization/get/list") };
    assert_eq!(ask(&with_key(1001, &[]), None).await.unwrap().0, "acme");
    assert_eq!(ask(&with_key(1001, &["acme"]), None).await.unwrap().0, "acme");
    let disagreement = ask(&with_key(1001, &["globex"]), None).await;
    assert!(matches!(disagreement, Err(Refusal::Disagreement(Hint::ServiceKey, Hint::TenantId))));
    assert!(matches!(ask(&with_key(9, &["acme"]), None).await, Err(Refusal::Unknown(Hint::ServiceKey))));
}

#[tokio::test]
async fn the_default_tenant_serves_only_what_names_nobody() {
    let bare = hints(&[], &[], Some("10.0.0.7:8080"), "/token");
    assert_eq!(ask(&bare, Some("acme")).await.unwrap(), ("acme".to_owned(), "/token".to_owned()));
    assert_eq!(
        ask(&hints(&[], &[], Some("globex.example.com"), "/oauth/token"), Some("acme")).await.unwrap().0,
        "globex"
    );
    assert!(matches!(ask(&hints(&["nobody"], &[], None, "/token"), Some("acme")).await, Err(Refusal::Unknown(_))));
    assert!(matches!(ask(&bare, Some("gone")).await, Err(Refusal::Unknown(Hint::Default))));
}

#[tokio::test]
async fn a_disabled_tenant_is_forbidden_after_all_else() {
    let disabled = ask(&hints(&["initech"], &[], None, "/token"), None).await.unwrap_err();
    assert!(matches!(Error::from(disabled), Error::Forbidden(Forbidden::TenantDisabled)));
    let by_host = ask(&hints(&[], &[], Some("initech.example.com"), "/token"), None).await;
    assert!(matches!(by_host, Err(Refusal::Disabled)));
    let disagreeing = ask(&hints(&["initech"], &["https://acme.example.com"], None, "/token"), None).await;
    assert!(matches!(disagreeing, Err(Refusal::Disagreement(..))));
}
