'use strict';
// C19: write, pause, resume and setTimeout after destroy
const { cb, note, pair, timer } = require('../trace.js');

pair({ c: { data: true, flow: true } }, (s, c) => {
  c.destroy();
  note('C', 'write x ->', c.write('x', cb('C', 'w.cb')));
  c.pause();
  c.resume();
  c.setTimeout(1);
  timer('later', 3);
});
