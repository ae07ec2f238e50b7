//! From another tool's Markdown to what it says.

use super::{
    Dialect, Found, FoundStatus, Reference, embedded,
    found::{date, names},
    front_matter::{self, Field, Fields},
    markdown::{self, Parts, Section, filled, push_block},
};
use crate::Rationale;

/// Names of files that belong to the tools and are no decisions.
const NOT_DECISIONS: [&str; 7] =
    ["readme", "index", "template", "adr-template", "backlog", "toc", "changelog"];

/// Why a file is not a decision that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is something else, and nothing is lost by leaving it out.
    NotADecision(String),
    /// It seems to be a decision, and something in it must be mended first.
    Faulty(String),
}

/// Reads a Markdown file. `file` is its path within the folder.
///
/// # Errors
/// Why the file is left out.
pub(super) fn read_markdown(file: &str, text: &str) -> Result<Found, Unread> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let (front, body) = match front_matter::split(&text) {
        Some((front, body)) => (Some(front), body),
        None => (None, text.as_str()),
    };
    let (embedded, body) = embedded::take(&text, body);
    let name = file.rsplit('/').next().unwrap_or(file);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_lowercase();
    let stem = stem.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-');
    // One that assay exported is a decision, whatever it is called.
    if embedded.is_none() && NOT_DECISIONS.contains(&stem) {
        return Err(Unread::NotADecision(format!("`{name}` is a page or a template of the tool")));
    }
    let fields = front.map_or_else(|| Ok(Fields::new()), front_matter::read);
    let fields = fields.map_err(Unread::Faulty)?;
    let parts = markdown::parts(body);
    let Some(title) = parts.title.clone().filter(|title| !title.trim().is_empty()) else {
        return Err(Unread::Faulty("it has no title: a line `# Title`".to_owned()));
    };
    if embedded.is_none() && markdown::is_hint(title.trim()) {
        return Err(Unread::NotADecision("its title is a template's hint".to_owned()));
    }
    let listed = markdown::listed(&parts.head);
    let Some(dialect) = dialect_of(name, &fields, &listed, &parts) else {
        let known = "front matter, a list with `Status:`, or a section such as `Status`, `Context`, \
                     `Decision` or `Decision Outcome`";
        return Err(Unread::NotADecision(format!("it has none of what a decision has: {known}")));
    };
    let mut found = Found {
        dialect,
        number: number_of(name, &title),
        title: without_number(&title).to_owned(),
        status: FoundStatus::Missing,
        date: None,
        deciders: Vec::new(),
        tags: Vec::new(),
        rationale: Rationale::default(),
        chosen: None,
        supersedes: Vec::new(),
        embedded,
        warnings: Vec::new(),
    };
    found.metadata(&fields, &listed, &parts);
    found.sections(&parts);
    Ok(found)
}

/// Which tool's conventions a text follows; none when it follows none.
fn dialect_of(
    name: &str,
    fields: &Fields,
    listed: &[(String, String)],
    parts: &Parts,
) -> Option<Dialect> {
    let section =
        |wanted: &str| parts.sections.iter().any(|s| s.title.eq_ignore_ascii_case(wanted));
    let has = |key: &str| fields.contains_key(key);
    if ["status", "date", "deciders", "decision-makers"].into_iter().any(has) {
        let third = has("deciders") || section("validation");
        return Some(if third { Dialect::Madr3 } else { Dialect::Madr4 });
    }
    if section("status") && !section("decision outcome") {
        return Some(Dialect::AdrTools);
    }
    let day = name.get(..8).is_some_and(|day| day.bytes().all(|byte| byte.is_ascii_digit()));
    let known =
        listed.iter().any(|(key, _)| matches!(key.as_str(), "status" | "deciders" | "date"));
    if day && (known || section("decision outcome")) {
        return Some(Dialect::Log4brains);
    }
    let second = ["positive consequences", "negative consequences", "links"];
    if known || (section("decision outcome") && second.into_iter().any(section)) {
        return Some(Dialect::Madr2);
    }
    if section("decision outcome") {
        return Some(Dialect::Madr4);
    }
    (section("context") && section("decision")).then_some(Dialect::AdrTools)
}

/// The number in front of the file name, else of the title.
fn number_of(name: &str, title: &str) -> Option<u32> {
    let digits = |text: &str| {
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        text.get(..end).filter(|digits| (1..8).contains(&digits.len()))?.parse().ok()
    };
    digits(name).or_else(|| (without_number(title) != title).then(|| digits(title))?)
}

/// A title without the `12. ` that adr-tools puts before it.
fn without_number(title: &str) -> &str {
    let title = title.trim();
    match title.split_once(". ") {
        Some((digits, rest)) if digits.bytes().all(|b| b.is_ascii_digit()) => rest.trim(),
        _ => title,
    }
}

impl Found {
    fn metadata(&mut self, fields: &Fields, listed: &[(String, String)], parts: &Parts) {
        for (name, field) in fields {
            match field {
                Field::Text(text) => self.take(name, text, names),
                Field::List(items) => {
                    let items: Vec<String> =
                        items.iter().filter(|item| !markdown::is_hint(item)).cloned().collect();
                    self.take(name, &items.join(", "), |_| items.clone());
                }
                // A template's `{…}`: not filled in.
                Field::Deeper => {}
            }
        }
        for (name, value) in listed {
            let value = filled(value);
            let split = |text: &str| match name.as_str() {
                // log4brains separates tags by spaces or commas.
                "tags" => names(&text.split_whitespace().collect::<Vec<&str>>().join(",")),
                _ => names(text),
            };
            self.take(name, &value, split);
        }
        // adr-tools: a line between title and first section.
        if self.dialect == Dialect::AdrTools
            && let Some(day) = parts.head.lines().find_map(|line| line.trim().strip_prefix("Date:"))
        {
            self.take("date", day, names);
        }
    }

