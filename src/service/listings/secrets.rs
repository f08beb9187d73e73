//! Codes and refresh tokens in the order of the bytes of their texts, with flat memory.
//!
//! The store keeps ids and no texts. Few are simply sorted. Of many, those made here come by stretches of ids that lie side
//! by side in the order of texts ([`Stretch`]), and imported ones, whose texts are sealed, by passes over all of them: each
//! takes as many of the least texts that haven't come as memory is given for.

use std::collections::BinaryHeap;

use crate::crypto::token::Stretch;
use crate::domain::{Chain, ChainId, Code, Result};
use crate::service::authorizations::CHUNK;
use crate::service::liveness::retain_live;
use crate::service::tokens::issue;
use crate::service::{Ctx, Services};

/// How many are few.
const FEW: usize = 1_000;

/// Bytes of texts that one pass over imported tokens keeps.
const KEPT: usize = 8 * 1024 * 1024;

/// What a text takes in memory besides its bytes.
const OVERHEAD: usize = 48;

impl Services {
    /// All pending codes in the order of their bytes; `None` if they are many.
    pub async fn few_codes(&self, ctx: &Ctx) -> Result<Option<Vec<String>>> {
        let rows = self.store.tenant(ctx.tenant.id);
        let (mut texts, mut after) = (Vec::new(), None);
        while texts.len() <= FEW {
            let page = rows.list_codes(after, ctx.now, CHUNK).await?;
            after = page.last().map(|code| code.id);
            let full = is_full(&page);
            texts.extend(code_texts(ctx, retain_live(&rows, page).await?));
            if !full {
                texts.sort_unstable();
                return Ok(Some(texts));
            }
        }
        Ok(None)
    }

    /// The pending codes of a stretch (the first, the second …) in the order of their bytes, and the next stretch.
    pub async fn list_codes(&self, ctx: &Ctx, stretch: Option<usize>) -> Result<(Vec<String>, Option<usize>)> {
        let rows = self.store.tenant(ctx.tenant.id);
        let (Some(Stretch { version, first }), next) = at(&ctx.keys.tokens.code_stretches(), stretch) else {
            return Ok((Vec::new(), None));
        };
        let (mut texts, mut after) = (Vec::new(), None);
        loop {
            let page = rows.list_codes_of((version, first), after, ctx.now, CHUNK).await?;
            after = page.last().map(|code| code.id);
            let full = is_full(&page);
            texts.extend(code_texts(ctx, retain_live(&rows, page).await?));
            if !full {
                texts.sort_unstable();
                return Ok((texts, next));
            }
        }
    }

    /// All current refresh tokens of stored authorisations in the order of their bytes; `None` if they are many.
    pub async fn few_refresh_tokens(&self, ctx: &Ctx) -> Result<Option<Vec<String>>> {
        let rows = self.store.tenant(ctx.tenant.id);
        let (mut texts, mut after) = (Vec::new(), None);
        while texts.len() <= FEW {
            let place = after.as_ref().map(|(key, id)| (key, *id));
            let page = rows.list_stored_chains(place, ctx.now, CHUNK).await?;
            after = page.last().map(|chain| (chain.key.clone(), chain.id));
            let full = is_full(&page);
            texts.extend(chain_texts(ctx, &retain_live(&rows, page).await?)?);
            if !full {
                texts.sort_unstable();
                return Ok(Some(texts));
            }
        }
        Ok(None)
    }

    /// The current refresh tokens of a stretch that were made here, in the order of their bytes, and the next stretch.
    pub async fn list_refresh_tokens(&self, ctx: &Ctx, stretch: Option<usize>) -> Result<(Vec<String>, Option<usize>)> {
        let rows = self.store.tenant(ctx.tenant.id);
        let (Some(Stretch { version, first }), next) = at(&ctx.keys.tokens.refresh_stretches(), stretch) else {
            return Ok((Vec::new(), None));
        };
        let (mut texts, mut after) = (Vec::new(), None);
        loop {
            let page = rows.list_stored_chains_of((version, first), after, ctx.now, CHUNK).await?;
            after = page.last().map(|chain| chain.id);
            let full = is_full(&page);
            texts.extend(chain_texts(ctx, &retain_live(&rows, page).await?)?);
            if !full {
                texts.sort_unstable();
                return Ok((texts, next));
            }
        }
    }

