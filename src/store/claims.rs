//! What the writes of a batch take or hold before all else: one statement takes for all of them.
//!
//! A code is consumed, a chain is rotated, used or held. Each claim says how the row was read; it is won if the row still
//! stands so, and of two claims to take the same row the first wins. Rows are locked in the order of their ids.

use std::collections::{BTreeMap, HashMap, HashSet};

use sea_orm::{DbBackend, FromQueryResult, Value};

use super::chains::deadline;
use super::revocations::SelectorHash;
use super::scoped::{KeyType, id16, list, placeholders, values};
use super::{Lock, TenantStore, Tx};
use crate::domain::{Chain, Code, Result, Seconds};

/// What a write claims: one row.
#[derive(Clone, Debug)]
pub enum Claim {
    /// A pending code is consumed, if it carries what was read and none of the selectors has killed it.
    Code {
        /// The code.
        code: Code,
        /// The selectors that can kill it.
        killers: Vec<SelectorHash>,
        /// The time.
        now: Seconds,
    },
    /// A chain is taken a step further, or kept from changing, if its generation and scope are still those that were read.
    Chain {
        /// The chain.
        chain: Chain,
        /// How it goes on.
        step: Step,
        /// The time.
        now: Seconds,
    },
}

/// How a chain goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// As it is: it may not change before the transaction ends.
    Hold,
    /// Its current token has been used.
    Use,
    /// Its token is retired, and the next one is current.
    Rotate,
}

impl Claim {
    /// The lock that it stands for.
    pub(super) fn lock(&self) -> Lock {
        Lock::Row(match self {
            Self::Code { code, .. } => code.id.0,
            Self::Chain { chain, .. } => chain.id.0,
        })
    }
}

/// The rows that one statement locks, and that one takes, at most.
const ROWS: usize = 64;
const TAKEN: usize = 32;

#[derive(FromQueryResult)]
struct TakenCode {
    id: Vec<u8>,
    sealed: Vec<u8>,
}

#[derive(FromQueryResult)]
struct Standing {
    id: Vec<u8>,
    generation: i64,
    scope: String,
}

impl TenantStore<'_, Tx> {
    /// Takes for all of some claims; tells of each, by its place, whether it is won.
    pub(super) async fn take_all(&self, claims: &[&Claim]) -> Result<Vec<bool>> {
        let mut won = vec![false; claims.len()];
        let (mut codes, mut chains, mut held) = (Vec::new(), Vec::new(), Vec::new());
        for (at, claim) in claims.iter().enumerate() {
            match claim {
                Claim::Code { code, killers, now } => codes.push((at, code, killers.as_slice(), *now)),
                Claim::Chain { chain, step: Step::Hold, .. } => held.push((at, chain)),
                Claim::Chain { chain, step: Step::Use, now } => chains.push((at, chain, USED, *now)),
                Claim::Chain { chain, step: Step::Rotate, now } => chains.push((at, chain, ROTATED, *now)),
            }
        }
        for part in codes.chunks(ROWS) {
            self.take_codes(part, &mut won).await?;
        }
        for part in chains.chunks(ROWS) {
            self.take_chains(part, &mut won).await?;
        }
        for part in held.chunks(ROWS) {
            let standing = self.standing(part.iter().map(|(_, chain)| *chain), " FOR SHARE").await?;
            for (at, chain) in part {
                won[*at] = stands(&standing, chain);
            }
        }
        Ok(won)
    }

    /// Consumes codes.
    async fn take_codes(&self, claims: &[(usize, &Code, &[SelectorHash], Seconds)], won: &mut [bool]) -> Result<()> {
        let killers: HashSet<SelectorHash> = claims.iter().flat_map(|(_, _, killers, _)| *killers).copied().collect();
        let revoked = self.revocations_of(&killers.into_iter().collect::<Vec<_>>()).await?;
        let lives = |code: &Code, killers: &[SelectorHash]| {
            killers.iter().all(|killer| revoked.get(killer).is_none_or(|epoch| *epoch <= code.epoch))
        };
        let mut wanted: Vec<(usize, &Code)> = claims
            .iter()
            .filter(|(_, code, killers, _)| lives(code, killers))
            .map(|(at, code, ..)| (*at, *code))
            .collect();
        // Of two claims to one code as it stands, the first.
        let mut named = HashSet::new();
        wanted.retain(|(_, code)| named.insert((code.id.0, code.sealed.as_slice())));
        let Some(now) = claims.iter().map(|(.., now)| *now).min() else { return Ok(()) };
        let mut taken = HashSet::new();
        for part in wanted.chunks(TAKEN) {
            let ids = padded(part.iter().map(|(_, code)| code.id.0.to_vec()));
            let sealed = padded(part.iter().map(|(_, code)| code.sealed.clone()));
            let sql = match self.backend() {
                DbBackend::Postgres => each_code(ids.len()),
                _ => all_codes(ids.len()),
            };
            let rows: Vec<TakenCode> = self.all(&sql, values![now].into_iter().chain(ids).chain(sealed)).await?;
            taken.extend(rows.into_iter().map(|row| (row.id, row.sealed)));
        }
        for (at, code) in wanted {
            won[at] = taken.contains(&(code.id.0.to_vec(), code.sealed.clone()));
        }
        Ok(())
    }

    /// Takes chains a step further, each as the third of its claim says.
    async fn take_chains(&self, claims: &[(usize, &Chain, &str, Seconds)], won: &mut [bool]) -> Result<()> {
        let mut standing = self.standing(claims.iter().map(|(_, chain, ..)| *chain), " FOR UPDATE").await?;
        let mut steps: BTreeMap<(&str, Seconds), Vec<&Chain>> = BTreeMap::new();
        for (at, chain, step, now) in claims {
            won[*at] = stands(&standing, chain);
            if won[*at] {
                standing.remove(&chain.id.0);
                steps.entry((*step, *now)).or_default().push(chain);
            }
        }
        for ((step, now), chains) in steps {
            for part in chains.chunks(TAKEN) {
                let ids = padded(part.iter().map(|chain| chain.id.0.to_vec()));
                let sql = match self.backend() {
                    DbBackend::Postgres => each_chain(step, ids.len()),
                    _ => all_chains(step, ids.len()),
                };
                self.execute(&sql, values![now].into_iter().chain(ids)).await?;
            }
        }
        Ok(())
    }

    /// How chains stand, locked until the transaction ends.
    async fn standing(
        &self,
        chains: impl Iterator<Item = &Chain>,
        lock: &'static str,
    ) -> Result<HashMap<[u8; 16], (i64, String)>> {
        let ids = list(chains.map(|chain| Value::from(chain.id.0.to_vec())).collect());
        let from = self.keyed("refresh_token", ("id", KeyType::Bytes), ids.len(), lock);
        let sql = format!("SELECT c.id, c.generation, c.scope {from}");
        let rows: Vec<Standing> = self.all(&sql, ids).await?;
        rows.into_iter().map(|row| Ok((id16(&row.id)?, (row.generation, row.scope)))).collect()
    }
}

