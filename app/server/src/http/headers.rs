//! The protective headers of every response.

use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};

/// What a page may load and where it may send: nothing but its own origin, and nothing inline.
const CONTENT_SECURITY_POLICY: &str = concat!(
    // Whatever is not named below is forbidden: frames, objects, workers, media, fonts.
    "default-src 'none'; ",
    // Scripts only from /static; no inline script, no eval.
    "script-src 'self'; ",
    // Styles only from /static; no style attributes or elements.
    "style-src 'self'; ",
    // Icons and plots that are files.
    "img-src 'self'; ",
    // Live scoring calls the JSON API of the same origin.
    "connect-src 'self'; ",
    // Forms go nowhere else.
    "form-action 'self'; ",
    // No page can change what its relative links mean.
    "base-uri 'none'; ",
    // No other site may show a page of ours in a frame and steal clicks.
    "frame-ancestors 'none'",
);

/// The headers set on every response, unless a handler has set its own.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    // The query of the checklist holds the answers: no other site may see it.
    (header::REFERRER_POLICY, "no-referrer"),
    // Believe the content type that we send.
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // No other site may hold a handle on our window or load our answers.
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    // Answers and records stay out of shared caches and off the disk.
    (header::CACHE_CONTROL, "private, no-store"),
];

/// For a year, a browser asks for this host over TLS only.
const TLS_ONLY: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Middleware: adds the headers; where people reach the program over TLS, one more.
pub(super) async fn protect(State(tls): State<bool>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if tls {
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, TLS_ONLY);
    }
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
