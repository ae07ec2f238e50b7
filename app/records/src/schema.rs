//! The JSON Schema of a record's file, which gives editors completion and checks.

// Nothing makes these values: they only describe the file.
#![expect(dead_code, reason = "the fields are read by the schema generator alone")]

use assay_advice::{Assumption, CURRENCY, Model, Question, QuestionKind, assumptions};
use jiff::{Timestamp, civil::Date};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Value, json};

/// The schema of a record's file, JSON Schema draft-07.
#[must_use]
pub fn json_schema() -> Value {
    let generator = SchemaSettings::draft07().into_generator();
    let mut schema = generator.into_root_schema_for::<File>().to_value();
    if let Some(answers) = schema.pointer_mut("/properties/answers") {
        *answers = answers_schema(Model::builtin());
    }
    if let Some(assumptions) = schema.pointer_mut("/definitions/Cost/properties/assumptions") {
        *assumptions = assumptions_schema();
    }
    schema
}

fn answers_schema(model: &Model) -> Value {
    let properties: serde_json::Map<String, Value> = model
        .questions()
        .iter()
        .map(|question| (question.id.clone(), answer_schema(question)))
        .collect();
    json!({
        "description": "The checklist's answers; a missing one is unknown.",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    })
}

fn assumptions_schema() -> Value {
    let numbers = assumptions().iter().map(|assumption| {
        let Assumption { label, unit, min, max, .. } = assumption;
        let description = format!("{label} ({unit})");
        let number = json!({
            "description": description, "type": "number", "minimum": min, "maximum": max,
        });
        (assumption.id.clone(), number)
    });
    let mut properties: serde_json::Map<String, Value> = numbers.collect();
    let text = "What amounts of money are counted in; nothing is converted.";
    properties.insert(CURRENCY.to_owned(), json!({ "description": text, "type": "string" }));
    json!({
        "description": "What the cost rests on besides measurements and answers.",
        "type": "object",
        "properties": properties,
    })
}

fn answer_schema(question: &Question) -> Value {
    let values = |with_unknown: bool| {
        let known = question.answers().iter().map(|answer| answer.value.as_str());
        known.chain(with_unknown.then_some("unknown")).collect::<Vec<&str>>()
    };
    match &question.kind {
        QuestionKind::One(_) => json!({ "enum": values(true) }),
        QuestionKind::Many { at_most, .. } => json!({ "anyOf": [
            { "type": "array", "maxItems": at_most, "items": { "enum": values(false) } },
            { "const": "unknown" },
        ] }),
        QuestionKind::Number { whole, min, max, may_be_must, .. } => {
            let kind = if *whole { "integer" } else { "number" };
            let number = json!({ "type": kind, "minimum": min, "maximum": max });
            let mut forms = vec![number.clone(), json!({ "const": "unknown" })];
            if *may_be_must {
                forms.push(json!({
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["value"],
                    "properties": { "value": number, "must": { "type": "boolean" } },
                }));
            }
            json!({ "anyOf": forms })
        }
    }
}

/// A decision record of assay.
#[derive(JsonSchema)]
#[schemars(title = "assay decision record")]
struct File {
    /// The version of this format.
    #[schemars(range(min = 1, max = 1))]
    schema: u32,
    /// The stable id, a version 7 UUID; the number in the file name is for display.
    #[schemars(regex(pattern = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"))]
    id: String,
    /// The title, one line.
    #[schemars(length(min = 1, max = 200))]
    title: String,
    /// The service decided about.
    service: Option<String>,
    /// The team that owns it.
    team: Option<String>,
    /// Where the record is in its life.
    status: Status,
    /// Free words to find it by.
    tags: Option<Vec<String>>,
    /// When it was written, without quotes.
    created: Timestamp,
    /// The day of the decision, without quotes.
    decided: Option<Date>,
    /// The day by which it should be looked at again, without quotes.
    review_by: Option<Date>,
    /// Who decided.
    deciders: Option<Vec<String>>,
    /// Ids of the records that this one replaces once it is accepted.
    supersedes: Option<Vec<String>>,
    /// What was chosen.
    choice: Option<Chosen>,
    /// Why, in Markdown.
    rationale: Option<Rationale>,
    answers: Option<serde_json::Map<String, Value>>,
    /// The advice as `assay score` gave it that day.
    advice: Option<serde_json::Map<String, Value>>,
    /// What the options were reckoned to cost.
    cost: Option<Cost>,
    /// The measurements relied on.
    evidence: Option<Vec<Evidence>>,
    /// What makes the record due for review.
    trigger: Option<Vec<Trigger>>,
    /// The text that the record was imported from, exactly.
    original: Option<Original>,
    /// What happened to the record, oldest first; only ever added to.
    event: Option<Vec<Event>>,
}

