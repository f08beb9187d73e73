//! The listener for operators, and what is not on the public one.

use crate::harness::{TestApp, both};

both!(health_and_metrics_have_a_port_of_their_own, metrics_have_bounded_labels, the_documents_are_served,);

async fn health_and_metrics_have_a_port_of_their_own(app: &TestApp) {
    for target in ["/metrics", "/health/live", "/health/ready"] {
        app.ops_request("GET", target).send().await.status(200);
        app.request("GET", target).send().await.status(404);
        app.request("GET", target).header("tenant-id", "acme").send().await.status(404);
    }
    for target in ["/jwks.json", "/authz-store/rest/v3/subjects", "/tenants/rest/v1", "/docs", "/t/acme/jwks.json"] {
        app.ops_request("GET", target).header("tenant-id", "acme").send().await.status(404);
    }
}

async fn metrics_have_bounded_labels(app: &TestApp) {
    app.authz_store().list("subjects").await;
    let before = app.ops_request("GET", "/metrics").send().await.status(200).text();
    assert!(before.contains("# TYPE "), "Prometheus text: {before}");
    for n in 0..50 {
        app.request("GET", &format!("/canary-{n}")).header("tenant-id", &format!("canary-{n}")).send().await;
        app.authz_store().as_tenant(&format!("canary-{n}")).request("GET", "subjects").send().await;
        app.authz_store().find(&[("client_id", &format!("canary-{n}"))]).await;
    }
    let after = app.ops_request("GET", "/metrics").send().await.status(200).text();
    assert!(!after.contains("canary"), "{after}");
    let series = |text: &str| text.lines().filter(|line| !line.starts_with('#')).count();
    assert!(series(&after) < series(&before) + 60, "{} series, then {}", series(&before), series(&after));
}

async fn the_documents_are_served(app: &TestApp) {
    for family in ["authz-store", "oauth", "authlete", "iam", "platform"] {
        let served = app.request("GET", &format!("/openapi/{family}.json")).send().await.status(200).json();
        assert!(served["openapi"].as_str().unwrap().starts_with('3'), "{family}");
    }
    let docs = app.request("GET", "/docs").send().await;
    let page = docs.status(200).content_type("text/html").text();
    for attribute in
        ["src=\"http", "href=\"http", "src=\"//", "href=\"//", "@import", "unpkg", "jsdelivr", "googleapis"]
    {
        assert!(!page.contains(attribute), "the page works offline: {attribute}");
    }
}
