//! Signing in and out, one's own account, and the trail.

use askama::Template;
use assay_store::access::{Guest, Person, Role, Session, Step, Token};
use axum::{
    Extension, Form,
    extract::{Query, State},
    http::{HeaderMap, header},
    response::{AppendHeaders, Html, IntoResponse as _, Redirect, Response},
};
use jiff::SignedDuration;
use openidconnect::CsrfToken;
use serde::Deserialize;
use uuid::Uuid;

use super::{
    Caller, Noted, SESSION_COOKIE, Shared, TOKEN_PREFIX, caller, cookie, key, own_path,
    provider::SignInError,
};
use crate::{
    error::{Error, FieldError},
    state::{App, AppState},
};

/// The cookie of a sign-in under way, which ties it to its browser.
const ATTEMPT_COOKIE: &str = "__Host-assay-sign-in";
/// How long a session lasts, and thus a role that was taken away elsewhere.
const SESSION_MAX: SignedDuration = SignedDuration::from_hours(10);
/// How long a token lasts.
const TOKEN_MAX: SignedDuration = SignedDuration::from_hours(24 * 90);
/// How long a browser may take to come back.
const ATTEMPT_SECONDS: i64 = 600;
/// The longest label of a token, in characters, and the most tokens of one person.
const LABEL_CHARS_MAX: usize = 100;
const TOKENS_MAX: usize = 50;
/// The lines of the trail shown.
const TRAIL_LINES: u32 = 500;

fn shared(app: &AppState) -> Result<&Shared, Error> {
    app.shared.as_ref().ok_or(Error::NotFound)
}

/// A cookie for this host alone, out of reach of scripts and of other sites' requests.
fn set_cookie(name: &str, value: &str, seconds: i64) -> (header::HeaderName, String) {
    let cookie =
        format!("{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax");
    (header::SET_COOKIE, cookie)
}

#[derive(Deserialize)]
pub(crate) struct Begin {
    #[serde(default)]
    to: String,
}

/// `GET /sign-in`: off to the provider.
pub(crate) async fn begin(
    State(app): State<App>,
    Query(asked): Query<Begin>,
) -> Result<Response, Error> {
    let shared = shared(&app)?;
    if !shared.sign_ins.admits() {
        return Err(Error::TooMany);
    }
    let beginning = shared.provider.begin(own_path(&asked.to), app.now()).await?;
    shared.access.begin(&key(&beginning.state), &beginning.attempt, app.now()).await?;
    let cookie = set_cookie(ATTEMPT_COOKIE, &beginning.state, ATTEMPT_SECONDS);
    Ok((AppendHeaders([cookie]), Redirect::to(beginning.url.as_str())).into_response())
}

#[derive(Deserialize)]
pub(crate) struct Done {
    #[serde(default)]
    state: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    error: String,
}

/// `GET /sign-in/done`: back from the provider.
pub(crate) async fn done(
    State(app): State<App>,
    headers: HeaderMap,
    Query(answer): Query<Done>,
) -> Result<Response, Error> {
    let shared = shared(&app)?;
    let began_here = cookie(&headers, ATTEMPT_COOKIE).is_some_and(|state| state == answer.state);
    let attempt = match began_here {
        true => shared.access.finish(&key(&answer.state), app.now()).await?,
        false => None,
    };
    let attempt = attempt.ok_or(Error::SignInLost)?;
    if !answer.error.is_empty() {
        return Err(Error::SignInRefused);
    }
    let goal = attempt.goal.clone();
    let identity = shared.provider.finish(attempt, answer.code, app.now()).await?;
    let Some(role) = shared.roles.of(&identity.groups) else {
        // What they had from better days ends too.
        shared.access.expel(&identity.subject).await?;
        return Err(Error::NoRole);
    };
    let person = Person { subject: identity.subject, name: identity.name, role };
    let until = app.now() + SESSION_MAX;
    let session = Session { person, id_token: identity.id_token, begun: app.now(), until };
    let secret = CsrfToken::new_random_len(32).into_secret();
    let before = cookie(&headers, SESSION_COOKIE).map(key);
    shared.access.enter(&key(&secret), &session, before.as_ref()).await?;
    let cookies = [
        set_cookie(SESSION_COOKIE, &secret, SESSION_MAX.as_secs()),
        set_cookie(ATTEMPT_COOKIE, "", 0),
    ];
    let entered = Extension(session.person);
    Ok((entered, AppendHeaders(cookies), Redirect::to(own_path(&goal))).into_response())
}

#[derive(Template)]
#[template(path = "signed_out.html")]
struct SignedOut {
    /// Where to sign out at the provider too.
    provider: Option<String>,
}

/// `POST /sign-out`: the session ends here; the page leads to the provider's own sign-out.
pub(crate) async fn sign_out(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let shared = shared(&app)?;
    let mut provider = None;
    if let Some(key) = cookie(&headers, SESSION_COOKIE).map(key) {
        if let Some(session) = shared.access.session(&key, app.now()).await? {
            provider = shared.provider.sign_out(&session.id_token).await;
        }
        shared.access.leave(&key).await?;
    }
    let page = SignedOut { provider: provider.map(|url| url.to_string()) };
    let cookie = set_cookie(SESSION_COOKIE, "", 0);
    Ok((AppendHeaders([cookie]), Html(page.render()?)).into_response())
}

#[derive(Template)]
#[template(path = "account.html")]
struct Account {
    caller: Caller,
    tokens: Vec<Token>,
    /// A token just made, shown this once.
    made: Option<String>,
    problem: Option<FieldError>,
    is_reviewer: bool,
}

