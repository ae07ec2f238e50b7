//! JSON-ADR 1.0.0, as the `adrs` crate reads and writes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    Dialect, Embedded, Found, FoundStatus, Reference, Unread,
    embedded::name_of,
    found::date,
    item::{Item, Neighbour, places},
    markdown::push_block,
    write,
};
use crate::{Rationale, Standing};

/// The custom section that holds the whole record.
const OURS: &str = "assay_record";
/// The custom section that holds the name of the record's own file.
const OUR_FILE: &str = "assay_file";

#[derive(Deserialize)]
struct File<'a> {
    version: String,
    #[serde(borrow, default)]
    adr: Option<&'a RawValue>,
    #[serde(borrow, default)]
    adrs: Option<Vec<&'a RawValue>>,
}

#[derive(Serialize)]
struct Bulk<'a> {
    version: &'static str,
    tool: Tool,
    adrs: Vec<Written<'a>>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

/// An ADR as it came, or made from a record.
#[derive(Serialize)]
#[serde(untagged)]
enum Written<'a> {
    Original(&'a RawValue),
    Made(Box<Adr>),
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
struct Adr {
    number: u32,
    title: String,
    status: String,
    date: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deciders: Vec<String>,
    #[serde(skip_serializing)]
    consulted: Vec<String>,
    #[serde(skip_serializing)]
    informed: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<String>,
    #[serde(skip_serializing)]
    decision_drivers: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    considered_options: Vec<ConsideredOption>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consequences: Option<Consequences>,
    #[serde(skip_serializing)]
    confirmation: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<Link>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    custom_sections: BTreeMap<String, String>,
}

#[derive(Deserialize, Serialize)]
struct ConsideredOption {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pros: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    cons: Vec<String>,
}

/// A text, a list, or lists by kind: tools differ.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
enum Consequences {
    Text(String),
    List(Vec<String>),
    Kinds(BTreeMap<String, Vec<String>>),
}

#[derive(Deserialize, Serialize)]
struct Link {
    #[serde(rename = "type")]
    kind: String,
    target: u32,
}

/// The text of every decision in a JSON-ADR file.
///
/// # Errors
/// When the file is not JSON-ADR.
pub(super) fn read(text: &str) -> Result<Vec<String>, Unread> {
    let file: File<'_> = serde_json::from_str(text).map_err(|error| {
        Unread::NotADecision(format!(
            "it is not JSON-ADR (`version` with `adr` or `adrs`): {error}"
        ))
    })?;
    if !file.version.starts_with("1.") {
        let version = file.version;
        return Err(Unread::Faulty(format!("JSON-ADR {version} is not known; 1.0.0 is")));
    }
    let all: Vec<&RawValue> = file.adr.into_iter().chain(file.adrs.unwrap_or_default()).collect();
    if all.is_empty() {
        return Err(Unread::NotADecision("it holds no `adr` and no `adrs`".to_owned()));
    }
    Ok(all.into_iter().map(|raw| raw.get().to_owned()).collect())
}

/// One decision.
///
/// # Errors
/// When a field is missing or of another type.
pub(super) fn one(text: &str) -> Result<Found, Unread> {
    let adr: Adr = serde_json::from_str(text).map_err(|e| Unread::Faulty(e.to_string()))?;
    if adr.title.trim().is_empty() {
        return Err(Unread::Faulty("`title` is missing".to_owned()));
    }
    let mut warnings = Vec::new();
    let day = date(&adr.date);
    if day.is_none() && !adr.date.is_empty() {
        warnings.push(format!("`{}` is not a date and was left out", adr.date));
    }
    let linked = |kinds: &[&str]| {
        let wanted = |link: &&Link| {
            let kind = link.kind.to_lowercase().replace([' ', '_'], "-");
            kinds.contains(&kind.as_str())
        };
        let refer = |link: &Link| Reference {
            text: link.target.to_string(),
            file: None,
            number: Some(link.target),
        };
        adr.links.iter().filter(wanted).map(refer).collect::<Vec<Reference>>()
    };
    let by = linked(&["superseded-by", "superceded-by"]).into_iter().next();
    let status = match (FoundStatus::read(&adr.status), by) {
        (FoundStatus::Other(word), Some(by)) if word.to_lowercase().starts_with("super") => {
            FoundStatus::SupersededBy(by)
        }
        (status, _) => status,
    };
    Ok(Found {
        dialect: Dialect::JsonAdr,
        number: Some(adr.number),
        title: adr.title.trim().to_owned(),
        status,
        date: day,
        supersedes: linked(&["supersedes", "supercedes"]),
        embedded: adr.custom_sections.get(OURS).cloned().map(|toml| {
            let name = adr.custom_sections.get(OUR_FILE).map(String::as_str);
            Embedded::new(toml, name, true)
        }),
        rationale: rationale(&adr),
        deciders: adr.deciders,
        tags: adr.tags,
        chosen: None,
        warnings,
    })
}