#[derive(JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Status {
    Draft,
    Proposed,
    Accepted,
    Rejected,
    Deprecated,
}

#[derive(JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Choice {
    Rust,
    Go,
    Hybrid,
}

#[derive(JsonSchema)]
struct Chosen {
    /// The option.
    option: Choice,
    /// Required when the option differs from the recommendation.
    override_reason: Option<String>,
}

#[derive(JsonSchema)]
struct Rationale {
    /// What the situation is.
    context: Option<String>,
    /// What was decided and why.
    decision: Option<String>,
    /// What follows from it.
    consequences: Option<String>,
}

#[derive(JsonSchema)]
struct Cost {
    assumptions: Option<serde_json::Map<String, Value>>,
    /// One sentence.
    summary: Option<String>,
    /// The same in a few words.
    short: Option<String>,
    /// What the others are held against.
    baseline: Option<Choice>,
    /// What amounts of money are counted in.
    currency: Option<String>,
    /// Where the cores of the baseline come from.
    basis: Option<String>,
    /// Measured processor time, Rust ÷ Go: low, likely, high.
    ratio: Option<serde_json::Map<String, Value>>,
    /// Where the ratio was measured.
    source: Option<String>,
    /// What was missing to say more.
    missing: Option<Vec<String>>,
    /// What the figures leave out or take for granted.
    notes: Option<Vec<String>>,
    /// The figures of each option.
    options: Option<serde_json::Map<String, Value>>,
}

#[derive(JsonSchema)]
struct Evidence {
    /// The run folder's name.
    run: String,
    /// The scenario within the run.
    scenario: Option<String>,
    /// What was measured.
    metric: String,
    /// The unit of `rust` and `go`.
    unit: Option<String>,
    /// The figure of the Rust twin.
    rust: Option<f64>,
    /// The figure of the Go twin.
    go: Option<f64>,
    /// `rust ÷ go`.
    ratio: Option<f64>,
    /// The lower end of the ratio's interval.
    low: Option<f64>,
    /// The upper end of the ratio's interval.
    high: Option<f64>,
}

#[derive(JsonSchema)]
#[serde(rename_all = "lowercase")]
enum TriggerKind {
    Metric,
    Answer,
    Date,
    Event,
}

#[derive(JsonSchema)]
struct Trigger {
    /// A short id, unique within the record.
    #[schemars(regex(pattern = "^[a-z0-9_-]{1,60}$"))]
    id: String,
    /// The kind of condition.
    kind: TriggerKind,
    /// metric: `NAME OP NUMBER for DURATION`; answer: `QUESTION = VALUE`; date: `YYYY-MM-DD`; event:
    /// any text.
    when: String,
    /// The option that would then have the greatest value.
    flips_to: Option<Choice>,
    /// Who watches for it.
    owner: Option<String>,
    /// More, in words.
    note: Option<String>,
    /// The Prometheus expression whose value a metric condition compares.
    promql: Option<String>,
}

#[derive(JsonSchema)]
struct Original {
    /// What wrote it.
    #[schemars(with = "Dialects")]
    format: String,
    /// Its file's name within the folder that was imported.
    file: String,
    /// Its text.
    text: String,
}

#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Dialects {
    Madr4,
    Madr3,
    Madr2,
    AdrTools,
    Log4brains,
    JsonAdr,
}

#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
enum EventKind {
    Created,
    Edited,
    Reviewed,
    Status,
    TriggerFired,
    Revisited,
    Rescored,
}

#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ReviewVerdict {
    Approve,
    RequestChanges,
    Comment,
}

#[derive(JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Section {
    Context,
    Decision,
    Consequences,
}

#[derive(JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Keep,
    Amend,
    Supersede,
}

#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Advised {
    Rust,
    Go,
    Hybrid,
    TooClose,
}

#[derive(JsonSchema)]
struct Event {
    /// When, without quotes.
    at: Timestamp,
    /// Who.
    by: Option<String>,
    /// What happened.
    kind: EventKind,
    /// More, in words.
    detail: Option<String>,
    /// Of a review: what the reviewer said.
    verdict: Option<ReviewVerdict>,
    /// Of a review: the section it speaks of; without one, the whole record.
    section: Option<Section>,
    /// Of a review: the digest of the text that was read.
    digest: Option<String>,
    /// Of a firing: the trigger's id.
    trigger: Option<String>,
    /// Of a firing: the alert that reported it.
    alert: Option<String>,
    /// Of a revisit: what came of it.
    outcome: Option<Outcome>,
    /// Of a rescoring: what is advised now.
    advised: Option<Advised>,
}
