//! The table of operations, read off the OpenAPI description: what exists at a path, with which methods, names and media.
//!
//! It answers before routing what HTTP needs to know (404, 405 with `Allow`, 415, unknown parameters), and gives metrics a
//! bounded label.

use std::collections::HashMap;

use poem::http::Method;
use poem_openapi::OpenApi;
use poem_openapi::registry::{MetaMediaType, MetaOperation, MetaParamIn, MetaSchemaRef, Registry};

use crate::http::body::media::{self, Media};
use crate::http::family::Family;

/// One operation.
#[derive(Clone, Debug)]
pub struct Operation {
    id: &'static str,
    family: Family,
    method: Method,
    query: Vec<String>,
    form: Vec<String>,
    media: Vec<Media>,
}

impl Operation {
    /// The operation id: the label of metrics.
    pub const fn id(&self) -> &'static str {
        self.id
    }

    /// The family.
    pub const fn family(&self) -> Family {
        self.family
    }

    /// The names of its query parameters.
    pub fn query_names(&self) -> &[String] {
        &self.query
    }

    /// The names of its form parameters.
    pub fn form_names(&self) -> &[String] {
        &self.form
    }

    /// The media types of its body; none if it takes no body.
    pub fn media(&self) -> &[Media] {
        &self.media
    }

    /// Whether it has this query parameter.
    pub fn takes_query(&self, name: &str) -> bool {
        self.query.iter().any(|known| known == name)
    }
}

/// All operations, by path.
#[derive(Debug, Default)]
pub struct Operations {
    plain: HashMap<String, Vec<Operation>>,
    templates: Vec<(Vec<Option<String>>, Vec<Operation>)>,
}

impl Operations {
    /// The operations of an API.
    pub fn of<T: OpenApi>() -> Self {
        let mut registry = Registry::new();
        T::register(&mut registry);
        let mut all = Self::default();
        for path in T::meta().into_iter().flat_map(|api| api.paths) {
            let family = Family::of(&path.path);
            let operations = path.operations.iter().map(|meta| operation(meta, family, &registry));
            all.slot(&path.path).extend(operations);
        }
        all
    }

    fn slot(&mut self, path: &str) -> &mut Vec<Operation> {
        if !path.contains('{') {
            return self.plain.entry(path.to_owned()).or_default();
        }
        let template: Vec<_> = path.split('/').map(|part| (!part.starts_with('{')).then(|| part.to_owned())).collect();
        let at = self.templates.iter().position(|(known, _)| *known == template).unwrap_or_else(|| {
            self.templates.push((template, Vec::new()));
            self.templates.len() - 1
        });
        &mut self.templates[at].1
    }

    /// What exists at a path, still percent-encoded; nothing if there is no such route.
    pub fn at(&self, path: &str) -> &[Operation] {
        if let Some(found) = self.plain.get(path) {
            return found;
        }
        let fits = |template: &[Option<String>]| {
            let mut parts = path.split('/');
            let all = template.iter().all(|want| match (want, parts.next()) {
                (Some(want), Some(part)) => want == part,
                (None, Some(part)) => !part.is_empty(),
                (_, None) => false,
            });
            all && parts.next().is_none()
        };
        self.templates.iter().find(|(template, _)| fits(template)).map_or(&[], |(_, found)| found)
    }

    /// Every operation id, for tests and metrics.
    pub fn ids(&self) -> impl Iterator<Item = &'static str> {
        self.plain.values().chain(self.templates.iter().map(|(_, list)| list)).flatten().map(Operation::id)
    }
}

/// The operation for a method; `HEAD` is answered by `GET`.
pub fn choose<'a>(operations: &'a [Operation], method: &Method) -> Option<&'a Operation> {
    let wanted = if method == Method::HEAD { &Method::GET } else { method };
    operations.iter().find(|operation| operation.method == *wanted)
}

/// The value of `Allow` (RFC 9110 section 10.2.1).
pub fn allow(operations: &[Operation]) -> String {
    let mut names: Vec<&str> = operations.iter().map(|operation| operation.method.as_str()).collect();
    if names.contains(&"GET") {
        names.push("HEAD");
    }
    names.push("OPTIONS");
    names.sort_unstable();
    names.join(", ")
}

fn operation(meta: &MetaOperation, family: Family, registry: &Registry) -> Operation {
    let content: &[MetaMediaType] = meta.request.as_ref().map_or(&[], |request| &request.content);
    let media = [Media::Json, Media::Form]
        .into_iter()
        .filter(|known| content.iter().any(|entry| media::is(entry.content_type, known.name())))
        .collect();
    let form = content.iter().filter(|entry| media::is(entry.content_type, Media::Form.name()));
    Operation {
        id: meta.operation_id.unwrap_or("_unnamed"),
        family,
        method: meta.method.clone(),
        query: meta.params.iter().filter(|p| p.in_type == MetaParamIn::Query).map(|p| p.name.clone()).collect(),
        form: form.flat_map(|entry| names(&entry.schema, registry)).collect(),
        media,
    }
}

/// The members of an object's schema.
fn names(schema: &MetaSchemaRef, registry: &Registry) -> Vec<String> {
    let schema = match schema {
        MetaSchemaRef::Inline(schema) => Some(&**schema),
        MetaSchemaRef::Reference(name) => registry.schemas.get(name),
    };
    let Some(schema) = schema else { return Vec::new() };
    let own = schema.properties.iter().map(|(name, _)| (*name).to_owned());
    let parts = schema.all_of.iter().chain(&schema.any_of).chain(&schema.one_of);
    own.chain(parts.flat_map(|part| names(part, registry))).collect()
}