    /// The next imported refresh tokens after a text in the order of their bytes, and the text to go on from.
    pub async fn list_imported_tokens(
        &self,
        ctx: &Ctx,
        after: Option<String>,
    ) -> Result<(Vec<String>, Option<String>)> {
        if !ctx.tenant.has_imports {
            return Ok((Vec::new(), None));
        }
        let rows = self.store.tenant(ctx.tenant.id);
        let (mut least, mut place): (_, Option<ChainId>) = (Least::new(after, KEPT), None);
        loop {
            let page = rows.list_foreign_chains(place, ctx.now, CHUNK).await?;
            place = page.last().map(|chain| chain.id);
            let full = is_full(&page);
            for text in chain_texts(ctx, &retain_live(&rows, page).await?)? {
                least.offer(text);
            }
            if !full {
                return Ok(least.taken());
            }
        }
    }
}

fn is_full<T>(page: &[T]) -> bool {
    page.len() == CHUNK as usize
}

fn at(stretches: &[Stretch], place: Option<usize>) -> (Option<Stretch>, Option<usize>) {
    let place = place.unwrap_or(0);
    (stretches.get(place).copied(), Some(place + 1).filter(|next| *next < stretches.len()))
}

fn code_texts(ctx: &Ctx, codes: Vec<Code>) -> impl Iterator<Item = String> {
    let text = |code: Code| ctx.keys.tokens.version(code.ver).map(|keys| keys.code(code.id));
    codes.into_iter().filter_map(text)
}

fn chain_texts(ctx: &Ctx, chains: &[Chain]) -> Result<Vec<String>> {
    chains.iter().map(|chain| issue::refresh_text(ctx, chain)).collect()
}

/// The least of many texts behind one, as many as have room.
struct Least {
    after: Option<String>,
    kept: BinaryHeap<String>,
    size: usize,
    room: usize,
    is_cut: bool,
}

impl Least {
    fn new(after: Option<String>, room: usize) -> Self {
        Self { after, kept: BinaryHeap::new(), size: 0, room, is_cut: false }
    }

    fn offer(&mut self, text: String) {
        let is_past = self.is_cut && self.kept.peek().is_some_and(|greatest| text >= *greatest);
        if is_past || self.after.as_ref().is_some_and(|after| text <= *after) {
            return;
        }
        self.size += text.len() + OVERHEAD;
        self.kept.push(text);
        // One always stays, whatever its size: else there would be no next.
        while self.size > self.room && self.kept.len() > 1 {
            let Some(greatest) = self.kept.pop() else { break };
            self.size -= greatest.len() + OVERHEAD;
            self.is_cut = true;
        }
    }

    /// What was kept, in order, and the text to go on from if there is more.
    fn taken(self) -> (Vec<String>, Option<String>) {
        let kept = self.kept.into_sorted_vec();
        let next = kept.last().filter(|_| self.is_cut).cloned();
        (kept, next)
    }
}

#[cfg(test)]
mod tests {
    use super::{Least, OVERHEAD};

    #[test]
    fn passes_yield_all_in_order_and_none_twice() {
        let texts: Vec<String> = (0..100_u32).map(|n| format!("{:03}", n * 37 % 101)).collect();
        for room in [1, 3 + OVERHEAD, 10 * (3 + OVERHEAD), 1_000_000] {
            let (mut all, mut place) = (Vec::new(), None);
            loop {
                let mut least = Least::new(place.take(), room);
                for text in &texts {
                    least.offer(text.clone());
                }
                assert!(least.size <= room.max(3 + OVERHEAD));
                let (kept, next) = least.taken();
                all.extend(kept);
                place = next;
                if place.is_none() {
                    break;
                }
            }
            let mut expected = texts.clone();
            expected.sort();
            assert_eq!(all, expected, "{room}");
        }
    }
}
