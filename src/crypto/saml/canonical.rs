//! Exclusive XML canonicalisation without comments: the bytes that were signed and digested.

use bergshamra_c14n::{C14nMode, canonicalize_doc};
use bergshamra_xml::NodeSet;

use super::{fault::SamlFault, tree::Node};

/// The canonical form of one element and what is in it.
pub(super) fn of(node: Node<'_>, prefixes: &[&str]) -> Result<Vec<u8>, SamlFault> {
    render(node, &NodeSet::tree_without_comments(node.id(), node.doc()), prefixes)
}

/// The canonical form of the document without one element: the enveloped-signature transform.
pub(super) fn without(node: Node<'_>, prefixes: &[&str]) -> Result<Vec<u8>, SamlFault> {
    let cut = NodeSet::tree_without_comments(node.id(), node.doc());
    render(node, &NodeSet::all_without_comments(node.doc()).subtract(&cut), prefixes)
}

fn render(node: Node<'_>, nodes: &NodeSet, prefixes: &[&str]) -> Result<Vec<u8>, SamlFault> {
    let bytes = canonicalize_doc(node.doc(), C14nMode::Exclusive, Some(nodes), prefixes);
    bytes.map_err(|_| SamlFault::Malformed("no canonical form"))
}
