//! `[tenant.limits]`: one tenant's flood is its own.

use serde_json::json;

use crate::harness::{TestApp, both};

both!(a_tenant_past_its_limit_is_told_to_wait, health_and_metrics_are_not_limited);

async fn a_tenant_past_its_limit_is_told_to_wait(app: &TestApp) {
    app.platform().make("floody", &json!({"limits": {"requests_per_second": 2}})).await;
    let store = app.authz_store().as_tenant("floody");
    let mut refused = None;
    // Far more than two a second, however slow the machine.
    for _ in 0..500 {
        let answer = store.request("GET", "subjects").send().await;
        if answer.code() == 429 {
            refused = Some(answer);
            break;
        }
        answer.status(200);
    }
    let refused = refused.expect("the limit holds");
    refused.error(429, "temporarily_unavailable");
    assert_eq!(refused.header("retry-after"), "1");
    // Also without a credential, since to judge one is work.
    let bare =
        app.request("POST", "/token").header("tenant-id", "floody").form(&[("grant_type", "client_credentials")]);
    assert!([429, 401].contains(&bare.send().await.code()));
    app.authz_store().list("subjects").await;
    let metrics = app.ops_request("GET", "/metrics").send().await.status(200).text();
    assert!(metrics.contains("tenure_shed_total{queue=\"tenant\"}"), "{metrics}");
    assert!(!metrics.contains("floody"), "no tenant is a label");
}

async fn health_and_metrics_are_not_limited(app: &TestApp) {
    for _ in 0..20 {
        app.ops_request("GET", "/health/live").send().await.status(200);
        app.ops_request("GET", "/metrics").send().await.status(200);
    }
    let store = app.authz_store();
    let tokens = store.stored("alice", "c1").await;
    store.refresh(tokens["refresh_token"].as_str().unwrap()).await.status(200);
    store.revoke(&[("subject", "alice")]).await.status(200);
    let metrics = app.ops_request("GET", "/metrics").send().await.status(200).text();
    for line in [
        "tenure_tokens_issued_total{encoding=\"self_contained\",grant=\"direct\"} 1",
        "tenure_tokens_issued_total{encoding=\"self_contained\",grant=\"refresh_token\"} 1",
        "tenure_revocations_total 1",
        "tenure_writer_batch_items_count",
        "tenure_writer_commit_seconds_count",
        "tenure_store_ping_seconds_count",
        "tenure_coherence_lag_seconds",
        "tenure_passwords{state=\"waiting\"} 0",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
}
