'use strict';
// C02: the connecting side ends with data
const { cb, pair } = require('../trace.js');

pair({}, (s, c) => c.end('bye', cb('C', 'end.cb')));