    fn take(&mut self, name: &str, text: &str, split: impl Fn(&str) -> Vec<String>) {
        match name {
            "status" => self.status = FoundStatus::read(text),
            "date" if text.trim().is_empty() || markdown::is_hint(text.trim()) => {}
            "date" => match date(text) {
                Some(day) => self.date = Some(day),
                None if text.contains("YYYY") => {}
                None => self.warnings.push(format!(
                    "`{text}` is not a date (YYYY-MM-DD or DD/MM/YYYY) and was left out"
                )),
            },
            "deciders" | "decision-makers" => self.deciders = split(text),
            "tags" => self.tags = split(text).iter().map(|tag| tag.to_lowercase()).collect(),
            "consulted" | "informed" | "technical story" => {
                let text = filled(text);
                if !text.is_empty() && !text.contains('{') {
                    let name = match name {
                        "consulted" => "Consulted",
                        "informed" => "Informed",
                        _ => "Technical Story",
                    };
                    push_block(&mut self.rationale.context, &format!("{name}: {text}"));
                }
            }
            _ => {}
        }
    }

    /// Gathers the sections into ours; one of another name keeps its heading.
    fn sections(&mut self, parts: &Parts) {
        for line in parts.head.lines().filter_map(|l| l.trim().strip_prefix("Technical Story:")) {
            self.take("technical story", line, names);
        }
        for section in &parts.sections {
            match section.title.trim().to_lowercase().as_str() {
                "status" => self.status_section(&section.body),
                "context and problem statement" | "context" => {
                    push_block(&mut self.rationale.context, &filled(&section.body));
                }
                "decision drivers" | "considered options" | "problem statement" => {
                    push_section(&mut self.rationale.context, section);
                }
                "decision" => push_block(&mut self.rationale.decision, &filled(&section.body)),
                "decision outcome" => self.outcome(&section.body),
                "consequences" => {
                    push_block(&mut self.rationale.consequences, &filled(&section.body));
                }
                "links" => {
                    self.links(&section.body);
                    push_section(&mut self.rationale.consequences, section);
                }
                _ => push_section(&mut self.rationale.consequences, section),
            }
        }
    }

    /// `## Decision Outcome`: what was chosen first, consequences below headings of their own.
    fn outcome(&mut self, body: &str) {
        let (decision, below) = markdown::subsections(body);
        let decision = filled(&decision);
        self.chosen = chosen_in(&decision);
        if !decision.contains("\"{") {
            push_block(&mut self.rationale.decision, &decision);
        }
        for section in below {
            match section.title.trim().to_lowercase().as_str() {
                "consequences" => {
                    push_block(&mut self.rationale.consequences, &filled(&section.body));
                }
                _ => push_section(&mut self.rationale.consequences, &section),
            }
        }
    }

    /// `## Status` of adr-tools: words and links, one a paragraph.
    fn status_section(&mut self, body: &str) {
        let body = markdown::without_comments(body);
        for line in body.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let link = |words: &[&str]| {
                let lower = line.to_lowercase();
                let after = words.iter().find(|words| lower.starts_with(**words))?;
                line.get(after.len()..)
            };
            if let Some(rest) = link(&["supersedes ", "supercedes "]) {
                self.supersedes.push(Reference::read(rest));
                continue;
            }
            let other = ["amends ", "amended by ", "clarifies ", "clarified by ", "relates to "];
            match FoundStatus::read(line) {
                _ if link(&other).is_some() => push_block(&mut self.rationale.consequences, line),
                FoundStatus::Missing => {}
                // Being replaced says more than the word before it.
                by @ FoundStatus::SupersededBy(_) => self.status = by,
                read if self.status == FoundStatus::Missing => self.status = read,
                _ => push_block(&mut self.rationale.consequences, line),
            }
        }
    }

    /// `## Links` of log4brains and MADR 2.
    fn links(&mut self, body: &str) {
        for line in markdown::without_comments(body).lines() {
            let item = line.trim().trim_start_matches(['*', '-']).trim();
            let lower = item.to_lowercase();
            for words in ["supersedes ", "supercedes "] {
                if lower.starts_with(words)
                    && let Some(rest) = item.get(words.len()..)
                {
                    self.supersedes.push(Reference::read(rest));
                }
            }
        }
    }
}

/// The `X` of `Chosen option: "X"`.
fn chosen_in(decision: &str) -> Option<String> {
    let after = decision.split_once("Chosen option:")?.1.trim_start();
    let quoted = after.strip_prefix(['"', '“'])?;
    let (option, _) = quoted.split_once(['"', '”'])?;
    let option = match option.strip_prefix('[') {
        // A link: its words.
        Some(link) => link.split_once(']').map_or(link, |(words, _)| words),
        None => option,
    };
    Some(option.trim().to_owned()).filter(|option| !option.is_empty() && !option.starts_with('{'))
}

fn push_section(to: &mut String, section: &Section) {
    let body = filled(&section.body);
    if !body.is_empty() {
        let body = markdown::below(&body, 4);
        push_block(to, &format!("### {}\n\n{body}", section.title));
    }
}
