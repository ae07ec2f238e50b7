//! Shared mode: who may come in, and what they may do.
//!
//! A browser signs in at the organisation's provider and gets a session; a program shows a token. The
//! middleware [`admit`] stands before every address and asks [`policy`] what it takes; what is done is
//! noted in the trail. Without [`Shared`] the program is one person's on their own machine.

pub mod pages;
pub mod policy;
pub mod provider;
mod rate;
mod reviewed;
mod typed;

use std::sync::Arc;

use assay_store::{
    StoreError,
    access::{Access, Key, Person, Role, Step},
};
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::{IntoResponse as _, Redirect, Response},
};
use sha2::{Digest as _, Sha256};
use tower_http::request_id::RequestId;
use url::{Url, form_urlencoded};

use crate::{error::Error, state::App};
use policy::Need;
use provider::Provider;
pub use rate::Rate;
pub use reviewed::Reviewed;

/// The cookie of a session. A browser takes it only over TLS (or from itself), for this host alone.
pub const SESSION_COOKIE: &str = "__Host-assay";
/// How a token begins, so that people and scanners know one when they see it.
const TOKEN_PREFIX: &str = "assay_";
/// The longest path that a sign-in returns to.
const GOAL_BYTES_MAX: usize = 2048;
/// The most of a path that the trail keeps, in characters.
const TRAIL_CHARS_MAX: usize = 300;

tokio::task_local! {
    /// Who asks, while their request is answered.
    static CALLER: Caller;
}

/// What shared mode needs.
pub struct Shared {
    /// Where people sign in.
    pub provider: Provider,
    /// What is kept of who may come in.
    pub access: Arc<dyn Access>,
    /// The address that people know assay by.
    pub public: Url,
    /// Who gets which role.
    pub roles: Roles,
    /// How fast people may begin to sign in here.
    pub sign_ins: Rate,
    /// How fast refusals of nobody known enter the trail: a flood of them would fill the disk.
    pub strangers: Rate,
}

/// Who asks, and how they came in.
#[derive(Clone)]
pub struct Caller {
    /// Who.
    pub person: Person,
    /// Their session's key, when they came with one.
    pub session: Option<Key>,
    via: String,
}

impl Caller {
    fn new(person: Person, via: impl Into<String>) -> Self {
        Self { person, session: None, via: via.into() }
    }
}

/// What a handler adds to the line of the trail about its request.
#[derive(Clone)]
struct Noted(String);

/// Which values of the provider's claim give which role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roles(Vec<(Role, String)>);

impl Roles {
    /// Reads `reviewer=architects,author=engineers,viewer=*`; a role may be named again, and `*` is
    /// everybody who can sign in.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let pair = |part: &str| {
            let (role, value) = part.split_once('=').ok_or("write ROLE=VALUE,ROLE=VALUE")?;
            let role = Role::from_id(role.trim()).ok_or("a role is viewer, author or reviewer")?;
            match value.trim() {
                "" => Err("a role needs a value of the claim behind its ="),
                value => Ok((role, value.to_owned())),
            }
        };
        let pairs: Result<Vec<_>, &str> = text.split(',').map(pair).collect();
        Ok(Self(pairs?))
    }

    /// The greatest role that these values give; none when they give none.
    #[must_use]
    pub fn of(&self, groups: &[String]) -> Option<Role> {
        let given = self.0.iter().filter(|(_, value)| value == "*" || groups.contains(value));
        given.map(|(role, _)| *role).max()
    }
}

/// What is kept of a secret.
#[must_use]
pub fn key(secret: &str) -> Key {
    Sha256::digest(secret.as_bytes()).into()
}

/// Who asks; none in local mode and for who is not signed in.
#[must_use]
pub fn caller() -> Option<Caller> {
    CALLER.try_with(Caller::clone).ok()
}

/// What the signed-in person is called, for the pages' head.
#[must_use]
pub fn signed_in() -> Option<String> {
    caller().map(|caller| caller.person.name)
}

