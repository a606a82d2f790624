'use strict';
// C25b: the peer resets an idle connection that is paused
const { note, pair } = require('../trace.js');

pair({ c: { data: true, flow: true } }, (s, c) => {
  c.pause();
  c.on('error', () => note('C', '.isPaused()', c.isPaused()));
  s.resetAndDestroy();
});
