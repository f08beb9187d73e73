//! Which clients are listed, in which order, and how many.

use serde_json::json;

use super::Authlete;
use super::caller::{WEB_SHOP, clients};
use crate::harness::{TestApp, both};

both!(a_stretch_is_what_was_asked_for, a_client_is_listed_while_it_has_something_of_the_user, a_developer_filters,);

/// acme's other client with a number of its own.
const MOBILE: i64 = 17_566_160_603_767;

async fn a_stretch_is_what_was_asked_for(app: &TestApp) {
    let cids = ["65564eb0058d", "mobile-app", "post-client", "jwt-client", "key-client"];
    for cid in cids {
        app.authz_store().new_tokens(&json!({"sub": "alice", "cid": cid})).await;
    }
    app.authz_store().new_tokens(&json!({"sub": "alice", "cid": "not-registered"})).await;
    app.authz_store().new_tokens(&json!({"sub": "bob", "cid": "mobile-app"})).await;
    let api = Authlete::new(app);
    let all = clients(&api.list(&json!({"subject": "alice"})).await);
    assert_eq!(all.len(), 5);
    assert!(all.is_sorted(), "{all:?}");
    for (start, end, stretch) in [
        (0, 1000, 0..5),
        (0, 2, 0..2),
        (2, 4, 2..4),
        (4, 9, 4..5),
        (5, 9, 0..0),
        (3, 3, 0..0),
        (4, 2, 0..0),
        (900, 1900, 0..0),
    ] {
        let list = api.list(&json!({"subject": "alice", "start": start, "end": end})).await;
        assert_eq!(clients(&list), all[stretch], "{start}..{end}");
        assert_eq!((&list["start"], &list["end"]), (&json!(start), &json!(end)));
        assert_eq!(list["totalCount"], 5);
    }
    let nobody = api.list(&json!({"subject": "nobody"})).await;
    assert_eq!((&nobody["totalCount"], &nobody["clients"]), (&json!(0), &json!([])));
}

async fn a_client_is_listed_while_it_has_something_of_the_user(app: &TestApp) {
    let api = Authlete::new(app);
    let store = app.authz_store();
    let listed = async || clients(&api.list(&json!({"subject": "alice"})).await);
    let short = json!({"sub": "alice", "cid": "mobile-app", "atl": 100});
    store.new_tokens(&short).await;
    assert_eq!(listed().await, [MOBILE], "an access token");
    app.advance(100);
    assert!(listed().await.is_empty(), "it has expired");
    store.new_tokens(&json!({"sub": "alice", "cid": "mobile-app", "atl": 100, "irt": true, "rtl": 200})).await;
    app.advance(100);
    assert_eq!(listed().await, [MOBILE], "a refresh token of a transient authorisation");
    app.advance(100);
    assert!(listed().await.is_empty());
    store.new_code(&json!({"sub": "alice", "cid": "65564eb0058d", "lng": true})).await;
    assert_eq!(listed().await, [WEB_SHOP], "a stored authorisation");
    store.new_tokens(&json!({"sub": "alice", "act": {"sub": "robot"}, "cid": "mobile-app", "lng": true})).await;
    assert_eq!(listed().await, [WEB_SHOP, MOBILE], "also one with an actor");
    store.revoke(&[("subject", "alice"), ("client_id", "mobile-app")]).await;
    assert_eq!(listed().await, [WEB_SHOP]);
    api.delete(WEB_SHOP, "alice").await.status(200);
    assert!(listed().await.is_empty());
}

async fn a_developer_filters(app: &TestApp) {
    for cid in ["65564eb0058d", "mobile-app"] {
        app.authz_store().new_tokens(&json!({"sub": "alice", "cid": cid})).await;
    }
    let api = Authlete::new(app);
    for (developer, expected) in [("dev-anna", vec![WEB_SHOP]), ("dev-Anna", vec![]), ("dev", vec![])] {
        let list = api.list(&json!({"subject": "alice", "developer": developer})).await;
        assert_eq!(clients(&list), expected, "{developer}");
        assert_eq!(list["developer"], developer);
        assert_eq!(list["totalCount"], expected.len());
    }
}
