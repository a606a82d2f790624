'use strict';
// C10b: the data listener is removed: what comes then is thrown away
const { log, pair } = require('../trace.js');

pair({ s: {} }, (s, c) => {
  s.once('data', (chunk) => {
    log('S', `data ${chunk.length}`);
    setImmediate(() => c.end('bye'));
  });
  c.write('a');
});