fn rationale(adr: &Adr) -> Rationale {
    let mut context = adr.context.clone().unwrap_or_default();
    let mut consequences = match &adr.consequences {
        None => String::new(),
        Some(Consequences::Text(text)) => text.clone(),
        Some(Consequences::List(items)) => list(items),
        Some(Consequences::Kinds(kinds)) => {
            let block =
                |(kind, items): (&String, &Vec<String>)| format!("### {kind}\n\n{}", list(items));
            kinds.iter().map(block).collect::<Vec<String>>().join("\n\n")
        }
    };
    let people = [("Consulted", &adr.consulted), ("Informed", &adr.informed)];
    for (word, names) in people.into_iter().filter(|(_, names)| !names.is_empty()) {
        push_block(&mut context, &format!("{word}: {}", names.join(", ")));
    }
    if !adr.decision_drivers.is_empty() {
        push_block(
            &mut context,
            &format!("### Decision Drivers\n\n{}", list(&adr.decision_drivers)),
        );
    }
    if !adr.considered_options.is_empty() {
        let options: Vec<String> = adr.considered_options.iter().map(option).collect();
        push_block(&mut context, &format!("### Considered Options\n\n{}", options.join("\n")));
    }
    if let Some(confirmation) = &adr.confirmation {
        push_block(&mut consequences, &format!("### Confirmation\n\n{confirmation}"));
    }
    for (name, text) in
        adr.custom_sections.iter().filter(|(name, _)| ![OURS, OUR_FILE].contains(&name.as_str()))
    {
        push_block(&mut consequences, &format!("### {name}\n\n{text}"));
    }
    Rationale { context, decision: adr.decision.clone().unwrap_or_default(), consequences }
}

fn option(option: &ConsideredOption) -> String {
    let mut line = format!("* {}", option.name);
    if let Some(description) = &option.description {
        line.push_str(&format!(": {description}"));
    }
    let sides = [("Good", &option.pros), ("Bad", &option.cons)];
    for (side, items) in sides {
        for item in items {
            line.push_str(&format!("\n  * {side}, because {item}"));
        }
    }
    line
}

fn list(items: &[String]) -> String {
    items.iter().map(|item| format!("* {item}")).collect::<Vec<String>>().join("\n")
}

/// Every record in one JSON-ADR document; one imported from JSON-ADR and unchanged is as it was.
pub(super) fn write(items: &[Item<'_>]) -> serde_json::Result<String> {
    let places = places(Dialect::JsonAdr, items);
    let mut adrs = Vec::new();
    for item in items {
        let original = places.get(&item.record.id).and_then(|place| place.original);
        adrs.push(match original {
            Some(text) => Written::Original(serde_json::from_str(text)?),
            None => Written::Made(Box::new(made(item, &places))),
        });
    }
    let tool = Tool { name: "assay", version: env!("CARGO_PKG_VERSION") };
    let text = serde_json::to_string_pretty(&Bulk { version: "1.0.0", tool, adrs })?;
    Ok(text + "\n")
}

fn made(item: &Item<'_>, places: &write::Places<'_>) -> Adr {
    let record = item.record;
    let text = |text: String| Some(text).filter(|text| !text.trim().is_empty());
    let link = |kind: &str, to: &Neighbour| {
        let target = write::number_of(places, to.id, to.number);
        Link { kind: kind.to_owned(), target }
    };
    let later = item.superseded_by.iter().map(|later| link("superseded-by", later));
    let earlier = item.supersedes.iter().map(|earlier| link("supersedes", earlier));
    Adr {
        number: write::number_of(places, record.id, item.number),
        title: record.title.clone(),
        status: match item.standing() {
            Standing::Superseded => "superseded".to_owned(),
            other => other.id().to_owned(),
        },
        date: item.day().to_string(),
        deciders: record.deciders.clone(),
        tags: record.tags.clone(),
        context: text(record.rationale.context.clone()),
        considered_options: write::options(record)
            .into_iter()
            .map(|(name, description)| ConsideredOption {
                name,
                description,
                pros: Vec::new(),
                cons: Vec::new(),
            })
            .collect(),
        decision: text(write::decision(record)),
        consequences: text(write::consequences(record)).map(Consequences::Text),
        links: later.chain(earlier).collect(),
        custom_sections: BTreeMap::from([
            (OURS.to_owned(), item.text.to_owned()),
            (OUR_FILE.to_owned(), name_of(item)),
        ]),
        ..Adr::default()
    }
}
