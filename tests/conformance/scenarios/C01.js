'use strict';
// C01: the accepted side ends with data
const { cb, pair } = require('../trace.js');

pair({}, (s) => s.end('bye', cb('S', 'end.cb')));
