//! Nothing that opens a door is written down: no token, code or secret in the database's files or in the log.

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{TestApp, both, jwt, tenants};

both!(no_issued_token_is_in_the_files_of_the_database, no_issued_token_is_in_a_row_of_the_database,);

/// Every text that was ever handed out or in.
#[derive(Default)]
struct Canaries(BTreeSet<String>);

impl Canaries {
    fn add(&mut self, text: &str) {
        assert!(text.len() >= 16, "too short to look for: {text}");
        self.0.insert(text.to_owned());
    }

    fn tokens(&mut self, answer: &Value) {
        for kind in ["access_token", "refresh_token", "id_token"] {
            if let Some(token) = answer[kind].as_str() {
                self.add(token);
            }
        }
    }

    /// The forms in which a secret may lie in bytes: as it is, and what makes it up once decoded. The id of a token may be
    /// known; its authenticator, the last 16 bytes, may not, nor may a JWT's signature.
    fn forms(&self) -> Vec<(String, Vec<u8>)> {
        let mut forms = Vec::new();
        for text in &self.0 {
            forms.push((text.clone(), text.clone().into_bytes()));
            let last = text.rsplit('.').next().unwrap();
            if text.contains('.') {
                forms.push((text.clone(), last.as_bytes().to_vec()));
            }
            let bytes = jwt::try_decode(last).unwrap_or_default();
            if bytes.len() >= 16 {
                let tail = &bytes[bytes.len() - 12..];
                let hex: String = tail.iter().map(|byte| format!("{byte:02x}")).collect();
                forms.extend([(text.clone(), tail.to_vec()), (text.clone(), hex.into_bytes())]);
            }
        }
        forms
    }

