//! The documents: one OpenAPI description per family, and a page to try them out that needs no other host.

use poem::Response;
use poem::http::header;
use poem_openapi::OpenApiService;

/// One family's document.
#[derive(Clone, Debug)]
pub struct Document {
    /// The family as it is called in `/openapi/{family}.json`.
    pub name: &'static str,
    /// OpenAPI 3 as JSON.
    pub json: String,
}

/// What the page may load: nothing but itself and this server's documents.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The documents and their page, made once.
#[derive(Clone, Debug)]
pub struct Docs {
    page: bytes::Bytes,
    documents: Vec<(String, bytes::Bytes)>,
}

impl Docs {
    /// Prepares the page for these documents.
    pub fn new(documents: Vec<Document>) -> Self {
        let names: Vec<_> = documents.iter().map(|document| document.name).collect();
        let documents = documents.into_iter().map(|d| (format!("/openapi/{}.json", d.name), d.json.into())).collect();
        Self { page: page(&names).into(), documents }
    }

    /// The answer at a path, if it is one of ours.
    pub fn at(&self, path: &str) -> Option<Response> {
        if path == "/docs" {
            let page = Response::builder()
                .header(header::CONTENT_TYPE, "text/html;charset=utf-8")
                .header(header::CONTENT_SECURITY_POLICY, POLICY)
                .header(header::CACHE_CONTROL, "public, max-age=300");
            return Some(page.body(self.page.clone()));
        }
        let (_, json) = self.documents.iter().find(|(known, _)| known == path)?;
        let document = Response::builder()
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CACHE_CONTROL, "public, max-age=300");
        Some(document.body(json.clone()))
    }
}

/// Swagger UI as poem-openapi embeds it, with a choice of documents in place of the one that is built in.
fn page(names: &[&str]) -> String {
    let links: Vec<_> = names.iter().map(|name| format!("<a href=\"/docs#{name}\">{name}</a>")).collect();
    let links = links.join(" ");
    let first = names.first().copied().unwrap_or_default();
    let choice = format!(
        "let chosen = location.hash.slice(1).split('/')[0] || '{first}'; \
         window.addEventListener('hashchange', () => location.reload()); let spec = null;"
    );
    OpenApiService::new((), "Tenure", "")
        .swagger_ui_html()
        .replacen("<title>Swagger UI</title>", "<title>Tenure: the APIs</title>", 1)
        .replacen(
            "<div id=\"ui\">",
            &format!("<nav style=\"padding:1em;font-family:sans-serif\">{links}</nav><div id=\"ui\">"),
            1,
        )
        .replacen("spec: spec,", "url: '/openapi/' + chosen + '.json', validatorUrl: null,", 1)
        .replacen("deepLinking: true,", "deepLinking: false,", 1)
        .replacen("let spec = {", &format!("{choice} let unused = {{"), 1)
}
