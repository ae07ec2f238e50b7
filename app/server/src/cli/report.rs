//! Faults shown as a compiler shows them: file, line, caret and remedy.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use assay_advice::Problem;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used.
    Warning,
}

/// All problems of a file, as errors, each followed by an empty line.
pub(super) fn problems(file: &str, text: &str, problems: &[Problem], styled: bool) -> String {
    problems
        .iter()
        .map(|problem| render(file, Some(text), problem, Severity::Error, styled))
        .collect()
}

/// One problem with the line it is in, followed by an empty line.
pub(super) fn render(
    file: &str,
    text: Option<&str>,
    problem: &Problem,
    severity: Severity,
    styled: bool,
) -> String {
    let level = match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = match problem.field.as_str() {
        "" => problem.message.clone(),
        field => format!("{field}: {}", problem.message),
    };
    // Text of strangers reaches a terminal here: control characters would act on it.
    let title = visible(&title);
    let help = visible(&problem.help);
    let group = match (text, &problem.span) {
        (Some(text), Some(span)) => {
            let end = span.end.min(text.len());
            let span = span.start.min(end)..end;
            level.primary_title(title.as_str()).element(
                Snippet::source(text).path(file).annotation(AnnotationKind::Primary.span(span)),
            )
        }
        _ => level.primary_title(title.as_str()).element(annotate_snippets::Origin::path(file)),
    };
    let mut report: Vec<Group<'_>> = vec![group];
    if !help.is_empty() {
        report.push(Group::with_title(Level::HELP.secondary_title(help.as_str())));
    }
    let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
    format!("{}\n\n", renderer.render(&report))
}

/// The text with control characters made visible.
pub(super) fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{FFFD}' } else { c }).collect()
}
