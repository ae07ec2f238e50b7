//! The scenarios of a source tree, as they can be started from the page.

use std::{fs, path::Path};

use assay_evidence::Profile;
use assay_harness::Scenario;

/// What can be measured.
#[derive(Clone, Debug, Default)]
pub struct Offers {
    /// The scenarios, by id.
    pub offers: Vec<Offer>,
    /// Scenario files that cannot be read, and why.
    pub faults: Vec<String>,
}

/// A scenario.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Its id.
    pub id: String,
    /// In words.
    pub title: String,
    /// The reference service.
    pub service: String,
    quick: u32,
    publish: u32,
}

impl Offer {
    /// The blocks of a profile.
    #[must_use]
    pub const fn blocks(&self, profile: Profile) -> u32 {
        match profile {
            Profile::Quick => self.quick,
            Profile::Publish => self.publish,
        }
    }
}

impl Offers {
    /// Reads the scenarios of a source tree.
    pub(super) fn find(root: &Path) -> Self {
        let mut found = Self::default();
        let folder = root.join("benches/scenarios");
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                found.faults.push(format!("{} cannot be read: {error}", folder.display()));
                return found;
            }
        };
        let paths = entries.flatten().map(|entry| entry.path());
        for path in paths.filter(|path| path.extension().is_some_and(|end| end == "toml")) {
            let text = fs::read_to_string(&path).map_err(|error| error.to_string());
            let read =
                text.and_then(|text| Scenario::parse(&text).map_err(|error| format!("{error:#}")));
            match read {
                Ok(scenario) => found.offers.push(offer(scenario)),
                Err(why) => found.faults.push(format!("{}: {why}", path.display())),
            }
        }
        found.offers.sort_by(|one, other| one.id.cmp(&other.id));
        found.faults.sort();
        found
    }

    /// The scenario with this id.
    #[must_use]
    pub fn of(&self, id: &str) -> Option<&Offer> {
        self.offers.iter().find(|offer| offer.id == id)
    }
}

fn offer(scenario: Scenario) -> Offer {
    Offer {
        quick: scenario.lengths(Profile::Quick).blocks,
        publish: scenario.lengths(Profile::Publish).blocks,
        id: scenario.id,
        title: scenario.title,
        service: scenario.service,
    }
}
