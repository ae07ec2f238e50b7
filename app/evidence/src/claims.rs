//! The claims of the literature, as data: what is claimed, the region the figure must fall in,
//! and what others have published.
//!
//! A claim's region, margin and scenario are fixed before the run that judges it.

use serde::{Deserialize, Serialize};

use crate::number::three_digits;
use crate::parse::{self, Fault, ParseError};
use crate::sample::Twin;

/// The claims compiled in: the name and the text of each file of `claims/`.
const FILES: &[(&str, &str)] = &[
    ("claims/speed.toml", include_str!("../claims/speed.toml")),
    ("claims/memory.toml", include_str!("../claims/memory.toml")),
    ("claims/garbage-collection.toml", include_str!("../claims/garbage-collection.toml")),
    ("claims/cache.toml", include_str!("../claims/cache.toml")),
    ("claims/analytics.toml", include_str!("../claims/analytics.toml")),
    ("claims/delivery.toml", include_str!("../claims/delivery.toml")),
];

/// The greatest margin that still says anything.
const MARGIN_MAX: f64 = 0.5;

/// A statement about Rust and Go, and what must be measured for it to hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Lower-case letters, digits and hyphens; stable.
    pub id: String,
    /// The claim in plain words.
    pub statement: String,
    /// What kind of figure it speaks of.
    pub kind: ClaimKind,
    /// Whose figure an absolute claim speaks of; a ratio is Rust ÷ Go, or this twin ÷ `against`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<Twin>,
    /// The program of others that a ratio is held against, by the id it has in the scenario.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
    /// The metric's id.
    pub metric: String,
    /// The unit of an absolute claim's region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The reference service that is measured.
    pub service: String,
    /// The primary scenario: no other one judges the claim.
    pub scenario: String,
    /// Where the figure must fall.
    pub region: Region,
    /// By how much, as a share, the region is widened on both sides: a difference too small to
    /// matter.
    pub margin: f64,
    /// How the words were read, decided beforehand.
    pub reading: String,
    /// What an absolute claim needs of the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Conditions>,
    /// What would change the verdict.
    pub changes: String,
    /// What others have published.
    #[serde(default)]
    pub published: Vec<Published>,
}

/// What kind of figure a claim speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClaimKind {
    /// Rust ÷ Go, or a twin ÷ a program of others, from paired blocks.
    Ratio,
    /// One twin's own figure, which holds for the machine it was taken on.
    Absolute,
}

/// A region of figures; an absent end is open.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// The lower end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<f64>,
    /// The upper end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<f64>,
}

impl Region {
    /// The ends after widening by a margin: `from/(1 + margin)` and `to·(1 + margin)`.
    #[must_use]
    pub fn widened(self, margin: f64) -> Self {
        Self {
            from: self.from.map(|from| from / (1.0 + margin)),
            to: self.to.map(|to| to * (1.0 + margin)),
        }
    }
}

/// What an absolute claim needs of the machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conditions {
    /// The least number of cores; a run on fewer is no evidence for or against.
    pub cores_min: u32,
    /// The conditions in words.
    pub text: String,
}

/// A figure that others have published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// Who published it.
    pub source: String,
    /// When; `undated` if not said.
    pub year: String,
    /// The figure, in words.
    pub figure: String,
    /// How we know it.
    pub known: Known,
    /// Why it does not settle the claim.
    pub flaw: String,
}

/// How a published figure is known to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Known {
    /// Read in the source's own text.
    Read,
    /// Through a secondary text.
    Second,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[expect(dead_code, reason = "read and checked before the rest of the file")]
    schema: u32,
    #[serde(rename = "claim")]
    claims: Vec<Claim>,
}

/// The claims compiled in, in the order of the pages.
///
/// # Errors
/// Names file, line and fault, as [`parse_claims`] does.
pub fn builtin_claims() -> Result<Vec<Claim>, ParseError> {
    let mut claims: Vec<Claim> = Vec::new();
    for (file, text) in FILES {
        for claim in parse_claims(file, text)? {
            if claims.iter().any(|other| other.id == claim.id) {
                let fault =
                    Fault::at_id(&claim.id, format!("claim \"{}\" exists already", claim.id));
                return Err(fault.locate(file, text));
            }
            claims.push(claim);
        }
    }
    Ok(claims)
}

