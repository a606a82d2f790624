'use strict';
// C25: the peer resets an idle connection that flows
const { pair } = require('../trace.js');

pair({}, (s) => s.resetAndDestroy());
