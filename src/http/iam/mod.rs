//! Token management: `/access-tokens` and `/refresh-tokens`, also under `/iam/api`.

mod error;

pub use error::Iam;
