'use strict';
// C08: FIN without data to a paused side
const { note, pair } = require('../trace.js');

pair({ s: { data: true, flow: true } }, (s, c) => {
  s.on('end', () => note('S', '.isPaused()', s.isPaused()));
  s.pause();
  c.end();
});
