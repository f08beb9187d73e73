//! Applying a tenants file to a store that has tenants.

use tenure::app::Tenure;
use tenure::cli::Commands;
use tenure::config::Config;
use tenure::domain::Result;
use tenure::tenancy::applied::Outcome;
use tenure::tenancy::{Applied, ApplyOptions, file};

use crate::harness::{TestApp, both};

both!(what_stands_against_a_file_is_told_at_once_and_nothing_is_applied, a_name_may_pass_from_one_tenant_to_another);

async fn apply(config: &Config, text: &str, dry_run: bool) -> Result<Vec<Applied>> {
    let options = ApplyOptions { dry_run, recreate: false };
    Tenure.apply(config.clone(), file::parse(text).unwrap(), options).await
}

fn entry(id: &str, issuer: &str, more: &str) -> String {
    format!("[[tenant]]\nid = \"{id}\"\nissuer = \"{issuer}\"\n{more}\n")
}

async fn what_stands_against_a_file_is_told_at_once_and_nothing_is_applied(app: &TestApp) {
    let thief = "aliases = [\"https://thief.example.com/a\", \"https://globex.example.com/oauth/\"]\n\
         [tenant.management]\nservice_api_key = 21653835348762\n";
    let text = [
        entry("fresh", "https://fresh.example.com", ""),
        entry("thief", "https://ACME.example.com", thief),
        entry("acme", "https://moved.example.com", ""),
        entry("late", "https://late.example.com", ""),
    ]
    .concat();
    let before = app.db_rows().await;
    for dry_run in [true, false] {
        let told = apply(&app.config(), &text, dry_run).await.unwrap_err().to_string();
        for line in [
            "tenant thief: issuer: ",
            "tenant thief: aliases[1]: ",
            "tenant thief: management.service_api_key: ",
            "tenant acme: issuer: ",
        ] {
            assert_eq!(told.matches(line).count(), 1, "{line} {told}");
        }
        assert_eq!(
            told.matches("tenant ").count(),
            4 + told.matches("another tenant").count() + told.matches("a tenant").count(),
            "{told}"
        );
        assert!(!told.contains("aliases[0]") && told.contains("nothing was applied"), "{told}");
        assert_eq!(app.db_rows().await, before);
    }
}

async fn a_name_may_pass_from_one_tenant_to_another(app: &TestApp) {
    let alias = "aliases = [\"https://shared.example.com\"]\n";
    let first = entry("first", "https://first.example.com", alias);
    let second = entry("second", "https://second.example.com", "");
    apply(&app.config(), &[first, second].concat(), false).await.unwrap();
    let first = entry("first", "https://first.example.com", "");
    let second = entry("second", "https://second.example.com", alias);
    let done = apply(&app.config(), &[first, second].concat(), false).await.unwrap();
    assert!(done.iter().all(|one| one.outcome == Outcome::Updated), "{done:?}");
    let discovery =
        app.request("GET", "/.well-known/openid-configuration").header("issuer", "https://shared.example.com");
    assert_eq!(discovery.send().await.status(200).json()["issuer"], "https://second.example.com");
}
