//! The one place that turns errors into responses.
//!
//! A handler returns an [`Error`]; its [`IntoResponse`] attaches an [`Explained`] to the response,
//! which the middleware in `http/present.rs` dresses for the asker.

use std::{error::Error as StdError, fmt::Write as _};

use assay_advice::{Problem, line_column};
use assay_store::{StoreError, Stored, access::Role};
use axum::{
    extract::rejection::BytesRejection,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use tokio::task::JoinError;

use crate::access::provider::SignInError;

/// Everything a request can fail with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No page or resource has this address.
    #[error("nothing is at this address")]
    NotFound,
    /// No record has this id.
    #[error("no record has the id {0:?}")]
    NoSuchRecord(String),
    /// No measurement run has this name.
    #[error("no run is called {run:?}")]
    NoSuchRun {
        /// The name asked for.
        run: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// No precedent has this id.
    #[error("no precedent has the id {0:?}")]
    NoSuchPrecedent(String),
    /// The request cannot be read at all, for example broken JSON.
    #[error("{message}")]
    Malformed {
        /// What cannot be read.
        message: String,
        /// Where, if known.
        errors: Vec<FieldError>,
    },
    /// The request can be read but asks for something that is not allowed.
    #[error("{message}")]
    Invalid {
        /// What is wrong as a whole.
        message: String,
        /// Each fault.
        errors: Vec<FieldError>,
    },
    /// The body has a kind that this address does not read.
    #[error("the content type {got:?} is not read here")]
    UnsupportedMediaType {
        /// The content type sent; empty when none was.
        got: String,
        /// What is read.
        allowed: &'static str,
    },
    /// The body is larger than the limit.
    #[error("the request is larger than {} KiB", crate::http::BODY_BYTES_MAX / 1024)]
    TooLarge,
    /// An edit came without the version that it edits.
    #[error("the edit does not say which version it changes")]
    PreconditionRequired,
    /// Somebody else changed the record in between.
    #[error("the record was changed in between")]
    Conflict {
        /// The record as it is now.
        theirs: Box<Stored>,
        /// The text that was refused.
        yours: String,
    },
    /// The text to be signed is no longer the one that was read.
    #[error("the record's text was changed since it was read")]
    TextChanged {
        /// The record as it is now.
        theirs: Box<Stored>,
    },
    /// The same idempotency key came with another request.
    #[error("this idempotency key was used for a different request")]
    KeyReused,
    /// The request shows no token, or a wrong one.
    #[error("the token is missing or wrong")]
    Unauthorized,
    /// Nobody is signed in, and the address is not for everybody.
    #[error("nobody is signed in")]
    SignedOut,
    /// Whoever is signed in may not do this.
    #[error("this needs the role {}", .0.id())]
    Forbidden(Role),
    /// Somebody comes back from the sign-in provider too late, twice, or in another browser.
    #[error("this sign-in is over")]
    SignInLost,
    /// Too many begin to sign in at once.
    #[error("too many people sign in at this moment")]
    TooMany,
    /// The sign-in provider did not let somebody in.
    #[error("the sign-in provider did not sign you in")]
    SignInRefused,
    /// The sign-in provider knows somebody who has no role here.
    #[error("you are known to your organisation, and have no role in assay")]
    NoRole,
    /// The sign-in provider fails.
    #[error(transparent)]
    SignIn(SignInError),
    /// The request is refused for the safety of the person at the browser.
    #[error("{0}")]
    Refused(&'static str),
    /// The store refuses or fails.
    #[error(transparent)]
    Store(StoreError),
    /// A fault of the program or the machine.
    #[error("internal error")]
    Internal(#[source] Box<dyn StdError + Send + Sync>),
}

/// One fault of an input, as problem details carry it and pages show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// The key or question id concerned, for example `answers.owners`.
    pub field: String,
    /// What is wrong, naming the offending value.
    pub message: String,
    /// What is allowed instead; may be empty.
    pub allowed: String,
    /// Line in the text sent, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Column in the text sent, from 1, in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

impl FieldError {
    /// A problem and where it is in `text`.
    #[must_use]
    pub fn new(problem: &Problem, text: Option<&str>) -> Self {
        let place =
            problem.span.as_ref().and_then(|span| text.map(|text| line_column(text, span.start)));
        Self {
            field: problem.field.clone(),
            message: problem.message.clone(),
            allowed: problem.help.trim_start_matches("allowed: ").to_owned(),
            line: place.map(|(line, _)| line),
            column: place.map(|(_, column)| column),
        }
    }

    /// All problems of a text.
    #[must_use]
    pub fn all(problems: &[Problem], text: Option<&str>) -> Vec<Self> {
        problems.iter().map(|problem| Self::new(problem, text)).collect()
    }
}

/// Both versions of a record that two people changed at once.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Versions {
    /// The entity tag of the record as it is now.
    pub etag: String,
    /// Its text.
    pub theirs: String,
    /// The text that was refused.
    pub yours: String,
}

/// An error in words for people, attached to a response until it is dressed.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The response's status.
    pub status: StatusCode,
    /// A few words.
    pub title: &'static str,
    /// A sentence or two: what happened and what to do.
    pub message: String,
    /// Each fault of the input.
    pub errors: Vec<FieldError>,
    /// Both versions after a conflict.
    pub versions: Option<Versions>,
    /// What is logged and never shown.
    pub(crate) cause: Option<String>,
}

impl Explained {
    fn new(status: StatusCode, title: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            title,
            message: message.into(),
            errors: Vec::new(),
            versions: None,
            cause: None,
        }
    }

    /// What the store says is written for people; only its faults are logged as well.
    fn of_store(error: &StoreError) -> Self {
        let message = sentence(&error.to_string());
        match error {
            StoreError::NotFound(id) => Self::of(&Error::NoSuchRecord(id.to_string())),
            StoreError::Conflict { theirs, yours } => {
                Self::of(&Error::Conflict { theirs: theirs.clone(), yours: yours.clone() })
            }
            StoreError::Invalid { problems } => {
                Self::of(&Error::Invalid { message, errors: FieldError::all(problems, None) })
            }
            StoreError::IdTaken(_) => {
                Self::new(StatusCode::CONFLICT, "This record is already kept", message)
            }
            StoreError::Damaged(file) => Self::new(
                StatusCode::CONFLICT,
                "This record's file needs mending",
                format!("{} is left as it is; mend it in an editor.", file.file_name),
            )
            .with_errors(FieldError::all(&file.problems, file.text.as_deref())),
            StoreError::StillReading(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "The records are being read", message)
            }
            StoreError::DiskFull { .. } => Self {
                cause: Some(message.clone()),
                ..Self::new(StatusCode::INSUFFICIENT_STORAGE, "The disk is full", message)
            },
            StoreError::NeedsReviewer => Self::of(&Error::Forbidden(Role::Reviewer)),
            // Where the database is, is not for everybody who may ask.
            StoreError::Unreachable { .. } => Self {
                cause: Some(message),
                ..Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "The records cannot be reached just now",
                    "The database does not answer. What was confirmed as saved is safe; try again in \
                     a moment, and look whether a change that was not confirmed is there.",
                )
            },
            StoreError::Database { .. } | StoreError::BadAddress(_) => Self::internal(message),
            StoreError::Unreadable { .. }
            | StoreError::Unwritable { .. }
            | StoreError::Index { .. } => Self {
                cause: Some(message.clone()),
                ..Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "The records cannot be reached",
                    message,
                )
            },
        }
    }

    fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    fn internal(cause: String) -> Self {
        Self {
            cause: Some(cause),
            ..Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "Something went wrong here",
                "The fault is in assay or its machine, not in what you did. Nothing that was \
                 confirmed as saved is lost. The log has the details under the id below.",
            )
        }
    }

    /// For a bare status that a library answered with.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::of(&Error::NotFound),
            StatusCode::METHOD_NOT_ALLOWED => Self::new(
                status,
                "This address does not do that",
                "The address exists, but not for this method.",
            ),
            StatusCode::PAYLOAD_TOO_LARGE => Self::of(&Error::TooLarge),
            StatusCode::SERVICE_UNAVAILABLE => Self::new(
                status,
                "That took too long",
                "The request was given up. Nothing was confirmed as saved; try again.",
            ),
            _ if status.is_server_error() => Self::internal(status.to_string()),
            _ => Self::new(
                status,
                "The request could not be read",
                status.canonical_reason().unwrap_or("The request is not well formed."),
            ),
        }
    }

    /// The words for an error.
    #[must_use]
    pub fn of(error: &Error) -> Self {
        let message = sentence(&error.to_string());
        match error {
            Error::NotFound => Self::new(
                StatusCode::NOT_FOUND,
                "There is nothing here",
                "No page has this address. The navigation above leads to everything there is.",
            ),
            Error::NoSuchRecord(_) => Self::new(
                StatusCode::NOT_FOUND,
                "There is no such record",
                format!("{message} It may have been deleted or renamed in the folder."),
            ),
            Error::NoSuchPrecedent(_) => Self::new(
                StatusCode::NOT_FOUND,
                "There is no such precedent",
                format!("{message} They are listed under Precedents."),
            ),
            Error::NoSuchRun { known, .. } if known.is_empty() => Self::new(
                StatusCode::NOT_FOUND,
                "There is no such run",
                format!("{message} None is known."),
            ),
            Error::NoSuchRun { known, .. } => Self::new(
                StatusCode::NOT_FOUND,
                "There is no such run",
                format!("{message} There are: {}.", known.join(", ")),
            ),
            Error::Malformed { errors, .. } => {
                Self::new(StatusCode::BAD_REQUEST, "The request could not be read", message)
                    .with_errors(errors.clone())
            }
            Error::Invalid { errors, .. } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Some of this is not allowed", message)
                    .with_errors(errors.clone())
            }
            Error::UnsupportedMediaType { allowed, .. } => Self::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "This kind of content is not read here",
                format!("{message} Send {allowed}."),
            ),
            Error::TooLarge => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "That is too large", message)
            }
            Error::PreconditionRequired => Self::new(
                StatusCode::PRECONDITION_REQUIRED,
                "Say which version you are changing",
                "Send the ETag of the version that you read as If-Match, so that nobody's change \
                 is overwritten.",
            ),
            Error::Conflict { theirs, yours } => Self {
                versions: Some(Versions {
                    etag: crate::api::etag(&theirs.hash),
                    theirs: theirs.text.clone(),
                    yours: yours.clone(),
                }),
                ..Self::new(
                    StatusCode::PRECONDITION_FAILED,
                    "Somebody else changed this record",
                    "Nothing was saved. Both versions are here: merge them and send the result \
                     with the new ETag.",
                )
            },
            Error::TextChanged { theirs } => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "The text changed since you read it",
                format!(
                    "Nothing was signed. Read {} again as it is now, and review that.",
                    theirs.file_name
                ),
            ),
            Error::KeyReused => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "This key was used before",
                format!("{message} Use a new Idempotency-Key for a new record."),
            ),
            Error::Unauthorized => Self::new(
                StatusCode::UNAUTHORIZED,
                "This needs its token",
                "Send the header Authorization: Bearer TOKEN, with the token that assay was started \
                 with.",
            ),
            Error::Refused(_) => {
                Self::new(StatusCode::FORBIDDEN, "This request is refused", message)
            }
            Error::SignedOut => Self::new(
                StatusCode::UNAUTHORIZED,
                "Sign in first",
                "Open assay in the browser and sign in; a program sends Authorization: Bearer TOKEN, \
                 with a token made under Account.",
            ),
            Error::Forbidden(role) => Self::new(
                StatusCode::FORBIDDEN,
                "You may not do this",
                format!(
                    "It needs the role {}. Ask whoever gives roles in your organisation.",
                    role.id()
                ),
            ),
            Error::SignInLost => Self::new(
                StatusCode::BAD_REQUEST,
                "This sign-in is over",
                "It took too long, was answered before, or began in another browser. Open assay and \
                 sign in again.",
            ),
            Error::TooMany => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "Too many sign in at this moment",
                "Wait a second and try again.",
            ),
            Error::SignInRefused => Self::new(
                StatusCode::FORBIDDEN,
                "You were not signed in",
                "Your organisation's sign-in said no. Open assay to try again.",
            ),
            Error::NoRole => Self::new(
                StatusCode::FORBIDDEN,
                "You have no role here",
                format!("{message} Ask whoever gives roles in your organisation."),
            ),
            Error::SignIn(error) => Self {
                cause: Some(message),
                ..match error {
                    SignInError::Unreachable(_) => Self::new(
                        StatusCode::SERVICE_UNAVAILABLE,
                        "Nobody can sign in just now",
                        "The sign-in provider does not answer. Try again in a moment.",
                    ),
                    SignInError::Untrusted(_) => Self::new(
                        StatusCode::BAD_GATEWAY,
                        "The sign-in failed",
                        "The sign-in provider's answer does not hold. Open assay to try again.",
                    ),
                }
            },
            Error::Store(error) => Self::of_store(error),
            Error::Internal(source) => Self::internal(chain(source.as_ref())),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict { theirs, yours } => Self::Conflict { theirs, yours },
            other => Self::Store(other),
        }
    }
}

/// A body that could not be taken in: too large, or the connection broke.
impl From<BytesRejection> for Error {
    fn from(rejection: BytesRejection) -> Self {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Self::TooLarge
        } else {
            Self::Malformed { message: rejection.body_text(), errors: Vec::new() }
        }
    }
}

/// A template that could not be rendered.
impl From<askama::Error> for Error {
    fn from(error: askama::Error) -> Self {
        Self::Internal(Box::new(error))
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let explained = Explained::of(&self);
        let mut response = explained.status.into_response();
        if explained.status == StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
        }
        response.extensions_mut().insert(explained);
        response
    }
}

/// Work on another thread that did not end well.
impl From<JoinError> for Error {
    fn from(error: JoinError) -> Self {
        Self::Internal(Box::new(error))
    }
}

/// An error with the errors that caused it, in one line.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // Writing to a String cannot fail.
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}

/// An error's message as a sentence.
pub(crate) fn sentence(message: &str) -> String {
    let mut characters = message.chars();
    let mut text = match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect::<String>(),
        None => return String::new(),
    };
    if !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
    text
}
