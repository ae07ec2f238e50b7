//! Who may use which address. What is not named needs a viewer to read and an author to write.

use assay_store::access::Role;
use axum::http::Method;

/// What an address asks of whoever comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing, or something of its own that it checks itself.
    Nothing,
    /// Somebody with this role at least.
    Role(Role),
}

/// The addresses that ask for something else than their method says.
const EXCEPTIONS: &[(&str, &str, Need)] = &[
    // What a browser needs before anybody is signed in, and what watches the program.
    ("GET", "/sign-in", Need::Nothing),
    ("GET", "/sign-in/done", Need::Nothing),
    ("POST", "/sign-out", Need::Nothing),
    ("GET", "/static/{version}/{*name}", Need::Nothing),
    ("GET", "/healthz", Need::Nothing),
    ("GET", "/readyz", Need::Nothing),
    // Alertmanager shows a token of its own.
    ("POST", "/hooks/alertmanager", Need::Nothing),
    // These reckon and keep nothing.
    ("POST", "/api/v1/score", Need::Role(Role::Viewer)),
    ("POST", "/api/v1/cost", Need::Role(Role::Viewer)),
    ("POST", "/api/v1/model/trial", Need::Role(Role::Viewer)),
    ("POST", "/model", Need::Role(Role::Viewer)),
    // One's own tokens and sessions.
    ("POST", "/account", Need::Role(Role::Viewer)),
    // Who is in, and what was done.
    ("GET", "/people", Need::Role(Role::Reviewer)),
    ("POST", "/people", Need::Role(Role::Reviewer)),
    ("GET", "/trail", Need::Role(Role::Reviewer)),
];

/// What a method at an address of the table asks; none is an address that is not in the table.
#[must_use]
pub fn need(method: &Method, route: Option<&str>) -> Need {
    // HEAD answers what GET would.
    let asked = if *method == Method::HEAD { "GET" } else { method.as_str() };
    let exception =
        EXCEPTIONS.iter().find(|(method, path, _)| *method == asked && route == Some(*path));
    match exception {
        Some((.., need)) => *need,
        None if asked == "GET" => Need::Role(Role::Viewer),
        None => Need::Role(Role::Author),
    }
}
