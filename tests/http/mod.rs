//! The ground under every API: transport, the strict front end, words for early exits.

mod transport;
