'use strict';
// C48: destroy in the callback of setTimeout
const { log, pair } = require('../trace.js');

pair({}, (s, c) => {
  c.setTimeout(20, () => {
    log('C', 'timeout.cb');
    c.destroy();
  });
});
