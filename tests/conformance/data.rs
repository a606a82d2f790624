//! Data, its flow, writing and timeouts.

use crate::Scenario;

pub(crate) const SCENARIOS: &[Scenario] = &[];
