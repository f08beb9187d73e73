//! From an operation to its handler.
//!
//! poem's own router wraps a handler in layers that each move the request into a future of its own, to find out what
//! [`super::operations`] has found out already; they cost as much as the rest of a hot request's way to its handler. A path
//! without parameters is therefore answered from a table, and only the others go through the router, which captures them.

use std::collections::HashMap;

use poem::endpoint::BoxEndpoint;
use poem::http::Method;
use poem::{Endpoint, Request, Response, Route, RouteMethod};
use poem_openapi::OpenApi;
// What generated handlers read their query from; `OpenApiService` puts it into each request likewise.
use poem_openapi::__private::UrlQuery;

type Methods = HashMap<Method, BoxEndpoint<'static>>;

/// The handlers of all operations.
pub struct Handlers {
    plain: HashMap<String, Methods>,
    captured: Route,
}

impl Handlers {
    /// Those of an API.
    pub fn of(api: impl OpenApi) -> Self {
        let mut table = HashMap::new();
        api.add_routes(&mut table);
        let (plain, captured): (HashMap<_, _>, HashMap<_, _>) =
            table.into_iter().partition(|(path, _)| !path.contains(':'));
        let captured = captured.into_iter().fold(Route::new(), |route, (path, methods)| {
            let methods = methods.into_iter().fold(RouteMethod::new(), |all, (method, one)| all.method(method, one));
            route.at(path, methods)
        });
        Self { plain, captured }
    }

    /// Answers a request whose path is an operation's.
    ///
    /// # Errors
    /// What the extractors of the handler throw.
    pub async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let query = if request.uri().query().is_some() { request.params().unwrap_or_default() } else { Vec::new() };
        request.extensions_mut().insert(UrlQuery(query));
        match self.plain.get(request.uri().path()) {
            Some(methods) => plain(methods, request).await,
            None => self.captured.call(request).await,
        }
    }
}

/// `HEAD` is answered by `GET`, without its body (RFC 9110 section 9.3.2).
async fn plain(methods: &Methods, mut request: Request) -> poem::Result<Response> {
    if let Some(handler) = methods.get(request.method()) {
        return handler.call(request).await;
    }
    let (&Method::HEAD, Some(handler)) = (request.method(), methods.get(&Method::GET)) else {
        return Err(poem::error::MethodNotAllowedError.into());
    };
    request.set_method(Method::GET);
    let mut response = handler.call(request).await?;
    response.set_body(());
    Ok(response)
}
