//! What things are: pure types and rules, no I/O, nothing of ours imported.

pub mod audit;
pub mod authorization;
pub mod client;
pub mod clock;
pub mod coherence;
pub mod error;
pub mod number;
pub mod oauth;
pub mod pkce;
pub mod posted;
pub mod scope;
pub mod selector;
pub mod tenant;
pub mod token;
pub mod user;

pub use authorization::{
    Authorization, AuthorizationId, AuthorizationKey, AuthorizationView, CodeExtras, Encoding, Posted, RefreshShown,
    SubjectType, TermDefaults, Terms,
};
pub use client::{Client, ClientSecret, OldSecret, Registration};
pub use clock::{Clock, NEVER, Seconds};
pub use error::{ClientFault, Error, Forbidden, GrantFault, Kind, Result};
pub use oauth::{AuthMethod, GrantType};
pub use selector::{Epoch, Selector, Target, Thing};
pub use tenant::{TenantId, Tid};
pub use token::{
    AccessToken, Chain, ChainId, Code, CodeId, CodeState, Grant, GrantId, KeyMark, Snapshot, TokenKind, TokenNumber,
};
pub use user::User;
