//! The console of a service's page: start the service that runs inside assay, ask it, stop it.

use url::form_urlencoded;

use crate::{
    demo::{self, Answer},
    error::Error,
    state::App,
};

/// The console as it is shown.
pub(crate) struct TryIt {
    pub(crate) running: Option<String>,
    pub(crate) order: String,
    pub(crate) answer: Option<Answer>,
    pub(crate) failure: Option<String>,
}

/// What the form asked for came to.
pub(crate) enum Outcome {
    /// It is done; the page itself shows it.
    Done,
    /// There is something to show.
    Show(TryIt),
}

impl TryIt {
    /// Nothing was asked yet.
    pub(crate) fn new(app: &App) -> Self {
        Self::with(app, demo::SAMPLE_ORDER.to_owned(), None, None)
    }

    fn with(app: &App, order: String, answer: Option<Answer>, failure: Option<String>) -> Self {
        let running = app.demo.address().map(|address| address.to_string());
        Self { running, order, answer, failure }
    }
}

/// Does what the form asks for.
pub(crate) async fn act(app: &App, form: &[u8]) -> Result<Outcome, Error> {
    if !app.local {
        return Err(Error::NotFound);
    }
    let mut action = String::new();
    let mut order = demo::SAMPLE_ORDER.to_owned();
    for (key, value) in form_urlencoded::parse(form) {
        match key.as_ref() {
            "action" => action = value.into_owned(),
            "order" => order = value.into_owned(),
            _ => {}
        }
    }
    let show = |order, answer, failure| Ok(Outcome::Show(TryIt::with(app, order, answer, failure)));
    match action.as_str() {
        "stop" => {
            app.demo.stop();
            Ok(Outcome::Done)
        }
        "start" => match app.demo.start().await {
            Ok(_) => Ok(Outcome::Done),
            Err(error) => show(order, None, Some(error.to_string())),
        },
        "send" => match app.demo.quote(order.clone()).await {
            Ok(answer) => show(order, Some(answer), None),
            Err(error) => show(order, None, Some(error.to_string())),
        },
        other => Err(Error::Malformed {
            message: format!("the action {other:?} is not one of start, send, stop"),
            errors: Vec::new(),
        }),
    }
}
