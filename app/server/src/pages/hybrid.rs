//! `/demo/hybrid`: the hybrid that `assay demo hybrid` has started, with live figures.

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};

use crate::{
    error::Error,
    hybrid::{Figures, Snapshot},
    pages::{Page, stream},
    state::App,
};

#[derive(Template)]
#[template(path = "hybrid.html")]
struct View {
    running: Option<Running>,
}

/// What holds for as long as it runs.
struct Running {
    live: Live,
    gateway: String,
    token_file: String,
    rate: u32,
}

/// The part that changes, alone: what the page's stream carries.
#[derive(Template)]
#[template(path = "parts/hybrid.html")]
struct Fragment {
    live: Live,
}

struct Live {
    /// For those who listen.
    say: String,
    figures: Option<[(&'static str, String, &'static str); 8]>,
    /// Said in their place.
    none: &'static str,
    /// How far back they reach, in whole seconds.
    window_s: String,
    requests: String,
    parts: Vec<[String; 5]>,
}

/// `GET /demo/hybrid`.
pub(crate) async fn get(State(app): State<App>) -> Result<Response, Error> {
    if !app.local {
        return Err(Error::NotFound);
    }
    let running = app.hybrid.as_ref().map(|hybrid| Running {
        live: live(&hybrid.watch().borrow()),
        gateway: hybrid.gateway().to_string(),
        token_file: hybrid.token_file.display().to_string(),
        rate: hybrid.rate,
    });
    Ok(Page(View { running }).into_response())
}

/// `GET /demo/hybrid/events`: the changing part of the page, now and whenever it changes, until the
/// page goes away or assay ends.
pub(crate) async fn events(State(app): State<App>) -> Result<Response, Error> {
    let hybrid = app.hybrid.as_deref().filter(|_| app.local).ok_or(Error::NotFound)?;
    let render = |snapshot: &Snapshot| {
        let html = Fragment { live: live(snapshot) }.render().ok()?;
        Some((snapshot.number, html))
    };
    Ok(stream::changes(hybrid.watch(), app.live.ending(), render))
}

fn live(snapshot: &Snapshot) -> Live {
    let ended: Vec<&str> =
        snapshot.parts.iter().filter(|part| part.ended.is_some()).map(|part| part.role).collect();
    let say = match ended.as_slice() {
        [] if snapshot.parts.is_empty() => "The hybrid is starting.".to_owned(),
        [] => "The hybrid is running.".to_owned(),
        ended => format!("Ended: {}.", ended.join(", ")),
    };
    let figures = snapshot.figures.as_ref();
    let parts = snapshot.parts.iter().map(|part| {
        let state = part.ended.map_or_else(|| "runs".to_owned(), |status| status.to_string());
        let (role, language) = (part.role.to_owned(), part.language.to_owned());
        [role, language, part.address.to_string(), part.pid.to_string(), state]
    });
    Live {
        say,
        window_s: figures.map(|figures| format!("{:.0}", figures.window_s)).unwrap_or_default(),
        requests: figures.map(|figures| format!("{:.0}", figures.requests)).unwrap_or_default(),
        figures: figures.map(rows),
        none: match ended.contains(&"gateway") {
            true => "The gateway has ended, so nothing is counted any more.",
            false => "The first figures come in a moment.",
        },
        parts: parts.collect(),
    }
}

fn rows(figures: &Figures) -> [(&'static str, String, &'static str); 8] {
    let rate = |value: f64| format!("{value:.1}");
    let time = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |ms| format!("{ms:.2}"));
    let whole = figures.requests_per_s - figures.refused_per_s - figures.errors_per_s;
    [
        ("Requests", rate(figures.requests_per_s), "per second"),
        ("Time in the gateway and behind it, median", time(figures.p50_ms), "ms"),
        ("The same, p99", time(figures.p99_ms), "ms"),
        ("Answered well", rate(whole.max(0.0)), "per second"),
        ("Refused (4xx): forged tokens", rate(figures.refused_per_s), "per second"),
        ("Errors (5xx)", rate(figures.errors_per_s), "per second"),
        ("Tokens found good", rate(figures.good_tokens_per_s), "per second"),
        ("Tokens found bad", rate(figures.bad_tokens_per_s), "per second"),
    ]
}
