'use strict';
// C26c: a reset to a socket paused from the beginning, which is destroyed later
const { note, pair, settle } = require('../trace.js');

pair({ server: { pauseOnConnect: true } }, (s, c) => {
  c.resetAndDestroy();
  settle(() => {
    note('S', '.readyState', s.readyState);
    s.destroy();
  });
});
