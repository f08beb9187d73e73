//! The black-box tests: one binary, since a second one would link the whole stack again.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on fails")]
#![expect(clippy::format_collect, reason = "what is made once may be made slowly")]

mod harness;

mod access;
mod architecture;
mod authlete;
mod authz_store;
mod coherence;
mod examples;
mod http;
mod iam;
mod oauth;
mod openapi;
mod peers;
mod platform;
mod replicas;
mod secrets;
mod tenancy;
mod writer;
