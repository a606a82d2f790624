'use strict';
// C10: data and FIN to a side without a data listener, which comes later
const { log, note, pair, settle, until } = require('../trace.js');

pair({ s: {} }, (s, c) => {
  c.end('bye');
  until(() => s.readableLength === 3, () => settle(() => {
    note('S', '.readableLength', s.readableLength);
    s.on('data', (chunk) => log('S', `data ${chunk.length}`));
  }));
});