async fn account_page(
    app: &App,
    made: Option<String>,
    problem: Option<FieldError>,
) -> Result<Response, Error> {
    let shared = shared(app)?;
    let caller = caller().ok_or(Error::SignedOut)?;
    let tokens = shared.access.tokens_of(&caller.person.subject, app.now()).await?;
    let is_reviewer = caller.person.role >= Role::Reviewer;
    let status = match problem {
        Some(_) => axum::http::StatusCode::UNPROCESSABLE_ENTITY,
        None => axum::http::StatusCode::OK,
    };
    let page = Account { caller, tokens, made, problem, is_reviewer };
    Ok((status, Html(page.render()?)).into_response())
}

/// `GET /account`: who is signed in, and their tokens.
pub(crate) async fn account(State(app): State<App>) -> Result<Response, Error> {
    account_page(&app, None, None).await
}

#[derive(Deserialize)]
pub(crate) struct Change {
    what: String,
    #[serde(default)]
    label: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    token: String,
}

/// `POST /account`: makes or revokes a token, or ends every session and token of one's own. Only a
/// session may: a token cannot make another that outlives it.
pub(crate) async fn change(
    State(app): State<App>,
    Form(change): Form<Change>,
) -> Result<Response, Error> {
    let shared = shared(&app)?;
    let caller = caller().filter(|caller| caller.session.is_some()).ok_or(Error::SignedOut)?;
    let person = caller.person;
    match change.what.as_str() {
        "make" => match made(&app, shared, &person, &change).await? {
            Ok((id, secret)) => {
                let noted = Extension(Noted(format!("made token {id}")));
                Ok((noted, account_page(&app, Some(secret), None).await?).into_response())
            }
            Err(problem) => account_page(&app, None, Some(problem)).await,
        },
        "revoke" => {
            if let Ok(id) = Uuid::try_parse(&change.token) {
                shared.access.revoke_token(id, &person.subject).await?;
            }
            let noted = Extension(Noted(format!("revoked token {:?}", change.token)));
            Ok((noted, Redirect::to("/account")).into_response())
        }
        "expel" => {
            shared.access.expel(&person.subject).await?;
            let noted = Extension(Noted("ended all".to_owned()));
            Ok((noted, Redirect::to("/")).into_response())
        }
        _ => Err(Error::Malformed {
            message: "the form asks for something that this page does not do".to_owned(),
            errors: Vec::new(),
        }),
    }
}

/// A token just made, with its id, or why none was.
async fn made(
    app: &App,
    shared: &Shared,
    person: &Person,
    change: &Change,
) -> Result<Result<(Uuid, String), FieldError>, Error> {
    let problem = |field: &str, message: &str, allowed: &str| {
        Ok(Err(FieldError {
            field: field.to_owned(),
            message: message.to_owned(),
            allowed: allowed.to_owned(),
            line: None,
            column: None,
        }))
    };
    let label = change.label.trim();
    let fits = !label.is_empty()
        && label.chars().count() <= LABEL_CHARS_MAX
        && !label.chars().any(char::is_control);
    if !fits {
        return problem("label", "say what the token is for", "a line of up to 100 characters");
    }
    let Some(role) = Role::from_id(&change.role).filter(|role| *role <= person.role) else {
        return problem("role", "a token may do no more than you", "a role up to your own");
    };
    if shared.access.tokens_of(&person.subject, app.now()).await?.len() >= TOKENS_MAX {
        return problem("label", "you have 50 tokens; revoke one first", "");
    }
    let secret = format!("{TOKEN_PREFIX}{}", CsrfToken::new_random_len(32).into_secret());
    let token = Token {
        id: app.new_id(),
        person: Person { role, ..person.clone() },
        label: label.to_owned(),
        made: app.now(),
        until: app.now() + TOKEN_MAX,
    };
    shared.access.make_token(&key(&secret), &token).await?;
    Ok(Ok((token.id, secret)))
}

#[derive(Template)]
#[template(path = "people.html")]
struct People {
    guests: Vec<Guest>,
}

/// `GET /people`: who is let in just now.
pub(crate) async fn people(State(app): State<App>) -> Result<Response, Error> {
    let guests = shared(&app)?.access.guests(app.now()).await?;
    Ok(Html(People { guests }.render()?).into_response())
}

#[derive(Deserialize)]
pub(crate) struct Expelled {
    subject: String,
}

/// `POST /people`: ends every session of somebody and revokes all their tokens. Whether they may sign
/// in again, the provider says.
pub(crate) async fn expel(
    State(app): State<App>,
    Form(expelled): Form<Expelled>,
) -> Result<Response, Error> {
    let subject = expelled.subject;
    // Nobody is called otherwise, and the database takes no zero bytes.
    if !subject.chars().any(char::is_control) {
        shared(&app)?.access.expel(&subject).await?;
    }
    let noted = Extension(Noted(format!("ended what {subject:?} had")));
    Ok((noted, Redirect::to("/people")).into_response())
}

#[derive(Template)]
#[template(path = "trail.html")]
struct Trail {
    steps: Vec<Step>,
}

/// `GET /trail`: what was done of late, and what was refused.
pub(crate) async fn trail(State(app): State<App>) -> Result<Response, Error> {
    let steps = shared(&app)?.access.trail(TRAIL_LINES).await?;
    Ok(Html(Trail { steps }.render()?).into_response())
}

impl From<SignInError> for Error {
    fn from(error: SignInError) -> Self {
        Self::SignIn(error)
    }
}
