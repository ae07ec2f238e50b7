//! The routes of the dynamic path: documents and canonical JSON.

use crate::body::{is_of_type, read};
use crate::canonical::canonical;
use crate::documents::{Document, Put, Refused, Store, StoreLimits};
use crate::json::{DEPTH_MAX, Numbers, Refusal, VALUES_MAX, Value, parse, to_bytes};
use crate::json_patch::{Failure, Invalid, Patch, Reason};
use crate::merge_patch::merge;
use crate::preconditions::{ETag, Preconditions, Unmet};
use crate::problem::Problem;
use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use std::sync::Arc;

/// Where the documents are.
pub(crate) const DOCUMENTS: &str = "/v1/documents/";
/// The route of every document, as the router and the metrics name it.
pub(crate) const DOCUMENT: &str = "/v1/documents/{id}";
pub(crate) const CANONICALIZE: &str = "/v1/canonicalize";

const BODY_BYTES_MAX: usize = 256 * 1024;
const DOCUMENT_BYTES_MAX: usize = 256 * 1024;
const ID_BYTES_MAX: usize = 40;

const JSON: &str = "application/json";
const MERGE_PATCH: &str = "application/merge-patch+json";
const JSON_PATCH: &str = "application/json-patch+json";

/// The dynamic path's routes, with a store of their own.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(limits: StoreLimits) -> Router<S> {
    Router::new()
        .route(
            DOCUMENT,
            get(get_document)
                .put(put_document)
                .patch(patch_document)
                .delete(delete_document)
                .fallback(document_method_not_allowed),
        )
        .route(CANONICALIZE, post(canonicalize))
        .with_state(Arc::new(Store::new(limits)))
}

async fn get_document(
    DocumentId(id): DocumentId,
    If(preconditions): If,
    State(store): State<Arc<Store>>,
) -> Result<Response, Problem> {
    let document = store.get(&id).ok_or_else(missing)?;
    match preconditions.check(Some(&document.etag)) {
        Ok(()) => Ok(answer(StatusCode::OK, &document.etag, document.served())),
        Err(Unmet::IfNoneMatch) => {
            Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, document.etag.header())]).into_response())
        }
        Err(Unmet::IfMatch) => Err(unmet(Unmet::IfMatch)),
    }
}

async fn put_document(
    DocumentId(id): DocumentId,
    If(preconditions): If,
    State(store): State<Arc<Store>>,
    request: Request,
) -> Result<Response, Problem> {
    if !is_of_type(request.headers(), JSON) {
        return Err(Problem::unsupported_media_type("Send the document as application/json."));
    }
    let value = read_json(request.into_body(), Numbers::Any).await?;
    let served = to_bytes(&value);
    let document = Arc::new(Document::new(value, &served));
    let etag = document.etag.clone();
    let status = match store.put(&id, document, &preconditions)? {
        Put::Created => StatusCode::CREATED,
        Put::Replaced => StatusCode::OK,
    };
    Ok(answer(status, &etag, served))
}

/// What a PATCH asks for.
enum Change {
    Merge(Value),
    Operations(Patch),
}

async fn patch_document(
    DocumentId(id): DocumentId,
    If(preconditions): If,
    State(store): State<Arc<Store>>,
    request: Request,
) -> Result<Response, Problem> {
    let change = if is_of_type(request.headers(), MERGE_PATCH) {
        Change::Merge(read_json(request.into_body(), Numbers::Any).await?)
    } else if is_of_type(request.headers(), JSON_PATCH) {
        let patch = read_json(request.into_body(), Numbers::Any).await?;
        Change::Operations(Patch::from_value(patch)?)
    } else {
        return Err(Problem::unsupported_patch());
    };
    // Another change may win in between. As nothing waits in here, there are no more rivals than
    // threads, and one of them always gets on.
    loop {
        let current = store.get(&id).ok_or_else(missing)?;
        preconditions.check(Some(&current.etag)).map_err(unmet)?;
        let value = change.apply(current.value.clone())?;
        let served = within_limits(&value).map_err(Problem::limit_exceeded)?;
        let document = Arc::new(Document::new(value, &served));
        if store.swap(&id, &current, Arc::clone(&document))? {
            return Ok(answer(StatusCode::OK, &document.etag, served));
        }
    }
}

