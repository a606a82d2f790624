'use strict';
// C06: a side that allows half-open connections and never ends
const { end, note, pair, settle } = require('../trace.js');

pair({ server: { allowHalfOpen: true } }, (s, c) => {
  s.on('end', () => settle(() => {
    note('S', '.readyState', s.readyState);
    end();
  }));
  c.end('bye');
});
