//! The black-box tests: one binary, since a second one would link the whole stack again.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on fails")]

mod architecture;
mod coherence;
mod examples;
mod http;
mod tenancy;