fn stands(standing: &HashMap<[u8; 16], (i64, String)>, chain: &Chain) -> bool {
    standing
        .get(&chain.id.0)
        .is_some_and(|(generation, scope)| *generation == chain.generation && *scope == chain.scope)
}

/// Consumes a code that is pending and carries what was read.
const TAKE_CODE: &str = "UPDATE authorization_code SET state = 1, used_at = $2
    WHERE tenant_id = $1 AND state = 0 AND +expires_at > $2";

/// All of some codes. What is sealed is another for every code, so that two lists do for pairs.
fn all_codes(count: usize) -> String {
    let (ids, sealed) = (placeholders(3, count), placeholders(3 + count, count));
    format!("{TAKE_CODE} AND id IN ({ids}) AND sealed IN ({sealed}) RETURNING id, sealed")
}

/// One statement of one statement for each, as PostgreSQL doesn't always find many by their keys ([`TenantStore::keyed`]).
fn each_code(count: usize) -> String {
    each(count, "id, sealed", |n| format!("{TAKE_CODE} AND id = ${} AND sealed = ${}", 3 + n, 3 + count + n))
}

/// What a use of the current token changes, and a rotation.
const USED: &str = "current_used = TRUE";
const ROTATED: &str = "generation = generation + 1, rotated_at = $2, current_used = FALSE";

fn take_chain(step: &str) -> String {
    format!(
        "UPDATE refresh_token SET {step}, used_at = $2, deadline = {} WHERE tenant_id = $1",
        deadline("expires_at", "max_idle", "$2")
    )
}

fn all_chains(step: &str, count: usize) -> String {
    format!("{} AND id IN ({}) RETURNING id", take_chain(step), placeholders(3, count))
}

fn each_chain(step: &str, count: usize) -> String {
    let take = take_chain(step);
    each(count, "id", |n| format!("{take} AND id = ${}", 3 + n))
}

/// `WITH t0 AS (… RETURNING id), t1 AS (… RETURNING id) … SELECT id FROM t0 UNION ALL SELECT id FROM t1 …`
fn each(count: usize, returned: &str, one: impl Fn(usize) -> String) -> String {
    let statements: Vec<String> = (0..count).map(|n| format!("t{n} AS ({} RETURNING {returned})", one(n))).collect();
    let answers: Vec<String> = (0..count).map(|n| format!("SELECT {returned} FROM t{n}")).collect();
    format!("WITH {} {}", statements.join(", "), answers.join(" UNION ALL "))
}

/// Ids and the like, up to a power of two of them, so that few statements are prepared: those added are nobody's.
fn padded(values: impl Iterator<Item = Vec<u8>>) -> Vec<Value> {
    let mut all: Vec<Value> = values.map(Value::from).collect();
    all.resize(all.len().next_power_of_two(), Value::from(Vec::<u8>::new()));
    all
}
