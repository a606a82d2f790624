//! Connecting to names: the scenarios of B with a lookup.

use crate::Scenario;

pub(crate) const SCENARIOS: &[Scenario] = &[];
