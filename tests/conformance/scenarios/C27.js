'use strict';
// C27: data and a reset to a socket paused from the beginning, which writes later
const { cb, note, pair, settle } = require('../trace.js');

pair({ server: { pauseOnConnect: true } }, (s, c) => {
  c.write('abc');
  settle(() => {
    c.resetAndDestroy();
    settle(() => note('S', 'write x ->', s.write('x', cb('S', 'w.cb'))));
  });
});
