'use strict';
// C33b: resetAndDestroy when our end has finished and the peer has seen it
const { pair, settle } = require('../trace.js');

pair({ server: { allowHalfOpen: true } }, (s, c) => {
  s.on('end', () => setImmediate(() => {
    c.resetAndDestroy();
    settle(() => s.end());
  }));
  c.end();
});
