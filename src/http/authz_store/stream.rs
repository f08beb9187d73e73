//! Long answers: read in chunks, written while they are read, with flat memory.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use serde::Serialize;

use crate::domain::{Error, Result};
use crate::http::payload::Streamed;

/// A chunk of things and the place to go on from, if there may be more.
pub(super) type Chunk<T, P> = (Vec<T>, Option<P>);

/// All chunks of a read, one after the other. `read` takes the place to go on from.
pub(super) fn chunks<T, P, R, F>(read: R) -> impl Stream<Item = Result<Vec<T>>> + Send
where
    T: Send + 'static,
    P: Send + 'static,
    R: FnMut(Option<P>) -> F + Send + 'static,
    F: Future<Output = Result<Chunk<T, P>>> + Send,
{
    stream::try_unfold((read, Some(None)), |(mut read, place)| async move {
        let Some(place) = place else { return Ok(None) };
        let (things, next) = read(place).await?;
        Ok(Some((things, (read, next.map(Some)))))
    })
}

/// Two ordered lists that come in chunks, as one.
pub(super) fn merged<A, B>(one: A, other: B) -> impl Stream<Item = Result<Vec<String>>> + Send
where
    A: Stream<Item = Result<Vec<String>>> + Send + 'static,
    B: Stream<Item = Result<Vec<String>>> + Send + 'static,
{
    stream::try_unfold((Side::new(one), Side::new(other)), |(mut one, mut other)| async move {
        one.fill().await?;
        other.fill().await?;
        let mut texts = Vec::new();
        // As far as both are known; if one has ended, the other to the end of its chunk.
        while !one.is_hungry() && !other.is_hungry() {
            let next = match (one.waiting.front(), other.waiting.front()) {
                (Some(left), Some(right)) if left <= right => one.waiting.pop_front(),
                (Some(_), None) => one.waiting.pop_front(),
                (_, Some(_)) => other.waiting.pop_front(),
                (None, None) => None,
            };
            let Some(next) = next else { break };
            texts.push(next);
        }
        Ok((!texts.is_empty()).then_some((texts, (one, other))))
    })
}

/// One of two lists that are merged.
struct Side {
    source: Pin<Box<dyn Stream<Item = Result<Vec<String>>> + Send>>,
    waiting: VecDeque<String>,
    has_ended: bool,
}

impl Side {
    fn new(source: impl Stream<Item = Result<Vec<String>>> + Send + 'static) -> Self {
        Self { source: Box::pin(source), waiting: VecDeque::new(), has_ended: false }
    }

    /// Whether the next text isn't known.
    fn is_hungry(&self) -> bool {
        self.waiting.is_empty() && !self.has_ended
    }

    async fn fill(&mut self) -> Result<()> {
        while self.is_hungry() {
            match self.source.try_next().await? {
                Some(chunk) => self.waiting.extend(chunk),
                None => self.has_ended = true,
            }
        }
        Ok(())
    }
}

/// One member or element: an element's text, or a key and an element's text.
pub(super) fn element(thing: &impl Serialize) -> Result<String> {
    serde_json::to_string(thing).map_err(Error::internal)
}

/// A member of an object.
pub(super) fn member(key: &str, value: &str) -> Result<String> {
    Ok(format!("{}:{value}", element(&key)?))
}

/// An array or object of parts that come in chunks. The first chunk is read before the answer begins, so that a store that
/// is lost is still told with a status.
pub(super) async fn document<D, S>(brackets: (&'static str, &'static str), parts: S) -> Result<Streamed<D>>
where
    S: Stream<Item = Result<Vec<String>>> + Send + 'static,
{
    let mut parts = Box::pin(parts);
    let first = parts.try_next().await?.unwrap_or_default();
    let mut begun = false;
    let texts = stream::iter([Ok(first)]).chain(parts).map_ok(move |parts| {
        let mut text = String::new();
        for part in parts {
            if std::mem::replace(&mut begun, true) {
                text.push(',');
            }
            text += &part;
        }
        Bytes::from(text)
    });
    let open = stream::iter([Ok(Bytes::from_static(brackets.0.as_bytes()))]);
    let close = stream::iter([Ok(Bytes::from_static(brackets.1.as_bytes()))]);
    Ok(Streamed::new(open.chain(texts).chain(close).map_err(|error: Error| error.to_string())))
}

/// The brackets of an array.
pub(super) const ARRAY: (&str, &str) = ("[", "]");
/// The brackets of an object.
pub(super) const OBJECT: (&str, &str) = ("{", "}");

#[cfg(test)]
mod tests {
    use super::*;

    async fn merge(one: &[&[&str]], other: &[&[&str]]) -> Vec<String> {
        let side = |chunks: &[&[&str]]| -> Vec<Result<Vec<String>>> {
            chunks.iter().map(|chunk| Ok(chunk.iter().map(ToString::to_string).collect())).collect()
        };
        let chunks: Vec<Vec<String>> =
            merged(stream::iter(side(one)), stream::iter(side(other))).try_collect().await.unwrap();
        assert!(chunks.iter().all(|chunk| !chunk.is_empty()));
        chunks.concat()
    }

    #[tokio::test]
    async fn two_lists_are_merged_whatever_their_chunks() {
        assert_eq!(
            merge(&[&["a", "d"], &[], &["e"]], &[&["b"], &["c", "f"], &[]]).await,
            ["a", "b", "c", "d", "e", "f"]
        );
        assert_eq!(merge(&[], &[&[], &["a"], &["b"]]).await, ["a", "b"]);
        assert_eq!(merge(&[&["a"], &[], &[], &["b"]], &[]).await, ["a", "b"]);
        assert!(merge(&[&[]], &[]).await.is_empty());
    }
}
