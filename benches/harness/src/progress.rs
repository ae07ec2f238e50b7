//! Progress with the time left.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// How far a run is.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// What is being done now.
    pub text: String,
    /// The share done, 0 to 1.
    pub share: f64,
    /// About how long the rest takes.
    pub left: Duration,
    /// The run folder once there is one; its `summary.toml` is rewritten after every block.
    pub folder: Option<PathBuf>,
}

/// Steps of the bar.
const STEPS: u64 = 1000;

/// Shows progress on stderr: a bar on a terminal, else one line for each step.
pub fn on_stderr() -> impl FnMut(Progress) + Send {
    let bar = std::io::stderr().is_terminal().then(|| {
        let style = ProgressStyle::with_template("{wide_bar} {msg}");
        ProgressBar::new(STEPS).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
    });
    move |progress| {
        let line = format!("{} ({} left)", progress.text, minutes(progress.left));
        let Some(bar) = &bar else {
            eprintln!("{:3.0}% {line}", progress.share * 100.0);
            return;
        };
        bar.set_message(line);
        bar.set_position(steps(progress.share));
        if progress.share >= 1.0 {
            bar.finish_and_clear();
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a thousand"
)]
fn steps(share: f64) -> u64 {
    (share.clamp(0.0, 1.0) * STEPS as f64) as u64
}

/// `1:05` for 65 seconds.
fn minutes(left: Duration) -> String {
    let seconds = left.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}
