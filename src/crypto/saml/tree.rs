//! Reading a parsed document: elements by namespace and name, attributes without a namespace, text without elements.

use uppsala::{Document, NodeId, NodeKind};

use super::{fault::SamlFault, scan};

/// The namespace of SAML 2.0 assertions.
pub(super) const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
/// The namespace of XML signatures.
pub(super) const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";

/// Parses what has passed [`scan::scan`].
pub(super) fn parse(xml: &str) -> Result<Document<'_>, SamlFault> {
    let depth = u32::try_from(scan::MAX_DEPTH + 1).unwrap_or(u32::MAX);
    let parser = uppsala::Parser::new().with_max_depth(depth).with_forbid_dtd(true);
    parser.parse(xml).map_err(|_| SamlFault::Malformed("not well-formed"))
}

/// An element of a document.
#[derive(Clone, Copy)]
pub(super) struct Node<'d> {
    doc: &'d Document<'d>,
    id: NodeId,
    element: &'d uppsala::Element<'d>,
}

impl<'d> Node<'d> {
    /// The root element.
    pub(super) fn root(doc: &'d Document<'d>) -> Result<Self, SamlFault> {
        let root = doc.document_element().and_then(|id| Self::of(doc, id));
        root.ok_or(SamlFault::Malformed("no root element"))
    }

    fn of(doc: &'d Document<'d>, id: NodeId) -> Option<Self> {
        doc.element(id).map(|element| Self { doc, id, element })
    }

    pub(super) fn doc(&self) -> &'d Document<'d> {
        self.doc
    }

    pub(super) fn id(&self) -> NodeId {
        self.id
    }

    /// The element's own attributes as (has a namespace, local name, value).
    pub(super) fn attributes(&self) -> impl Iterator<Item = (bool, &'d str, &'d str)> {
        let all = self.element.attributes.iter();
        all.map(|a| (a.name.namespace_uri.is_some(), a.name.local_name.as_ref(), a.value.as_ref()))
    }

    /// The value of an attribute that has no namespace.
    pub(super) fn attribute(&self, name: &str) -> Option<&'d str> {
        self.attributes().find(|(spaced, local, _)| !spaced && *local == name).map(|(_, _, value)| value)
    }

    pub(super) fn is(&self, namespace: &str, name: &str) -> bool {
        self.element.matches_name_ns(namespace, name)
    }

    /// The local name of a SAML element, nothing for an element of another namespace.
    pub(super) fn saml_name(&self) -> Option<&'d str> {
        let name = &self.element.name;
        (name.namespace_uri.as_deref() == Some(SAML)).then_some(name.local_name.as_ref())
    }

    /// This element and all under it, in document order.
    pub(super) fn all(&self) -> impl Iterator<Item = Self> + use<'d> {
        let doc = self.doc;
        let below = doc.descendants(self.id);
        std::iter::once(*self).chain(below.into_iter().filter_map(|id| Self::of(doc, id)).filter({
            let own = self.id;
            move |node| node.id != own
        }))
    }

    /// The child elements, if there is nothing else but white space.
    pub(super) fn children(&self) -> Result<Vec<Self>, SamlFault> {
        let mut children = Vec::new();
        for id in self.doc.children_iter(self.id) {
            match self.doc.node_kind(id) {
                Some(NodeKind::Element(_)) => children.extend(Self::of(self.doc, id)),
                Some(NodeKind::Text(text)) if text.trim_matches([' ', '\t', '\r', '\n']).is_empty() => {}
                _ => return Err(SamlFault::Structure("text among elements")),
            }
        }
        Ok(children)
    }

    /// The text, if there is nothing else.
    pub(super) fn text(&self) -> Result<String, SamlFault> {
        let mut text = String::new();
        for id in self.doc.children_iter(self.id) {
            match self.doc.node_kind(id) {
                Some(NodeKind::Text(part)) => text.push_str(part),
                _ => return Err(SamlFault::Structure("an element inside text")),
            }
        }
        Ok(text)
    }
}
