//! The ground under every API: transport, the strict front end, words for early exits.

mod front;
mod served;
mod transport;