    #[track_caller]
    fn assert_not_in(&self, place: &str, bytes: &[u8]) {
        for (secret, form) in self.forms() {
            assert!(!contains(bytes, &form), "{secret} is in {place}");
        }
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    let first = needle[0];
    let mut rest = haystack;
    while let Some(at) = rest.iter().position(|byte| *byte == first) {
        if rest[at..].starts_with(needle) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}

/// Has the server make every kind of secret, and gives it some.
async fn everything(app: &TestApp) -> Canaries {
    let mut canaries = Canaries::default();
    for tenant in ["acme", "rotating"] {
        let store = app.authz_store().as_tenant(tenant);
        canaries.add(&tenants::api_token(tenant));
        for (ate, lng) in
            [("SELF_CONTAINED", true), ("IDENTIFIER", true), ("SELF_CONTAINED", false), ("IDENTIFIER", false)]
        {
            let body = json!({
                "sub": format!("{ate}-{lng}"), "cid": "c1", "scp": ["openid"], "lng": lng, "irt": true, "ate": ate, "idr": true,
                "idt": jwt::shaped(&json!({"sub": "alice", "nonce": format!("nonce-{ate}-{lng}-{tenant}")}))
            });
            let code = store.new_code(&body).await;
            canaries.add(&code);
            let pending = store.new_code(&body).await;
            canaries.add(&pending);
            let tokens = store.exchange(&[("code", &code), ("client_id", "c1")]).await.status(200).json();
            canaries.tokens(&tokens);
            let refresh_token = tokens["refresh_token"].as_str().unwrap();
            canaries.tokens(&store.refresh(refresh_token).await.status(200).json());
            store.inspect("access_token", tokens["access_token"].as_str().unwrap()).await.status(200);
            store.inspect("code", &pending).await.status(200);
            store.exchange(&[("code", &code), ("client_id", "c1")]).await.error(404, "invalid_code");
        }
        let foreign = "YWxpY2U.MDAwMTIz.bNo1qg74h9wg63cJ_iYfWw";
        canaries.add(foreign);
        let import = json!({"sub": "alice", "cid": "000123", "lng": true, "irt": true, "rft": foreign});
        store.import(&import).await.status(204);
        canaries.tokens(&store.refresh(foreign).await.status(200).json());
        for list in ["authorization-codes", "refresh-tokens"] {
            store.list(list).await.iter().for_each(|secret| canaries.add(secret));
        }
        store.find(&[]).await.status(200);
        store.revoke(&[("client_id", "c1")]).await.status(200);
    }
    for secret in [
        tenants::ACME_SECOND_TOKEN,
        tenants::PLATFORM_TOKEN,
        "service-secret-acme",
        "service-access-token-acme-0123456789",
        "registration-token-acme-0123456789abc",
        "web-shop-secret-0123456789abcdef",
        "post-client-secret-0123456789abcd",
        "jwt-client-secret-0123456789abcdef-0123456789",
        "globex-shop-secret-0123456789abcdef",
        tenants::VAULT_KEY,
        "pm2K8rWAnOc-tnMH_xGogodXI24PcQGnXq2WVVzeego",
    ] {
        canaries.add(secret);
    }
    canaries
}

async fn no_issued_token_is_in_the_files_of_the_database(app: &TestApp) {
    let canaries = everything(app).await;
    for (file, bytes) in app.db_files().await {
        canaries.assert_not_in(&file, &bytes);
    }
}

async fn no_issued_token_is_in_a_row_of_the_database(app: &TestApp) {
    let canaries = everything(app).await;
    let rows = app.db_rows().await;
    assert!(rows.len() > 20, "there is something to look through");
    // As one text, since large values are compressed in the files.
    let text = rows.join("\n");
    canaries.assert_not_in("a row", text.as_bytes());
    canaries.assert_not_in("a row", text.to_lowercase().as_bytes());
}

/// A server in a process of its own, at the highest log level.
struct Process {
    child: Child,
    directory: tempfile::TempDir,
    public: String,
    ops: String,
}

impl Process {
    async fn start(log_format: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let [public, ops] = [free_address(), free_address()];
        let tenants_file = directory.path().join("tenants.toml");
        std::fs::write(&tenants_file, tenants::file()).unwrap();
        let log = std::fs::File::create(directory.path().join("log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_tenure"))
            .arg("serve")
            .env_clear()
            .env("TENURE_LISTEN", &public)
            .env("TENURE_OPS_LISTEN", &ops)
            .env("TENURE_DATABASE_URL", format!("sqlite://{}?mode=rwc", directory.path().join("tenure.db").display()))
            .env("TENURE_TENANTS", &tenants_file)
            .env("TENURE_LOG", "trace")
            .env("TENURE_LOG_FORMAT", log_format)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let process = Self { child, directory, public, ops };
        for _ in 0..600 {
            let ready = reqwest::Client::new().get(format!("http://{}/health/ready", process.ops)).send().await;
            if ready.is_ok_and(|answer| answer.status().is_success()) {
                return process;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("not ready: {}", process.log())
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_the_log_at_its_most_talkative() {
    for format in ["text", "json"] {
        let process = Process::start(format).await;
        let app = TestApp::remote(&process.public, &process.ops);
        let mut canaries = everything(&app).await;
        let wrong = "wrong-bearer-token-0123456789abcdef";
        canaries.add(wrong);
        app.authz_store().with_token(wrong).find(&[]).await.error(401, "invalid_token");
        app.authz_store().inspect("access_token", wrong).await.error(404, "invalid_access_token");
        app.authz_store()
            .request("GET", &format!("subjects?access_token={wrong}"))
            .send()
            .await
            .error(400, "invalid_request");
        app.request("GET", &format!("/nothing/{wrong}")).send().await.status(404);
        app.authz_store()
            .request("POST", "authorizations")
            .body("application/json", format!("{{\"sub\":\"{wrong}\""))
            .send()
            .await;
        let metrics = app.ops_request("GET", "/metrics").send().await.status(200).text();
        canaries.assert_not_in("the metrics", metrics.as_bytes());
        let log = process.log();
        assert!(log.len() > 2_000, "it is talkative: {} bytes", log.len());
        canaries.assert_not_in("the log", log.as_bytes());
        for hidden in ["secret-alice", "service-secret-globex"] {
            assert!(!log.contains(hidden), "{hidden} is in the log");
        }
        if format == "json" {
            let lines = log.lines().filter(|line| line.starts_with('{'));
            assert!(lines.clone().count() > 10);
            for line in lines {
                let _: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
            }
        }
    }
}
