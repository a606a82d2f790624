'use strict';
// C27b: a reset to a socket paused from the beginning, which ends later
const { cb, pair, settle } = require('../trace.js');

pair({ server: { pauseOnConnect: true } }, (s, c) => {
  c.resetAndDestroy();
  settle(() => {
    s.end(cb('S', 'end.cb'));
    settle(() => s.destroy());
  });
});
