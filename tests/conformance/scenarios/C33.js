'use strict';
// C33: resetAndDestroy of a connection
const { pair } = require('../trace.js');

pair({}, (s, c) => c.resetAndDestroy());