/// Middleware: lets in who may, and notes what was done.
pub(crate) async fn admit(State(app): State<App>, request: Request, next: Next) -> Response {
    let Some(shared) = &app.shared else {
        return next.run(request).await;
    };
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let route = request.extensions().get::<MatchedPath>().map(|it| it.as_str().to_owned());
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok());
    let id = id.unwrap_or_default().to_owned();
    let need = policy::need(&method, route.as_deref());
    let caller = match found(shared, request.headers(), &app).await {
        Ok(caller) => caller,
        Err(error) => return Error::from(error).into_response(),
    };
    let goal = goal(&request);
    let answer = match (need, &caller) {
        (Need::Nothing, Some(caller)) => CALLER.scope(caller.clone(), next.run(request)).await,
        (Need::Nothing, None) => next.run(request).await,
        (Need::Role(role), Some(caller)) if caller.person.role >= role => {
            CALLER.scope(caller.clone(), next.run(request)).await
        }
        (Need::Role(role), Some(_)) => Error::Forbidden(role).into_response(),
        (Need::Role(_), None) if is_page(&method, &path) => {
            let to: String = form_urlencoded::byte_serialize(goal.as_bytes()).collect();
            Redirect::to(&format!("/sign-in?to={to}")).into_response()
        }
        (Need::Role(_), None) if !is_machine(&path) && typed::is_form(&request) => {
            typed::give_back(goal, request).await
        }
        (Need::Role(_), None) => Error::SignedOut.into_response(),
    };
    let more = answer.extensions().get().map_or_else(String::new, |Noted(more)| format!(" {more}"));
    // Whoever has just signed in.
    let entered = answer.extensions().get::<Person>().cloned();
    let refused = matches!(answer.status().as_u16(), 401 | 403);
    let writes = !matches!(method, Method::GET | Method::HEAD);
    let who = caller.or(entered.map(|person| Caller::new(person, "sign-in")));
    let changes = writes && need != Need::Role(Role::Viewer);
    let tells = refused || changes || !more.is_empty() || path == "/sign-in/done";
    if tells && (who.is_some() || shared.strangers.admits()) {
        let (person, via) = match who {
            Some(who) => (who.person, who.via),
            None => (Person::nobody(), String::new()),
        };
        let step = Step {
            at: app.now(),
            subject: person.subject,
            name: person.name,
            via,
            what: format!("{method} {path}{more}").chars().take(TRAIL_CHARS_MAX).collect(),
            status: answer.status().as_u16(),
            request: id,
        };
        if let Err(error) = shared.access.note(&step).await {
            tracing::error!(%error, what = step.what, "the trail cannot be written");
        }
    }
    answer
}

/// Whether somebody at a browser asks for a page.
fn is_page(method: &Method, path: &str) -> bool {
    *method == Method::GET && !is_machine(path)
}

/// Whether programs ask here.
fn is_machine(path: &str) -> bool {
    ["/api/", "/feeds/", "/metrics"].iter().any(|part| path.starts_with(part))
}

/// Where to go on after signing in: a path of ours with its query.
fn goal(request: &Request) -> String {
    let asked = request.uri().path_and_query().map_or("/", |it| it.as_str());
    asked.to_owned()
}

/// A path that was asked for, if it is one of ours; else the overview.
#[must_use]
pub fn own_path(path: &str) -> &str {
    let ours = path.starts_with('/')
        && !path.starts_with("//")
        && path.len() <= GOAL_BYTES_MAX
        && !path.contains('\\')
        && path.chars().all(|c| c.is_ascii_graphic());
    if ours { path } else { "/" }
}

/// Who a request comes from, by its token or its session.
async fn found(
    shared: &Shared,
    headers: &HeaderMap,
    app: &App,
) -> Result<Option<Caller>, StoreError> {
    if let Some(token) = bearer(headers).filter(|token| token.starts_with(TOKEN_PREFIX)) {
        let token = shared.access.token(&key(token), app.now()).await?;
        return Ok(token.map(|token| Caller::new(token.person, format!("token {}", token.id))));
    }
    let Some(secret) = cookie(headers, SESSION_COOKIE) else {
        return Ok(None);
    };
    let key = key(secret);
    let session = shared.access.session(&key, app.now()).await?;
    let caller = |person| Caller { session: Some(key), ..Caller::new(person, "session") };
    Ok(session.map(|session| caller(session.person)))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The value of a cookie that a request brings.
#[must_use]
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(';'))
        .filter_map(|part| part.trim().split_once('='))
        .find_map(|(known, value)| (known == name).then_some(value))
}