/// Reads a file of claims.
///
/// # Errors
/// Says what is wrong and where: TOML syntax, an unknown or missing key, a region without ends or
/// with its ends swapped, an absolute claim without conditions, an id used twice.
pub fn parse_claims(file: &'static str, text: &str) -> Result<Vec<Claim>, ParseError> {
    let read: File = parse::toml(file, text)?;
    for (at, claim) in read.claims.iter().enumerate() {
        let twice = read.claims.iter().take(at).any(|other| other.id == claim.id);
        let fault = if twice { Some("is listed twice".to_owned()) } else { claim.fault() };
        if let Some(fault) = fault {
            let message = format!("claim \"{}\": {fault}", claim.id);
            return Err(Fault::at_id(&claim.id, message).locate(file, text));
        }
    }
    Ok(read.claims)
}

/// The unit of a share of 1, which people read in percent.
const SHARE: &str = "share";

impl Claim {
    /// A figure as people read it, with its unit: `2.5×`, `40%`, `10 MB`.
    #[must_use]
    pub fn shown(&self, value: f64) -> String {
        let number = self.number(value);
        match self.unit.as_deref() {
            None => format!("{number}×"),
            Some(SHARE) => format!("{number}%"),
            Some(unit) => format!("{number} {unit}"),
        }
    }

    /// A figure as [`shown`](Self::shown), without the unit.
    #[must_use]
    pub fn number(&self, value: f64) -> String {
        let percent = self.unit.as_deref() == Some(SHARE);
        three_digits(if percent { value * 100.0 } else { value })
    }

    /// The region in words: `2 to 3×`, `10 MB or less`.
    #[must_use]
    pub fn region_words(&self) -> String {
        match (self.region.from, self.region.to) {
            (Some(from), Some(to)) => format!("{} to {}", self.number(from), self.shown(to)),
            (Some(from), None) => format!("{} or more", self.shown(from)),
            (None, Some(to)) => format!("{} or less", self.shown(to)),
            (None, None) => String::new(),
        }
    }

    /// What is wrong with it, if anything.
    fn fault(&self) -> Option<String> {
        self.names_fault().or_else(|| self.region_fault()).or_else(|| self.kind_fault())
    }

    fn names_fault(&self) -> Option<String> {
        let names = [
            ("id", &self.id),
            ("metric", &self.metric),
            ("service", &self.service),
            ("scenario", &self.scenario),
        ];
        let plain = |name: &str| {
            !name.is_empty() && name.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_'))
        };
        if let Some((key, name)) = names.into_iter().find(|(_, name)| !plain(name)) {
            return Some(format!(
                "{key} is {name:?}; allowed are lower-case letters, digits, - and _"
            ));
        }
        let texts = [
            ("statement", &self.statement),
            ("reading", &self.reading),
            ("changes", &self.changes),
        ];
        let (key, _) = texts.into_iter().find(|(_, text)| text.trim().is_empty())?;
        Some(format!("{key} is empty"))
    }

    fn region_fault(&self) -> Option<String> {
        let Region { from, to } = self.region;
        if from.is_none() && to.is_none() {
            return Some("region is open on both ends; give from, to, or both".into());
        }
        if [from, to].into_iter().flatten().any(|end| !end.is_finite() || end <= 0.0) {
            return Some("region needs positive numbers".into());
        }
        if let (Some(from), Some(to)) = (from, to)
            && from > to
        {
            return Some(format!("region runs from {from} to {to}, which is backwards"));
        }
        let allowed = 0.0..=MARGIN_MAX;
        (!allowed.contains(&self.margin))
            .then(|| format!("margin is {}; allowed is 0 to {MARGIN_MAX}", self.margin))
    }

    fn kind_fault(&self) -> Option<String> {
        let keys = [self.of.is_some(), self.unit.is_some(), self.conditions.is_some()];
        match self.kind {
            ClaimKind::Ratio if self.against.is_some() => {
                (keys != [true, false, false]).then(|| {
                    "a ratio `against` a program needs `of`, and no unit or conditions".into()
                })
            }
            ClaimKind::Absolute if self.against.is_some() => {
                Some("an absolute figure is not held `against` anything".into())
            }
            ClaimKind::Ratio if keys.contains(&true) => {
                Some("a ratio is Rust ÷ Go and has no `of`, `unit` or `conditions`".into())
            }
            ClaimKind::Absolute if keys.contains(&false) => Some(
                "an absolute figure depends on the machine: it needs `of`, `unit` and `conditions`"
                    .into(),
            ),
            ClaimKind::Ratio | ClaimKind::Absolute => None,
        }
    }
}
