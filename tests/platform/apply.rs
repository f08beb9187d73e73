//! Applying a tenants file to a store that has tenants.

use tenure::app::Tenure;
use tenure::cli::Commands;
use tenure::config::Config;
use tenure::crypto::secret::Secret;
use tenure::domain::{Clock, Result, Tid};
use tenure::tenancy::applied::Outcome;
use tenure::tenancy::{Applied, ApplyOptions, file};

use crate::harness::{NOW, TestApp, both};

both!(
    what_stands_against_a_file_is_told_at_once_and_nothing_is_applied,
    a_name_may_pass_from_one_tenant_to_another,
    an_operators_mistake_is_called_so,
    the_banner_names_a_tenant_that_answers
);

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
        assert_eq!(told.lines().filter(|line| line.starts_with("tenant ")).count(), 4, "{told}");
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

async fn an_operators_mistake_is_called_so(app: &TestApp) {
    let short = Config { master_key: Some(Secret::new("AAAA")), ..app.config() };
    let another =
        Config { master_key: Some(Secret::new("ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8")), ..app.config() };
    for (config, word) in [(short, "MASTER_KEY"), (another, "the master key is not the one")] {
        let told = Tenure.list_keys(config, Tid::parse("acme").unwrap()).await.unwrap_err().to_string();
        assert!(told.contains(word) && !told.contains("internal"), "{told}");
    }
}

async fn the_banner_names_a_tenant_that_answers(app: &TestApp) {
    let tenants = tempfile::NamedTempFile::new().unwrap();
    let text = [
        entry("resting", "https://resting.example.com", "enabled = false"),
        entry("awake", "https://awake.example.com", ""),
    ];
    std::fs::write(tenants.path(), text.concat()).unwrap();
    for (default, shown) in [("nobody", "awake"), ("resting", "awake"), ("acme", "acme")] {
        let config =
            Config { tenants: Some(tenants.path().to_owned()), default_tenant: Tid::parse(default), ..app.config() };
        let running = tenure::app::start(config, Clock::fixed(NOW)).await.unwrap();
        let banner = running.banner().to_owned();
        running.shutdown().await.unwrap();
        assert!(banner.contains(&format!("/t/{shown}/.well-known/openid-configuration")), "{banner}");
    }
}
