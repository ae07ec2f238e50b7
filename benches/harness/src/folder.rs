//! The folder a run leaves behind.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, ensure};
use assay_evidence::{Environment, Plan, Samples, summarise};
use tempfile::TempDir;

use crate::generator::Interrupted;
use crate::{Options, Outcome, machine};

/// Space that must be free before a run begins; one takes a few MB.
const FREE_BYTES: u64 = 50_000_000;

fn out(options: &Options) -> PathBuf {
    options.out.clone().unwrap_or_else(|| options.root.join("benches/runs"))
}

/// Makes sure, before anything is built or measured, that there is a place for what is found.
pub(crate) fn check(options: &Options) -> Result<()> {
    let out = out(options);
    fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
    tempfile::tempfile_in(&out)
        .with_context(|| format!("cannot write into {}, where runs go", out.display()))?;
    // A file system that does not say what is free is taken at its word.
    if let Ok(space) = rustix::fs::statvfs(&out) {
        let free = space.f_bavail.saturating_mul(space.f_frsize);
        ensure!(
            free >= FREE_BYTES,
            "{} has {} MB free, but a run needs {} MB",
            out.display(),
            free / 1_000_000,
            FREE_BYTES / 1_000_000
        );
    }
    Ok(())
}

/// `benches/runs/<date>-<host>-<scenario>`, where a run keeps what it found.
pub(crate) struct RunFolder {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    /// What is there while measuring only: data, and what the services said on stderr.
    working: TempDir,
}

impl RunFolder {
    /// Makes a new folder, with a number behind its name when there is one for the day already.
    pub(crate) fn create(
        options: &Options,
        environment: &Environment,
        scenario: &str,
    ) -> Result<Self> {
        check(options)?;
        let out = out(options);
        let host = machine::slug(&environment.host);
        ensure!(!host.is_empty(), "the host name {:?} has no letter or digit", environment.host);
        let base = format!("{}-{host}-{scenario}", options.started.strftime("%Y-%m-%d"));
        for number in 1..1000 {
            let name = if number == 1 { base.clone() } else { format!("{base}-{number}") };
            let path = out.join(&name);
            match fs::create_dir(&path) {
                Ok(()) => {
                    let working = tempfile::Builder::new().prefix("working-").tempdir_in(&path);
                    let working =
                        working.with_context(|| format!("cannot write into {}", path.display()))?;
                    let folder = Self { name, path, working };
                    let name = "environment.toml";
                    fs::write(folder.fresh(name), environment.to_toml()?)
                        .with_context(|| format!("cannot write into {}", folder.path.display()))?;
                    folder.settle(name)?;
                    return Ok(folder);
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(error).with_context(|| format!("cannot make {}", path.display()));
                }
            }
        }
        Err(anyhow!("{} has too many runs of one day", out.display()))
    }

    /// Where the services say on stderr what they have to say.
    pub(crate) fn log(&self) -> PathBuf {
        self.working.path().join("service.log")
    }

    /// Writes the samples so far and their summary. Both are written beside the old ones first: a
    /// disk that is full leaves the two that belong together.
    pub(crate) fn write(&self, plan: &Plan, samples: &Samples) -> Result<()> {
        let texts = [
            ("samples.toml", samples.to_toml()?),
            ("summary.toml", summarise(plan, samples).to_toml()?),
        ];
        let staged = texts.iter().try_for_each(|(name, text)| {
            fs::write(self.fresh(name), text)
                .with_context(|| format!("cannot write {}", self.path.join(name).display()))
        });
        if staged.is_err() {
            // What could be written only takes up room.
            texts.iter().for_each(|(name, _)| drop(fs::remove_file(self.fresh(name))));
            return staged;
        }
        texts.iter().try_for_each(|(name, _)| self.settle(name))
    }

    fn fresh(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.new"))
    }

    /// Puts a fresh file in the old one's place as a whole, so that an interruption leaves either.
    fn settle(&self, name: &str) -> Result<()> {
        let path = self.path.join(name);
        fs::rename(self.fresh(name), &path)
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Ends a run early: its finished blocks are kept; a run without any leaves nothing behind.
    pub(crate) fn give_up(
        &self,
        error: anyhow::Error,
        plan: &Plan,
        samples: &Samples,
    ) -> Result<Outcome> {
        if samples.blocks() == 0 {
            // Only what this run wrote is in the folder, and none of it is of use.
            fs::remove_dir_all(&self.path).context("cannot remove the empty run folder")?;
            return Err(error);
        }
        let folder = self.path.clone();
        if error.is::<Interrupted>() {
            let summary = summarise(plan, samples);
            return Ok(Outcome { folder, summary, interrupted: true });
        }
        let kept = samples.blocks();
        let kept = format!("the finished blocks ({kept}) are kept in {}", folder.display());
        Err(error.context(kept))
    }
}
