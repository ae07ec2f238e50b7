//! Markdown as HTML that can do no harm: no raw HTML, no images, only harmless links.

use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

/// The schemes a link may have.
const SCHEMES: [&str; 3] = ["http:", "https:", "mailto:"];

/// A second-level heading of a page.
pub(crate) struct Section {
    /// Its anchor.
    pub(crate) id: String,
    /// Its text.
    pub(crate) title: String,
}

/// Renders a document of ours as a page's text, with its sections. The first-level heading, which
/// is the page's own, is left out; the others keep their level.
pub(crate) fn render_page(text: &str) -> (String, Vec<Section>) {
    let mut events: Vec<Event<'_>> = Parser::new_ext(text, Options::ENABLE_TABLES).collect();
    let mut sections: Vec<Section> = Vec::new();
    let mut open: Option<(usize, HeadingLevel)> = None;
    let mut title = String::new();
    let mut kept: Vec<Event<'_>> = Vec::with_capacity(events.len());
    for event in events.drain(..) {
        match (&event, open) {
            (Event::Start(Tag::Heading { level, .. }), _) => {
                open = Some((kept.len(), *level));
                title.clear();
            }
            (Event::Text(part) | Event::Code(part), Some(_)) => title.push_str(part),
            (Event::End(TagEnd::Heading(_)), Some((start, HeadingLevel::H1))) => {
                kept.truncate(start);
                open = None;
                continue;
            }
            (Event::End(TagEnd::Heading(_)), Some((start, level))) => {
                let id = slug(&title);
                if let Some(Event::Start(Tag::Heading { id: slot, .. })) = kept.get_mut(start) {
                    *slot = Some(id.clone().into());
                }
                if level == HeadingLevel::H2 {
                    sections.push(Section { id, title: title.clone() });
                }
                open = None;
            }
            _ => {}
        }
        kept.push(match event {
            heading @ (Event::Start(Tag::Heading { .. }) | Event::End(TagEnd::Heading(_))) => {
                heading
            }
            other => tame(other),
        });
    }
    let mut out = String::new();
    html::push_html(&mut out, kept.into_iter());
    (out, sections)
}

/// A heading's anchor: its letters and digits, joined by hyphens.
fn slug(title: &str) -> String {
    let words = title.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

/// Renders a text. Headings start at the fourth level, below those of the page.
pub(crate) fn render(text: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut out = String::new();
    html::push_html(&mut out, Parser::new_ext(text, options).map(tame));
    out
}

/// Text in place of whatever could act, and the page's heading levels.
fn tame(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        // An image becomes its description.
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => Event::Text("".into()),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            let dest_url = if is_harmless(&dest_url) { dest_url } else { CowStr::Borrowed("") };
            Event::Start(Tag::Link { link_type, dest_url, title, id })
        }
        Event::Start(Tag::Heading { level, .. }) => Event::Start(Tag::Heading {
            level: lower(level),
            id: None,
            classes: Vec::new(),
            attrs: Vec::new(),
        }),
        Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(lower(level))),
        other => other,
    }
}

fn is_harmless(url: &str) -> bool {
    let url = url.trim().to_ascii_lowercase();
    SCHEMES.iter().any(|scheme| url.starts_with(scheme))
}

fn lower(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H4,
        HeadingLevel::H2 => HeadingLevel::H5,
        _ => HeadingLevel::H6,
    }
}

#[cfg(test)]
mod tests {
    use super::{render, render_page};

    #[test]
    fn markdown_becomes_html() {
        assert_eq!(render("# A\n\n*b*"), "<h4>A</h4>\n<p><em>b</em></p>\n");
        assert_eq!(
            render("[x](https://example.org/)"),
            "<p><a href=\"https://example.org/\">x</a></p>\n"
        );
    }

    #[test]
    fn a_page_keeps_its_levels_and_lists_its_sections() {
        let (html, sections) = render_page("# Title\n\ntext\n\n## The *load*, open\n\n### More\n");
        assert_eq!(
            html,
            "<p>text</p>\n<h2 id=\"the-load-open\">The <em>load</em>, open</h2>\n\
             <h3 id=\"more\">More</h3>\n"
        );
        let sections: Vec<_> = sections.iter().map(|s| (s.id.as_str(), s.title.as_str())).collect();
        assert_eq!(sections, [("the-load-open", "The load, open")]);
        assert!(!render_page("<script>alert(1)</script>").0.contains("<script"));
    }

    #[test]
    fn nothing_in_it_can_act() {
        for text in [
            "<script>alert(1)</script>",
            "a <img src=x onerror=alert(1)> b",
            "![x](https://example.org/x.png)",
            "<svg/onload=alert(1)>",
        ] {
            let html = render(text);
            assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
            assert!(!html.contains("<svg"), "{html}");
        }
        for link in ["javascript:alert(1)", "JAVASCRIPT:alert(1)", "data:text/html,x", "//evil"] {
            let html = render(&format!("[x]({link})"));
            assert!(html.contains("href=\"\""), "{html}");
            assert!(!render(&format!("<{link}>")).contains(&format!("href=\"{link}")));
        }
    }
}
