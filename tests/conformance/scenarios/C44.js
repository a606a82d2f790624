'use strict';
// C44: five writes of 4 MiB: the drain is before the last callbacks
const { cb, note, pair } = require('../trace.js');

pair({}, (s, c) => {
  for (let at = 0; at < 5; at += 1) {
    note('C', `write ${at} ->`, c.write(Buffer.alloc(4 << 20), cb('C', `w${at}.cb`)));
  }
  c.on('drain', () => setImmediate(() => c.end()));
});
