//! The scenarios of a source tree, as they can be started from the page.

use std::{path::Path, time::Duration};

use assay_evidence::Profile;
use assay_harness::{Scenario, expected, scenarios};

/// What can be measured.
#[derive(Clone, Debug, Default)]
pub struct Offers {
    /// The scenarios, by id.
    pub offers: Vec<Offer>,
    /// Why there are none: a scenario file that cannot be read.
    pub fault: Option<String>,
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
    /// Blocks, and about how long they take.
    quick: (u32, Duration),
    publish: (u32, Duration),
}

impl Offer {
    /// The blocks of a profile.
    #[must_use]
    pub const fn blocks(&self, profile: Profile) -> u32 {
        match profile {
            Profile::Quick => self.quick.0,
            Profile::Publish => self.publish.0,
        }
    }

    /// About how many minutes a quick and a full run take, at least one.
    #[must_use]
    pub fn minutes(&self) -> [u64; 2] {
        [self.quick, self.publish].map(|(_, length)| length.as_secs().div_ceil(60).max(1))
    }
}

impl Offers {
    /// Reads the scenarios of a source tree.
    pub(super) fn find(root: &Path) -> Self {
        match scenarios(root) {
            Ok(found) => Self { offers: found.into_iter().map(offer).collect(), fault: None },
            Err(fault) => Self { offers: Vec::new(), fault: Some(format!("{fault:#}")) },
        }
    }

    /// The scenario with this id.
    #[must_use]
    pub fn of(&self, id: &str) -> Option<&Offer> {
        self.offers.iter().find(|offer| offer.id == id)
    }
}

fn offer(scenario: Scenario) -> Offer {
    let length = |profile| (scenario.lengths(profile).blocks, expected(&scenario, profile));
    Offer {
        quick: length(Profile::Quick),
        publish: length(Profile::Publish),
        id: scenario.id,
        title: scenario.title,
        service: scenario.service,
    }
}
