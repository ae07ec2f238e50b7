//! What is kept beside the records where several people share them: sessions, tokens for programs, keys
//! of creating requests, and a trail of what was done.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::StoreError;

/// How long a token holds after its owner signed in the last time. Nobody tells us who left the
/// organisation: they only never come again.
pub const OWNER_AWAY_MAX: SignedDuration = SignedDuration::from_hours(24 * 30);

/// What somebody may do; each may also do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// May read everything.
    Viewer,
    /// May also write records and review them.
    Author,
    /// May also accept and reject.
    Reviewer,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Author, Self::Reviewer];

    /// The role's id.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Author => "author",
            Self::Reviewer => "reviewer",
        }
    }

    /// The role with this id.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.id() == id)
    }
}

/// The SHA-256 of a secret: all that is kept of it.
pub type Key = [u8; 32];

/// Somebody known to the sign-in provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The provider's id for them, which never changes.
    pub subject: String,
    /// What they are called in the history of records.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

impl Person {
    /// Nobody known: what stands in the trail where nobody was signed in.
    #[must_use]
    pub const fn nobody() -> Self {
        Self { subject: String::new(), name: String::new(), role: Role::Viewer }
    }
}

/// A sign-in under way.
#[derive(Clone, PartialEq, Eq)]
pub struct Attempt {
    /// What the provider must put into its token.
    pub nonce: String,
    /// The secret whose digest the provider was given (PKCE, RFC 7636).
    pub verifier: String,
    /// Where to go afterwards: a path of ours.
    pub goal: String,
    /// When it is too late.
    pub until: Timestamp,
}

/// Somebody's stay.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// Who.
    pub person: Person,
    /// The provider's token, which it wants back when they sign out there too.
    pub id_token: String,
    /// Since when.
    pub begun: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

/// A token with which a program acts for somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its id, by which it is revoked.
    pub id: Uuid,
    /// For whom it acts, and what it may do.
    pub person: Person,
    /// What it is for, in its maker's words.
    pub label: String,
    /// Since when.
    pub made: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

/// A line of the trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// The provider's id for who did it; empty when nobody was signed in.
    pub subject: String,
    /// What they are called; empty when nobody was signed in.
    pub name: String,
    /// How they came in: `session`, `sign-in`, `token` with its id, or nothing.
    pub via: String,
    /// The method and the path.
    pub what: String,
    /// The answer's HTTP status.
    pub status: u16,
    /// The id under which the log speaks of the request.
    pub request: String,
}

/// A creating request that had a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Creating {
    /// The request's digest.
    pub request: Key,
    /// The id that its record has or is to have.
    pub record: Uuid,
    /// Until when the key is remembered.
    pub until: Timestamp,
}

/// Somebody who is let in just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    /// Who, and as what; somebody with two roles appears twice.
    pub person: Person,
    /// The sessions that go on.
    pub sessions: u64,
    /// The tokens that hold.
    pub tokens: u64,
}

/// A place where all that is kept. Times are the caller's.
#[async_trait]
pub trait Access: Send + Sync {
    /// Keeps a sign-in under way. Those that came too late are forgotten.
    async fn begin(&self, key: &Key, attempt: &Attempt, now: Timestamp) -> Result<(), StoreError>;

    /// Gives a sign-in under way, once.
    async fn finish(&self, key: &Key, now: Timestamp) -> Result<Option<Attempt>, StoreError>;

    /// Opens a session and ends the one that its browser had before. What else this person has open
    /// may do no more from now on than this session, and their tokens know that they were here.
    async fn enter(
        &self,
        key: &Key,
        session: &Session,
        before: Option<&Key>,
    ) -> Result<(), StoreError>;

    /// A session that goes on: not over, and not begun in what is still to come.
    async fn session(&self, key: &Key, now: Timestamp) -> Result<Option<Session>, StoreError>;

    /// Ends a session.
    async fn leave(&self, key: &Key) -> Result<(), StoreError>;

    /// Ends every session of somebody and revokes all their tokens; how many there were.
    async fn expel(&self, subject: &str) -> Result<u64, StoreError>;

    /// Keeps a new token.
    async fn make_token(&self, key: &Key, token: &Token) -> Result<(), StoreError>;

    /// A token that holds: not over, not made in what is still to come, and its owner was here within
    /// [`OWNER_AWAY_MAX`].
    async fn token(&self, key: &Key, now: Timestamp) -> Result<Option<Token>, StoreError>;

    /// Somebody's tokens that still hold, the newest first.
    async fn tokens_of(&self, subject: &str, now: Timestamp) -> Result<Vec<Token>, StoreError>;

    /// Revokes a token of somebody; whether there was one.
    async fn revoke_token(&self, id: Uuid, subject: &str) -> Result<bool, StoreError>;

    /// Who is let in just now, by name.
    async fn guests(&self, now: Timestamp) -> Result<Vec<Guest>, StoreError>;

    /// What a key of a creating request stands for.
    async fn creating(&self, key: &Key, now: Timestamp) -> Result<Option<Creating>, StoreError>;

    /// Keeps what a key stands for, unless it stands for something already; gives what it stands for.
    async fn claim(
        &self,
        key: &Key,
        new: &Creating,
        now: Timestamp,
    ) -> Result<Creating, StoreError>;

    /// Adds to the trail.
    async fn note(&self, step: &Step) -> Result<(), StoreError>;

    /// The newest lines of the trail, at most so many.
    async fn trail(&self, at_most: u32) -> Result<Vec<Step>, StoreError>;
}
