//! `/feeds/reviews.ics` and `/feeds/reviews.atom`: when records are to be looked at again, for
//! calendars and feed readers.

use std::{fmt::Write as _, sync::Arc};

use assay_store::{Filter, Summary};
use axum::{
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};

use crate::{error::Error, queue::SOON_DAYS, state::App};

/// A line of a calendar is folded after this many bytes (RFC 5545, section 3.1).
const LINE_BYTES_MAX: usize = 75;

/// A record with the day of its review.
struct Review {
    line: Arc<Summary>,
    day: Date,
    /// Whether a trigger fired on that day, rather than a day having been set.
    fired: bool,
}

/// The records with a review by this day, the most urgent first.
async fn reviews(app: &App, until: Date) -> Result<Vec<Review>, Error> {
    let filter = Filter { due: Some(until), per_page: Filter::MAX_PER_PAGE, ..Filter::default() };
    let mut reviews = Vec::new();
    for line in app.store.list(&filter).await?.items {
        if line.fired {
            // The list does not say when; those that fired are few.
            if let Ok(stored) = app.store.get(line.id).await {
                let at = stored.record.fired().last().map(|event| event.at);
                let day = at.unwrap_or(line.created).to_zoned(TimeZone::UTC).date();
                reviews.push(Review { line, day, fired: true });
            }
        } else if let Some(day) = line.due_on {
            reviews.push(Review { line, day, fired: false });
        }
    }
    Ok(reviews)
}

impl Review {
    fn title(&self) -> String {
        let why = if self.fired { "Trigger fired" } else { "Review" };
        format!("{why}: {:04} {}", self.line.number, self.line.title)
    }

    /// Service, team and choice in one line.
    fn about(&self) -> String {
        let option = self.line.option.map(|option| format!("chosen: {}", option.name()));
        let parts = [self.line.service.as_deref(), self.line.team.as_deref(), option.as_deref()];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    fn link(&self, base: &str) -> String {
        format!("{base}/decisions/{}/review", self.line.id)
    }
}

/// The address that the asker knows this program by.
fn base(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    format!("http://{}", host.unwrap_or("127.0.0.1:8080"))
}

/// `GET /feeds/reviews.ics`: every review date as an event of a whole day (RFC 5545).
pub(crate) async fn calendar(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let base = base(&headers);
    let mut out = String::new();
    let mut line = |text: &str| fold(&mut out, text);
    line("BEGIN:VCALENDAR");
    line("VERSION:2.0");
    line("PRODID:-//assay//reviews//EN");
    line("X-WR-CALNAME:Decision reviews");
    line("REFRESH-INTERVAL;VALUE=DURATION:PT6H");
    for review in reviews(&app, Date::MAX).await? {
        let stamp = review.line.created.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ");
        let next = review.day.tomorrow().unwrap_or(review.day);
        line("BEGIN:VEVENT");
        line(&format!("UID:{}@assay", review.line.id));
        line(&format!("DTSTAMP:{stamp}"));
        line(&format!("DTSTART;VALUE=DATE:{}", review.day.strftime("%Y%m%d")));
        line(&format!("DTEND;VALUE=DATE:{}", next.strftime("%Y%m%d")));
        line(&format!("SUMMARY:{}", escape_calendar(&review.title())));
        line(&format!("DESCRIPTION:{}", escape_calendar(&review.about())));
        line(&format!("URL:{}", review.link(&base)));
        line("TRANSP:TRANSPARENT");
        line("END:VEVENT");
    }
    line("END:VCALENDAR");
    Ok(([(header::CONTENT_TYPE, "text/calendar; charset=utf-8")], out).into_response())
}

fn escape_calendar(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace(';', "\\;").replace(',', "\\,");
    text.replace("\r\n", "\\n").replace(['\n', '\r'], "\\n")
}

/// Adds a line, folded where it is too long; no character is cut apart.
fn fold(out: &mut String, text: &str) {
    let mut length = 0;
    for character in text.chars() {
        if length + character.len_utf8() > LINE_BYTES_MAX {
            out.push_str("\r\n ");
            length = 1;
        }
        out.push(character);
        length += character.len_utf8();
    }
    out.push_str("\r\n");
}

/// `GET /feeds/reviews.atom`: what is due or will be within thirty days (RFC 4287).
pub(crate) async fn atom(State(app): State<App>, headers: HeaderMap) -> Result<Response, Error> {
    let (base, today) = (base(&headers), app.today());
    let until = today.checked_add(SOON_DAYS.days()).unwrap_or(today);
    let mut entries = String::new();
    let mut latest = None;
    for review in reviews(&app, until).await? {
        let updated = updated(&review, today);
        latest = latest.max(Some(updated));
        let kind = if review.fired { "fired" } else { "due" };
        let when = if review.fired { "A trigger fired on" } else { "To be looked at by" };
        // Writing to a String cannot fail.
        let _ = writeln!(
            entries,
            "<entry><id>urn:uuid:{}#{kind}-{}</id><title>{}</title><updated>{updated}</updated>\
             <link rel=\"alternate\" type=\"text/html\" href=\"{}\"/><summary>{when} {}. {}</summary></entry>",
            review.line.id,
            review.day,
            escape_xml(&review.title()),
            escape_xml(&review.link(&base)),
            review.day,
            escape_xml(&review.about())
        );
    }
    let latest = match latest {
        Some(latest) => latest,
        None => last_written(&app, today).await?,
    };
    let feed = escape_xml(&format!("{base}/feeds/reviews.atom"));
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">\n\
         <id>{feed}</id><title>Decision reviews</title><updated>{latest}</updated>\
         <author><name>assay</name></author>\n<link rel=\"self\" type=\"application/atom+xml\" href=\"{feed}\"/>\
         <link rel=\"alternate\" type=\"text/html\" href=\"{}\"/>\n{entries}</feed>\n",
        escape_xml(&format!("{base}/"))
    );
    Ok(([(header::CONTENT_TYPE, "application/atom+xml; charset=utf-8")], text).into_response())
}

/// When the newest record was written, for a feed without entries; without records, as the day began.
async fn last_written(app: &App, today: Date) -> Result<Timestamp, Error> {
    let newest = app.store.list(&Filter { per_page: 1, ..Filter::default() }).await?.items;
    let day = today.to_zoned(TimeZone::UTC).map_or(app.now(), |moment| moment.timestamp());
    Ok(newest.first().map_or(day, |line| line.created))
}

/// When an entry last became news: as its day came, else as it came near. It stays the same however
/// often it is asked for.
fn updated(review: &Review, today: Date) -> Timestamp {
    let near = review.day.checked_sub(SOON_DAYS.days()).unwrap_or(review.day);
    let day = if review.fired || review.day <= today { review.day } else { near };
    day.to_zoned(TimeZone::UTC).map_or(review.line.created, |moment| moment.timestamp())
}

/// Text within XML; characters that XML does not have are left out.
fn escape_xml(text: &str) -> String {
    let allowed = |c: &char| !matches!(*c, '\u{0}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    let text: String = text.chars().filter(allowed).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
