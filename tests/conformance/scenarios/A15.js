'use strict';
// A15: an accepted socket that does not read until it is resumed
const { note, pair, settle } = require('../trace.js');

pair({ server: { pauseOnConnect: true } }, (s, c) => {
  c.end('hi');
  c.on('finish', () => settle(() => {
    note('S', '.bytesRead', s.bytesRead);
    note('S', '.readableLength', s.readableLength);
    note('S', '.isPaused()', s.isPaused());
    s.on('close', () => note('S', '.bytesRead', s.bytesRead));
    s.resume();
  }));
});
