//! Long answers: read in chunks, written while they are read, with flat memory.

use std::future::Future;

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
