//! The ground under every API: transport, the strict front end, which tenant a request is for, words for early exits.

mod descriptors;
mod front;
mod hostile;
mod ops;
mod resolution;
mod served;
mod slow;
mod traces;
mod transport;