impl Change {
    fn apply(&self, document: Value) -> Result<Value, Failure> {
        match self {
            Self::Merge(patch) => Ok(merge(document, patch.clone())),
            Self::Operations(patch) => patch.apply(document),
        }
    }
}

/// The served form of a patch's result, or the name of the limit it exceeds.
fn within_limits(value: &Value) -> Result<Vec<u8>, &'static str> {
    if value.count() > VALUES_MAX {
        return Err("values");
    }
    if value.depth() > DEPTH_MAX {
        return Err("depth");
    }
    let served = to_bytes(value);
    if served.len() > DOCUMENT_BYTES_MAX {
        return Err("document-bytes");
    }
    Ok(served)
}

async fn delete_document(
    DocumentId(id): DocumentId,
    If(preconditions): If,
    State(store): State<Arc<Store>>,
) -> Result<StatusCode, Problem> {
    store.delete(&id, &preconditions)?;
    Ok(StatusCode::NO_CONTENT)
}

/// The router adds the `Allow` header.
async fn document_method_not_allowed(_: DocumentId) -> Problem {
    Problem::method_not_allowed()
}

async fn canonicalize(request: Request) -> Result<Response, Problem> {
    if !is_of_type(request.headers(), JSON) {
        return Err(Problem::unsupported_media_type("Send the text as application/json."));
    }
    let value = read_json(request.into_body(), Numbers::Doubles).await?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(JSON))], canonical(&value))
        .into_response())
}

fn answer(status: StatusCode, etag: &ETag, served: Vec<u8>) -> Response {
    let json = HeaderValue::from_static(JSON);
    (status, [(header::CONTENT_TYPE, json), (header::ETAG, etag.header())], served).into_response()
}

async fn read_json(body: Body, numbers: Numbers) -> Result<Value, Problem> {
    let body = read(body, BODY_BYTES_MAX).await?;
    Ok(parse(&body, numbers)?)
}

/// The id in the path, as it stands there: another spelling is another path.
struct DocumentId(Box<str>);

impl<S: Sync> FromRequestParts<S> for DocumentId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        document_id(parts.uri.path()).map(|id| Self(id.into())).ok_or_else(Problem::not_found)
    }
}

/// The id of the document at a path, if it is a document's path.
pub(crate) fn document_id(path: &str) -> Option<&str> {
    let id = path.strip_prefix(DOCUMENTS)?;
    let first = id.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    let rest = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    (first && rest && id.len() <= ID_BYTES_MAX).then_some(id)
}

/// The request's preconditions.
struct If(Preconditions);

impl<S: Sync> FromRequestParts<S> for If {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let headers: &HeaderMap = &parts.headers;
        Preconditions::of(headers).map(Self).map_err(|name| {
            Problem::invalid_precondition(format!("{name} is * or a list of quoted entity tags."))
        })
    }
}

fn missing() -> Problem {
    Problem::of_status(StatusCode::NOT_FOUND, "There is no such document.")
}

fn unmet(unmet: Unmet) -> Problem {
    let detail = match unmet {
        Unmet::IfMatch => "The document is not, or no longer, what If-Match asks for.",
        Unmet::IfNoneMatch => "The document is there, and If-None-Match asks that it is not.",
    };
    Problem::of_status(StatusCode::PRECONDITION_FAILED, detail)
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Missing => missing(),
            Refused::Unmet(which) => unmet(which),
            Refused::Full(limit) => Self::store_full(limit),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Malformed { position } => {
                let detail = format!("The body stops being JSON at byte {position}.");
                Self::malformed_json(detail).at(position)
            }
            Refusal::NotIJson { rule, position } => Self::not_i_json(rule).at(position),
            Refusal::Limit { limit, position } => Self::limit_exceeded(limit).at(position),
        }
    }
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        match invalid {
            Invalid::TooMany => Self::limit_exceeded("operations"),
            Invalid::At { pointer, detail } => Self::invalid_patch(pointer, detail),
        }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let problem = match failure.reason {
            Reason::NoPlace(pointer) => Self::patch_conflict(pointer),
            Reason::TestFailed(pointer) => Self::test_failed(pointer),
            Reason::Limit(limit) => Self::limit_exceeded(limit),
        };
        problem.in_operation(failure.operation)
    }
}
