//! Errors, resets, and destroying with an error.

use crate::Scenario;

pub(crate) const SCENARIOS: &[Scenario] = &[];
