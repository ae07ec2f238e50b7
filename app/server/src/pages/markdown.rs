//! Markdown of records as HTML that can do no harm: no raw HTML, no images, only harmless links.

use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

/// The schemes a link may have.
const SCHEMES: [&str; 3] = ["http:", "https:", "mailto:"];

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
    use super::render;

    #[test]
    fn markdown_becomes_html() {
        assert_eq!(render("# A\n\n*b*"), "<h4>A</h4>\n<p><em>b</em></p>\n");
        assert_eq!(
            render("[x](https://example.org/)"),
            "<p><a href=\"https://example.org/\">x</a></p>\n"
        );
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
